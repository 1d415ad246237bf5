"""What is answered on a connection: the protocol that the connection server is given for HTTP (abi/stream.pxd)."""

from cython import NULL, address, bint, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import load_pointer, memory_order_acquire
from cython.cimports.aquatic.abi.bits import htobe16
from cython.cimports.aquatic.abi.counters import bump
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV4
from cython.cimports.aquatic.abi.http_counters import (
    HTTP_ERRORS_METHOD,
    HTTP_ERRORS_NO_CLIENT_ADDRESS,
    HTTP_ERRORS_NOT_ALLOWED,
    HTTP_ERRORS_NOT_FOUND,
    HTTP_ERRORS_NOT_HTTP,
    HTTP_ERRORS_REFUSED,
    HTTP_ERRORS_TOO_LARGE,
    HTTP_ERRORS_UPGRADE,
    HTTP_REQUESTS_ANNOUNCE,
    HTTP_REQUESTS_OTHER,
    HTTP_REQUESTS_SCRAPE,
    HTTP_RESPONSES_ANNOUNCE,
    HTTP_RESPONSES_FAILURE,
    HTTP_RESPONSES_OTHER,
    HTTP_RESPONSES_SCRAPE,
)
from cython.cimports.aquatic.abi.http_wire import (
    HEAD_BAD,
    HEAD_BODY_ENCODED,
    HEAD_BODY_TOO_LARGE,
    HEAD_COMPLETE,
    HEAD_PARTIAL,
    HTTP_SCRAPE_TORRENTS_MAX,
    METHOD_GET,
    PEER_ID_BYTES,
    RESOURCE_ANNOUNCE,
    RESOURCE_HEALTH,
    RESOURCE_ROOT,
    RESOURCE_SCRAPE,
    TRACKER_ID_BYTES_MAX,
)
from cython.cimports.aquatic.abi.limits import RESPONSE_SLACK_BYTES
from cython.cimports.aquatic.abi.stream import ANSWER_ANNOUNCE, ANSWER_KINDS, ANSWER_OTHER, ANSWER_SCRAPE
from cython.cimports.aquatic.abi.swarm import (
    DELTA_COMPLETED,
    DELTA_PARTIAL_SEED,
    DELTA_SEEDER,
    DELTA_STOPPED,
    AccessList,
    Delta,
)
from cython.cimports.aquatic.abi.threads import thread_cpu_ns
from cython.cimports.aquatic.abi.udp_wire import EVENT_COMPLETED, EVENT_PAUSED, EVENT_STOPPED, INFO_HASH_BYTES
from cython.cimports.aquatic.dataplane.http.decode import decode_head
from cython.cimports.aquatic.dataplane.http.encode import (
    CONNECTION_CLOSE,
    CONNECTION_KEEP_ALIVE,
    CONNECTION_UNSAID,
    CONTENT_HTML,
    CONTENT_TEXT,
    HEAD_ROOM_BYTES,
    PEER_DICTIONARY_IPV4_BYTES,
    PEER_DICTIONARY_IPV6_BYTES,
    PEER_IPV4_BYTES,
    PEER_IPV6_BYTES,
    STATUS_BAD_REQUEST,
    STATUS_BODY_TOO_LARGE,
    STATUS_FORBIDDEN,
    STATUS_HEAD_TOO_LARGE,
    STATUS_METHOD_NOT_ALLOWED,
    STATUS_NOT_FOUND,
    STATUS_NOT_IMPLEMENTED,
    STATUS_OK,
    STATUS_UPGRADE_REQUIRED,
    TORRENT_ROOM_BYTES,
    AnnounceAnswer,
    encode_announce,
    encode_failure,
    encode_head,
    encode_scrape_end,
    encode_scrape_start,
    encode_scrape_torrent,
    put_text,
)
from cython.cimports.aquatic.dataplane.http.forwarded import read_forwarded
from cython.cimports.aquatic.dataplane.http.handle import ANSWER_ROOM_BYTES, HttpHandler
from cython.cimports.aquatic.dataplane.http.query import decode_target
from cython.cimports.aquatic.dataplane.swarm.access_list import is_allowed
from cython.cimports.aquatic.dataplane.swarm.selection import random_below
from cython.cimports.aquatic.dataplane.swarm.store import (
    Answer,
    TorrentCounts,
    store_announce,
    store_hash,
    store_prefetch_record,
    store_prefetch_table,
    store_scrape,
)
from cython.cimports.aquatic.dataplane.ws.handshake import (
    HANDSHAKE_ACCEPTED,
    HANDSHAKE_BAD_ORIGIN,
    HANDSHAKE_BAD_VERSION,
    asks_websocket,
    judge_handshake,
    put_handshake,
)
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, memcpy, memmove, memset


def serve(state, exchange):
    """Answer whole requests for as long as there are any, and room, and the connection is to stay open."""
    handler = cast(pointer(HttpHandler), state)
    handler.access = cast(
        pointer(AccessList), load_pointer(address(handler.store.access_list), memory_order_acquire)
    )
    handler.cpu_start_ns = thread_cpu_ns() if handler.store.limits.measure_locks else 0
    exchange.used = 0
    exchange.written = 0
    kind = declare(uint32_t)
    for kind in range(cast(uint32_t, ANSWER_KINDS)):
        exchange.answered[kind] = 0
    exchange.needs_room = False
    exchange.closes = False
    exchange.switches = False
    while not (exchange.closes or exchange.switches) and exchange.used < exchange.input_length:
        verdict = decode_head(
            exchange.input + exchange.used,
            exchange.input_length - exchange.used,
            address(handler.rules.head),
            address(handler.head),
        )
        if verdict == HEAD_PARTIAL:
            return
        if not answer(handler, exchange, verdict):
            exchange.needs_room = True
            return


def answer(handler, exchange, verdict):
    """Answer one request, or do nothing and return False where its answer may not fit."""
    handler.client = exchange.source
    if not has_room(exchange, ANSWER_ROOM_BYTES):
        return False
    if verdict != HEAD_COMPLETE:
        answer_bad_head(handler, exchange, verdict)
        return True
    if handler.rules.speaks_websocket and asks_websocket(address(handler.head)):
        answer_websocket(handler, exchange)
        return True
    if handler.head.method == METHOD_GET:
        decode_target(handler.head.target, handler.head.target_bytes, address(handler.request))
        return answer_get(handler, exchange)
    note(handler, HTTP_REQUESTS_OTHER)
    note(handler, HTTP_ERRORS_METHOD)
    # Without a body, as the method may be HEAD.
    answer_page(handler, exchange, STATUS_METHOD_NOT_ALLOWED, CONTENT_TEXT, b"")
    return True


def has_room(exchange, needed):
    return exchange.output_capacity - exchange.written >= needed


def answer_bad_head(handler, exchange, verdict):
    """Where the next request begins is not known, so there is none."""
    handler.head.asks_close = True
    handler.head.request_bytes = 0
    note(handler, HTTP_ERRORS_NOT_HTTP if verdict == HEAD_BAD else HTTP_ERRORS_TOO_LARGE)
    if verdict == HEAD_BAD:
        answer_page(
            handler, exchange, STATUS_BAD_REQUEST, CONTENT_TEXT, b"This is not an HTTP/1.1 request.\n"
        )
    elif verdict == HEAD_BODY_TOO_LARGE:
        answer_page(handler, exchange, STATUS_BODY_TOO_LARGE, CONTENT_TEXT, b"The body is too large.\n")
    elif verdict == HEAD_BODY_ENCODED:
        answer_page(
            handler, exchange, STATUS_NOT_IMPLEMENTED, CONTENT_TEXT, b"Encoded bodies are not read.\n"
        )
    else:
        answer_page(handler, exchange, STATUS_HEAD_TOO_LARGE, CONTENT_TEXT, b"The request is too large.\n")


def answer_get(handler, exchange):
    resource = handler.request.resource
    if resource == RESOURCE_ANNOUNCE or resource == RESOURCE_SCRAPE:
        if not handler.rules.speaks_http:
            note(handler, HTTP_REQUESTS_OTHER)
            answer_upgrade_required(
                handler, exchange, b"This tracker is for WebTorrent: it speaks WebSocket.\n"
            )
            return True
        if not find_client(handler, exchange):
            note(handler, HTTP_REQUESTS_ANNOUNCE if resource == RESOURCE_ANNOUNCE else HTTP_REQUESTS_SCRAPE)
            answer_failure(
                handler,
                exchange,
                HTTP_ERRORS_NO_CLIENT_ADDRESS,
                b"the proxy in front of this tracker did not tell your address",
                0,
            )
            return True
        if resource == RESOURCE_ANNOUNCE:
            return answer_announce(handler, exchange)
        return answer_scrape(handler, exchange)
    note(handler, HTTP_REQUESTS_OTHER)
    if resource == RESOURCE_ROOT:
        answer_page(handler, exchange, STATUS_OK, CONTENT_HTML, root_page())
    elif resource == RESOURCE_HEALTH and handler.rules.answers_health:
        answer_page(handler, exchange, STATUS_OK, CONTENT_TEXT, b"OK\n")
    else:
        note(handler, HTTP_ERRORS_NOT_FOUND)
        answer_page(handler, exchange, STATUS_NOT_FOUND, CONTENT_TEXT, b"There is /announce and /scrape.\n")
    return True


def answer_websocket(handler, exchange):
    """To the handshake, at any path: clients and proxies name many."""
    has_client = find_client(handler, exchange)
    note(handler, HTTP_REQUESTS_OTHER)
    verdict = judge_handshake(address(handler.head), handler.rules.origins)
    if verdict != HANDSHAKE_ACCEPTED:
        refuse_handshake(handler, exchange, verdict)
    elif not has_client:
        note(handler, HTTP_ERRORS_NO_CLIENT_ADDRESS)
        answer_page(
            handler, exchange, STATUS_BAD_REQUEST, CONTENT_TEXT, b"The proxy did not tell your address.\n"
        )
    else:
        switch_protocol(handler, exchange)


def refuse_handshake(handler, exchange, verdict):
    if verdict == HANDSHAKE_BAD_VERSION:
        answer_upgrade_required(handler, exchange, b"Version 13 of WebSocket is spoken here.\n")
        return
    note(handler, HTTP_ERRORS_UPGRADE)
    if verdict == HANDSHAKE_BAD_ORIGIN:
        answer_page(
            handler,
            exchange,
            STATUS_FORBIDDEN,
            CONTENT_TEXT,
            b"This tracker is not for pages of that origin.\n",
        )
    else:
        answer_page(
            handler,
            exchange,
            STATUS_BAD_REQUEST,
            CONTENT_TEXT,
            b"Sec-WebSocket-Key must be 16 bytes in base64.\n",
        )


def switch_protocol(handler, exchange):
    note(handler, HTTP_RESPONSES_OTHER)
    start = exchange.output + exchange.written
    exchange.written += cast(uint32_t, put_handshake(start, address(handler.head.websocket_key)) - start)
    exchange.used += handler.head.request_bytes
    exchange.answered[cast(uint32_t, ANSWER_OTHER)] += 1
    # What the proxy's header says now holds for all that follows.
    exchange.source = handler.client
    exchange.switches = True


def answer_upgrade_required(handler, exchange, text):
    note(handler, HTTP_ERRORS_UPGRADE)
    answer_page(handler, exchange, STATUS_UPGRADE_REQUIRED, CONTENT_TEXT, text)


def root_page():
    return (
        b"<!DOCTYPE html>\n<title>aquatic</title>\n<p>This is a BitTorrent tracker: it tells the clients that share a"
        b" file of each other. Add its address, with /announce behind it, to a torrent.</p>\n"
    )


def find_client(handler, exchange):
    """Behind a proxy whose header is known, the client is whom that header names last (compat/README.md)."""
    if not exchange.is_from_proxy or handler.rules.head.address_header_bytes == 0:
        return True
    head = address(handler.head)
    client = address(handler.client)
    return head.client_address != NULL and read_forwarded(
        head.client_address, head.client_address_bytes, client
    )


# Announce


def answer_announce(handler, exchange):
    request = address(handler.request)
    peer_bytes = declare(uint32_t, peer_bytes_max(handler.client.family, request.is_compact))
    wanted = declare(uint32_t, wanted_peers(handler, peer_bytes))
    needed = declare(uint32_t, ANSWER_ROOM_BYTES + wanted * peer_bytes)
    if not has_room(exchange, needed):
        return False
    note(handler, HTTP_REQUESTS_ANNOUNCE)
    reason = refusal_of(request)
    if reason != NULL:
        answer_failure(handler, exchange, HTTP_ERRORS_REFUSED, reason, 0)
    elif not is_allowed(handler.access, request.info_hashes):
        minutes = handler.rules.not_allowed_retry_minutes
        answer_failure(handler, exchange, HTTP_ERRORS_NOT_ALLOWED, b"Info hash not allowed", minutes)
    else:
        # At the very end of the room: the encoder does not overtake itself, as no peer gets shorter.
        stride = declare(uint32_t, 6 if handler.client.family == FAMILY_IPV4 else 18)
        peers = exchange.output + exchange.written + needed - RESPONSE_SLACK_BYTES - wanted * stride
        answer_accepted(handler, exchange, peers, wanted)
    return True


def answer_accepted(handler, exchange, peers, wanted):
    request = address(handler.request)
    hash = declare(uint64_t, store_hash(handler.store, request.info_hashes))
    delta = declare(Delta)
    found = declare(Answer)
    message = declare(AnnounceAnswer)
    found.cpu_start_ns = handler.cpu_start_ns
    found.wants_completed = True
    make_delta(request, address(handler.client), address(delta))
    store_announce(
        handler.store,
        address(delta),
        hash,
        exchange.tick,
        wanted,
        peers,
        address(handler.random),
        address(found),
    )
    message.counts = found.counts
    message.interval_seconds = next_interval_seconds(handler, found.counts.seeders + found.counts.leechers)
    message.interval_seconds_min = handler.rules.announce_interval_seconds_min or message.interval_seconds
    message.asker = address(handler.client)
    message.tracker_id = request.tracker_id
    if request.tracker_id_bytes <= TRACKER_ID_BYTES_MAX:
        message.tracker_id_bytes = request.tracker_id_bytes
    else:
        message.tracker_id_bytes = 0
    end = encode_announce(body_of(exchange), address(message), peers, found.peers, request.is_compact)
    note(handler, HTTP_RESPONSES_ANNOUNCE)
    exchange.answered[cast(uint32_t, ANSWER_ANNOUNCE)] += 1
    respond(handler, exchange, STATUS_OK, CONTENT_TEXT, end)


def refusal_of(request):
    """Why an announce cannot be accepted, or NULL."""
    if request.has_bad_info_hash or request.info_hash_count == 0:
        return b"info_hash must be 20 bytes"
    if request.peer_id_bytes != PEER_ID_BYTES:
        return b"peer_id must be 20 bytes"
    if request.port <= 0 and request.event != EVENT_STOPPED:
        return b"port must be 1 to 65535"
    return NULL


def wanted_peers(handler, peer_bytes):
    """What is asked for, or the cap by default, as far as it fits an answer."""
    peers_max = min(
        handler.rules.peers_max, (handler.rules.response_bytes_max - ANSWER_ROOM_BYTES) // peer_bytes
    )
    if handler.request.peers_wanted < 0:
        return peers_max
    return min(cast(uint32_t, handler.request.peers_wanted), peers_max)


def peer_bytes_max(family, is_compact):
    if family == FAMILY_IPV4:
        return PEER_IPV4_BYTES if is_compact else PEER_DICTIONARY_IPV4_BYTES
    return PEER_IPV6_BYTES if is_compact else PEER_DICTIONARY_IPV6_BYTES


def make_delta(request, client, delta):
    """The record of an accepted announce. `ip`, `ipv4` and `ipv6` are not read: anybody could be named there."""
    memcpy(delta.info_hash, request.info_hashes, INFO_HASH_BYTES)
    memcpy(delta.ip, client.ip, 16)
    memcpy(delta.peer_id_prefix, request.peer_id, 8)
    delta.port = htobe16(cast(uint16_t, request.port if request.port > 0 else 0))
    delta.family = client.family
    delta.age_seconds = 0
    delta.flags = DELTA_SEEDER if request.bytes_left == 0 else 0
    if request.event == EVENT_STOPPED:
        delta.flags |= DELTA_STOPPED
    elif request.event == EVENT_COMPLETED:
        delta.flags |= DELTA_COMPLETED
    elif request.event == EVENT_PAUSED:
        delta.flags |= DELTA_PARTIAL_SEED


def next_interval_seconds(handler, peers):
    """Large swarms can do with less news, and jitter keeps clients that came together from coming together again."""
    rules = address(handler.rules)
    interval_seconds = rules.announce_interval_seconds
    if rules.large_swarm_peers and peers >= rules.large_swarm_peers:
        interval_seconds = rules.large_swarm_interval_seconds
    if rules.announce_jitter_seconds_max:
        interval_seconds += random_below(address(handler.random), rules.announce_jitter_seconds_max + 1)
    return interval_seconds


# Scrape


def answer_scrape(handler, exchange):
    """Beyond the cap hashes are left out, as in the Rust tracker."""
    request = address(handler.request)
    fitting = declare(uint32_t, (handler.rules.response_bytes_max - ANSWER_ROOM_BYTES) // TORRENT_ROOM_BYTES)
    count = declare(uint32_t, min(request.info_hash_count, handler.rules.scrape_torrents_max, fitting))
    if not has_room(exchange, ANSWER_ROOM_BYTES + count * TORRENT_ROOM_BYTES):
        return False
    note(handler, HTTP_REQUESTS_SCRAPE)
    if request.has_bad_info_hash:
        answer_failure(handler, exchange, HTTP_ERRORS_REFUSED, b"info_hash must be 20 bytes", 0)
    elif request.info_hash_count == 0:
        answer_failure(handler, exchange, HTTP_ERRORS_REFUSED, b"full scrapes are not supported", 0)
    else:
        sort_info_hashes(request.info_hashes, count)
        end = encode_scrape_start(body_of(exchange))
        end = encode_scrape_end(put_torrents(handler, end, count))
        note(handler, HTTP_RESPONSES_SCRAPE)
        exchange.answered[cast(uint32_t, ANSWER_SCRAPE)] += 1
        respond(handler, exchange, STATUS_OK, CONTENT_TEXT, end)
    return True


def put_torrents(handler, out, count):
    """Each torrent once; what is not known or not allowed is zeros."""
    hashes = declare(uint64_t[HTTP_SCRAPE_TORRENTS_MAX])
    info_hashes = address(handler.request.info_hashes[0])
    index = declare(uint32_t)
    for index in range(count):
        hashes[index] = store_hash(handler.store, info_hashes + index * INFO_HASH_BYTES)
        store_prefetch_table(handler.store, hashes[index])
    for index in range(count):
        store_prefetch_record(handler.store, hashes[index])
    for index in range(count):
        info_hash = info_hashes + index * INFO_HASH_BYTES
        if index and memcmp(info_hash, info_hash - INFO_HASH_BYTES, INFO_HASH_BYTES) == 0:
            continue
        counts = declare(TorrentCounts)
        memset(address(counts), 0, sizeof(counts))
        if is_allowed(handler.access, info_hash):
            counts = store_scrape(handler.store, info_hash, hashes[index], handler.client.family)
        out = encode_scrape_torrent(out, info_hash, address(counts))
    return out


def sort_info_hashes(info_hashes, count):
    """Shell's sort: short, in place, and of a few hundred hashes nearly as fast as any, whatever order they came in."""
    moved = declare(uint8_t[INFO_HASH_BYTES])
    gap = declare(uint32_t, 1)
    index = declare(uint32_t)
    place = declare(uint32_t)
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap:
        for index in range(gap, count):
            memcpy(moved, info_hashes + index * INFO_HASH_BYTES, INFO_HASH_BYTES)
            place = index
            while place >= gap:
                earlier = info_hashes + (place - gap) * INFO_HASH_BYTES
                if memcmp(earlier, moved, INFO_HASH_BYTES) <= 0:
                    break
                memcpy(info_hashes + place * INFO_HASH_BYTES, earlier, INFO_HASH_BYTES)
                place -= gap
            memcpy(info_hashes + place * INFO_HASH_BYTES, moved, INFO_HASH_BYTES)
        gap //= 3


# Any answer


def answer_failure(handler, exchange, cause, reason, retry_minutes):
    """Status 200: clients show the reason of such an answer only (BEP 3)."""
    note(handler, cause)
    note(handler, HTTP_RESPONSES_FAILURE)
    exchange.answered[cast(uint32_t, ANSWER_OTHER)] += 1
    end = encode_failure(body_of(exchange), reason, retry_minutes)
    respond(handler, exchange, STATUS_OK, CONTENT_TEXT, end)


def answer_page(handler, exchange, status, content, text):
    note(handler, HTTP_RESPONSES_OTHER)
    exchange.answered[cast(uint32_t, ANSWER_OTHER)] += 1
    respond(handler, exchange, status, content, put_text(body_of(exchange), text))


def body_of(exchange):
    """Where the body of the next answer is written; it moves up to its head, whose length follows from it."""
    return exchange.output + exchange.written + HEAD_ROOM_BYTES


def respond(handler, exchange, status, content, end):
    """Put the head before the body that ends at `end`, and pass on to the next request, if there may be one."""
    head = address(handler.head)
    keeps = declare(bint, handler.rules.keeps_alive and not head.asks_close)
    if head.minor_version == 0 and not head.asks_keep_alive:
        keeps = False
    connection = CONNECTION_CLOSE
    if keeps:
        connection = CONNECTION_UNSAID if head.minor_version else CONNECTION_KEEP_ALIVE
    body = body_of(exchange)
    body_bytes = cast(uint32_t, end - body)
    start = exchange.output + exchange.written
    body_start = encode_head(start, status, content, connection, body_bytes)
    memmove(body_start, body, body_bytes)
    exchange.written += cast(uint32_t, body_start - start) + body_bytes
    exchange.used += head.request_bytes
    exchange.closes = not keeps


def note(handler, counter):
    bump(address(handler.counters.values[handler.client.family][counter]), 1)
