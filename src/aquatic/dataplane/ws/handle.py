"""What is said on a WebSocket connection: WebTorrent's signalling, as a protocol of the connection server.

Who announces is answered on the spot; what goes to others is handed to the outbox of their worker when the swarm's lock
has been given back. Between calls a connection is kept as the torrents that it has peers of, so that these go with it.
"""

from cython import NULL, address, bint, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import load_pointer, memory_order_acquire
from cython.cimports.aquatic.abi.counters import bump
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV4, FAMILY_IPV6
from cython.cimports.aquatic.abi.stream import ANSWER_ANNOUNCE, ANSWER_OTHER, ANSWER_SCRAPE
from cython.cimports.aquatic.abi.swarm import AccessList
from cython.cimports.aquatic.abi.threads import pthread_mutex_lock, pthread_mutex_unlock
from cython.cimports.aquatic.abi.udp_wire import EVENT_COMPLETED, EVENT_STOPPED, INFO_HASH_BYTES
from cython.cimports.aquatic.abi.ws_counters import (
    WS_ANSWERS_UNEXPECTED,
    WS_ERRORS_FRAME,
    WS_ERRORS_MALFORMED,
    WS_ERRORS_NOT_ALLOWED,
    WS_ERRORS_NOT_JSON,
    WS_ERRORS_REFUSED,
    WS_ERRORS_TOO_LARGE,
    WS_OFFERS_OVER_LIMIT,
    WS_OFFERS_WITHOUT_RECEIVER,
    WS_REQUESTS_ANNOUNCE,
    WS_REQUESTS_SCRAPE,
    WS_RESPONSES_ANNOUNCE,
    WS_RESPONSES_ANSWER,
    WS_RESPONSES_ERROR,
    WS_RESPONSES_OFFER,
    WS_RESPONSES_SCRAPE,
)
from cython.cimports.aquatic.abi.ws_swarm import WS_ID_TAKEN, WS_STORED, WsActor, WsReceiver
from cython.cimports.aquatic.abi.ws_wire import (
    CLOSE_GOING_AWAY,
    CLOSE_NOT_UTF8,
    CLOSE_TOO_LARGE,
    FRAME_BAD,
    FRAME_COMPLETE,
    FRAME_HEADER_ROOM_BYTES,
    FRAME_PARTIAL,
    OPCODE_CLOSE,
    OPCODE_CONTINUATION,
    OPCODE_PING,
    OPCODE_PONG,
    OPCODE_TEXT,
    WS_ACCEPTED,
    WS_ACTION_ANNOUNCE,
    WS_ACTION_NONE,
    WS_ACTION_SCRAPE,
    WS_BAD_INFO_HASH,
    WS_NOT_JSON,
    Frame,
    MessageReader,
)
from cython.cimports.aquatic.dataplane.http.handle import sort_info_hashes
from cython.cimports.aquatic.dataplane.stream.outbox import RELAY_QUEUED, relay
from cython.cimports.aquatic.dataplane.swarm.access_list import is_allowed
from cython.cimports.aquatic.dataplane.swarm.downloads import downloads_count
from cython.cimports.aquatic.dataplane.swarm.store import store_hash, store_scrape, store_shard
from cython.cimports.aquatic.dataplane.ws.decode import decode_message, ws_reason
from cython.cimports.aquatic.dataplane.ws.encode import (
    SCRAPE_ROOM_BYTES,
    SCRAPE_TORRENT_ROOM_BYTES,
    put_announce_answer,
    put_answer,
    put_failure,
    put_offer,
    put_scrape_end,
    put_scrape_start,
    put_scrape_torrent,
)
from cython.cimports.aquatic.dataplane.ws.frame import (
    code_of_close,
    decode_frame,
    is_control,
    is_utf8,
    put_close,
    put_frame_around,
    put_frame_header,
    take_frame,
    unmask,
)
from cython.cimports.aquatic.dataplane.ws.handle import ANSWER_ROOM_BYTES, WsHandler
from cython.cimports.aquatic.dataplane.ws.membership import (
    connection_free,
    connection_of,
    connection_shrink,
    membership_add,
    membership_find,
    membership_remove,
    message_add,
    message_drop,
)
from cython.cimports.aquatic.dataplane.ws.swarm import (
    WsTorrentCounts,
    ws_address_tag,
    ws_announce,
    ws_leave,
    ws_look_after,
    ws_scrape,
    ws_take_answer,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memcmp, memcpy, memset


def ws_serve(state, exchange):
    """Take whole frames for as long as there are any, and room, and the connection is to stay open."""
    handler = cast(pointer(WsHandler), state)
    arena = address(handler.worker.connections.arena)
    frame = declare(Frame)
    blank = declare(MessageReader)
    memset(address(blank), 0, sizeof(blank))
    begin(handler, exchange)
    while not exchange.closes and exchange.used < exchange.input_length:
        reader = address(connection_of(arena, exchange.kept).reader) if exchange.kept else address(blank)
        verdict = decode_frame(
            exchange.input + exchange.used,
            exchange.input_length - exchange.used,
            address(handler.rules.frames),
            reader,
            address(frame),
        )
        if verdict == FRAME_PARTIAL:
            return
        # What refuses a frame is the code to close with.
        if not has_room(exchange, ANSWER_ROOM_BYTES):
            exchange.needs_room = True
            return
        if verdict != FRAME_COMPLETE:
            note(handler, WS_ERRORS_FRAME if verdict == FRAME_BAD else WS_ERRORS_TOO_LARGE, 1)
            say_close(exchange, verdict)
        elif not take(handler, exchange, address(frame)):
            exchange.needs_room = True
            return


def ws_look(state, exchange):
    """Let go of peers that are silent for too long, or whose torrents are no longer served, and of old offers."""
    handler = cast(pointer(WsHandler), state)
    if exchange.goes_away:
        if has_room(exchange, ANSWER_ROOM_BYTES):
            say_close(exchange, CLOSE_GOING_AWAY)
        return
    if not exchange.kept:
        return
    begin(handler, exchange)
    arena = address(handler.worker.connections.arena)
    connection = connection_of(arena, exchange.kept)
    index = declare(uint32_t, connection.count)
    while index:
        index -= 1
        membership = address(connection.memberships[index])
        if not is_allowed(handler.access, membership.info_hash):
            ws_leave(handler.swarm, address(handler.actor), membership.info_hash, membership.peer_id)
            membership_remove(connection, membership)
        elif not ws_look_after(
            handler.swarm, address(handler.actor), membership.info_hash, membership.peer_id
        ):
            membership_remove(connection, membership)
    connection_shrink(arena, address(exchange.kept))


def ws_end(state, connection, kept):
    """The connection is gone, and its peers with it."""
    handler = cast(pointer(WsHandler), state)
    if not kept:
        return
    arena = address(handler.worker.connections.arena)
    actor = declare(WsActor)
    memset(address(actor), 0, sizeof(actor))
    actor.self.connection = connection
    actor.self.worker = handler.worker.index
    ending = connection_of(arena, kept)
    index = declare(uint32_t)
    for index in range(ending.count):
        membership = address(ending.memberships[index])
        ws_leave(handler.swarm, address(actor), membership.info_hash, membership.peer_id)
    connection_free(arena, kept)


def begin(handler, exchange):
    """Who is at the other end, and what is allowed now."""
    handler.access = cast(
        pointer(AccessList), load_pointer(address(handler.store.access_list), memory_order_acquire)
    )
    actor = address(handler.actor)
    actor.self.connection = exchange.connection
    actor.self.worker = handler.worker.index
    actor.address_tag = ws_address_tag(handler.swarm, address(exchange.source))
    actor.family = exchange.source.family
    actor.second = exchange.second


# Frames


def take(handler, exchange, frame):
    """Take one frame, or do nothing and return False where what it is answered with may not fit."""
    payload = exchange.input + exchange.used + frame.payload
    unmask(payload, frame.payload_bytes, frame.mask)
    if is_control(frame):
        take_control(handler, exchange, frame, payload)
    elif not take_data(handler, exchange, frame, payload):
        # It comes again as it came.
        unmask(payload, frame.payload_bytes, frame.mask)
        return False
    exchange.used += frame.frame_bytes
    return True


def take_control(handler, exchange, frame, payload):
    if frame.opcode == OPCODE_PING:
        out = put_frame_header(exchange.output + exchange.written, OPCODE_PONG, frame.payload_bytes)
        memcpy(out, payload, frame.payload_bytes)
        exchange.written += frame.payload_bytes + 2
    elif frame.opcode == OPCODE_CLOSE:
        say_close(exchange, code_of_close(payload, frame.payload_bytes))


def take_data(handler, exchange, frame, payload):
    """A message, or a part of one. Of fragments all is kept until the last has come."""
    arena = address(handler.worker.connections.arena)
    handler.message = payload
    length = declare(uint32_t, frame.payload_bytes)
    is_fragment = declare(bint, not frame.is_final or frame.opcode == OPCODE_CONTINUATION)
    if is_fragment:
        handler.message = message_add(arena, address(exchange.kept), payload, length)
        if handler.message == NULL:
            note(handler, WS_ERRORS_TOO_LARGE, 1)
            say_close(exchange, CLOSE_TOO_LARGE)
            return True
        length += connection_of(arena, exchange.kept).reader.message_bytes
    if frame.is_final and not answer(handler, exchange, length):
        return False
    if is_fragment and take_frame(address(connection_of(arena, exchange.kept).reader), frame):
        message_drop(arena, exchange.kept)
    return True


# Messages


def answer(handler, exchange, length):
    """Answer a whole message, or do nothing and return False where its answer may not fit."""
    if not is_utf8(handler.message, length):
        note(handler, WS_ERRORS_NOT_JSON, 1)
        say_close(exchange, CLOSE_NOT_UTF8)
        return True
    request = address(handler.request)
    verdict = decode_message(handler.message, length, request)
    if verdict != WS_ACCEPTED:
        answer_refused(handler, exchange, verdict)
    elif request.action == WS_ACTION_SCRAPE:
        return answer_scrape(handler, exchange)
    else:
        answer_announce(handler, exchange)
    return True


def has_room(exchange, needed):
    return exchange.output_capacity - exchange.written >= needed


def answer_refused(handler, exchange, verdict):
    request = address(handler.request)
    if verdict == WS_NOT_JSON:
        request.action = WS_ACTION_NONE
    if request.action == WS_ACTION_SCRAPE:
        note(handler, WS_REQUESTS_SCRAPE, 1)
    elif request.action == WS_ACTION_ANNOUNCE:
        note(handler, WS_REQUESTS_ANNOUNCE, 1)
    cause = declare(uint32_t, WS_ERRORS_NOT_JSON if verdict == WS_NOT_JSON else WS_ERRORS_MALFORMED)
    info_hash = declare(pointer(uint8_t), NULL)
    if request.action == WS_ACTION_ANNOUNCE and verdict != WS_BAD_INFO_HASH:
        info_hash = request.info_hashes
    say_failure(handler, exchange, cause, info_hash, ws_reason(verdict))


def answer_scrape(handler, exchange):
    """Beyond the cap hashes are left out, as in the Rust tracker."""
    request = address(handler.request)
    count = declare(uint32_t, min(request.info_hash_count, handler.rules.scrape_torrents_max))
    if not has_room(
        exchange, FRAME_HEADER_ROOM_BYTES + SCRAPE_ROOM_BYTES + count * SCRAPE_TORRENT_ROOM_BYTES
    ):
        return False
    note(handler, WS_REQUESTS_SCRAPE, 1)
    sort_info_hashes(request.info_hashes, count)
    say(exchange, put_scrape_end(put_torrents(handler, put_scrape_start(room_in(exchange)), count)))
    note(handler, WS_RESPONSES_SCRAPE, 1)
    exchange.answered[cast(uint32_t, ANSWER_SCRAPE)] += 1
    return True


def put_torrents(handler, out, count):
    """Each torrent once; what is not known or not allowed is zeros."""
    info_hash = address(handler.request.info_hashes[0])
    last = info_hash
    index = declare(uint32_t)
    for index in range(count):
        if index and memcmp(info_hash, last, INFO_HASH_BYTES) == 0:
            info_hash += INFO_HASH_BYTES
            continue
        counts = declare(WsTorrentCounts)
        counts.seeders = 0
        counts.leechers = 0
        downloads = declare(uint32_t, 0)
        if is_allowed(handler.access, info_hash):
            counts = ws_scrape(handler.swarm, info_hash)
            hash = store_hash(handler.store, info_hash)
            downloads = store_scrape(handler.store, info_hash, hash, FAMILY_IPV4).completed
            downloads += store_scrape(handler.store, info_hash, hash, FAMILY_IPV6).completed
        out = put_scrape_torrent(out, info_hash, counts.seeders, counts.leechers, downloads, index == 0)
        last = info_hash
        info_hash += INFO_HASH_BYTES
    return out


def answer_announce(handler, exchange):
    """An answer to an offer, an announce, or both."""
    request = address(handler.request)
    note(handler, WS_REQUESTS_ANNOUNCE, 1)
    if not is_allowed(handler.access, request.info_hashes):
        say_failure(handler, exchange, WS_ERRORS_NOT_ALLOWED, request.info_hashes, b"Info hash not allowed")
        return
    if request.event == EVENT_STOPPED:
        note_stopped(handler, exchange)
        return
    if request.has_answer:
        pass_answer(handler, exchange)
    if not request.has_answer or request.offer_count:
        announce(handler, exchange)


def note_stopped(handler, exchange):
    """Who stops is not answered: it would not listen."""
    request = address(handler.request)
    arena = address(handler.worker.connections.arena)
    ws_leave(handler.swarm, address(handler.actor), request.info_hashes, request.peer_id)
    membership = membership_find(arena, exchange.kept, request.info_hashes, request.peer_id)
    if membership:
        membership_remove(connection_of(arena, exchange.kept), membership)
    exchange.answered[cast(uint32_t, ANSWER_OTHER)] += 1


def announce(handler, exchange):
    """Store the peer, for as long as the connection knows that it has it."""
    request = address(handler.request)
    arena = address(handler.worker.connections.arena)
    membership = membership_find(arena, exchange.kept, request.info_hashes, request.peer_id)
    if membership == NULL:
        kept = exchange.kept
        if kept and connection_of(arena, kept).count >= handler.rules.memberships_max:
            say_failure(
                handler, exchange, WS_ERRORS_REFUSED, request.info_hashes, b"too many torrents at once"
            )
            return
        if not membership_add(arena, address(exchange.kept), request.info_hashes, request.peer_id):
            say_failure(handler, exchange, WS_ERRORS_REFUSED, request.info_hashes, b"no memory left")
            return
    fill_in_announce(handler)
    ws_announce(handler.swarm, address(handler.actor), address(handler.announce), address(handler.random))
    if handler.announce.outcome != WS_STORED:
        membership = membership_find(arena, exchange.kept, request.info_hashes, request.peer_id)
        membership_remove(connection_of(arena, exchange.kept), membership)
    if handler.announce.outcome == WS_ID_TAKEN:
        say_failure(
            handler, exchange, WS_ERRORS_REFUSED, request.info_hashes, b"peer_id is in use by another client"
        )
    else:
        answer_accepted(handler, exchange)


def fill_in_announce(handler):
    """Who has completed a download has nothing left, whether it says so or not."""
    request = address(handler.request)
    filled = address(handler.announce)
    filled.info_hash = request.info_hashes
    filled.peer_id = request.peer_id
    filled.is_completed = request.event == EVENT_COMPLETED
    filled.has_left = request.has_left or filled.is_completed
    filled.is_seeder = request.is_seeder if request.has_left else filled.is_completed
    filled.offers = request.offers
    filled.offer_count = min(request.offer_count, handler.rules.offers_max)


def answer_accepted(handler, exchange):
    """An answer to an offer is not answered itself."""
    request = address(handler.request)
    done = address(handler.announce)
    if done.counts_download:
        count_download(handler)
    if not request.has_answer:
        say(
            exchange,
            put_announce_answer(
                room_in(exchange),
                request.info_hashes,
                done.seeders,
                done.leechers,
                handler.rules.announce_interval_seconds,
            ),
        )
        note(handler, WS_RESPONSES_ANNOUNCE, 1)
    exchange.answered[cast(uint32_t, ANSWER_ANNOUNCE)] += 1
    if done.offer_count:
        pass_offers(handler)


def count_download(handler):
    """Among those of the clients that are dialled by address: how often a torrent was downloaded is one number."""
    store = handler.store
    info_hash = address(handler.request.info_hashes[0])
    hash = store_hash(store, info_hash)
    shard = store_shard(store, hash)
    pthread_mutex_lock(address(shard.lock))
    downloads_count(store, shard, info_hash, hash, handler.actor.family)
    pthread_mutex_unlock(address(shard.lock))


def pass_offers(handler):
    """One offer to each receiver; those left over go to nobody."""
    request = address(handler.request)
    done = address(handler.announce)
    passed = declare(uint32_t, 0)
    index = declare(uint32_t)
    for index in range(done.receiver_count):
        offer = address(request.offers[index])
        end = put_offer(
            address(handler.relayed[FRAME_HEADER_ROOM_BYTES]),
            request.info_hashes,
            request.peer_id,
            offer.offer_id,
            handler.message + offer.offer.start,
            offer.offer.length,
        )
        passed += pass_on(handler, address(done.receivers[index]), end)
    note(handler, WS_RESPONSES_OFFER, passed)
    note(handler, WS_OFFERS_OVER_LIMIT, done.offers_over_limit)
    note(
        handler,
        WS_OFFERS_WITHOUT_RECEIVER,
        done.offer_count - done.offers_over_limit - done.receiver_count,
    )


def pass_answer(handler, exchange):
    """To whom made the offer, by whom it was made to, once."""
    request = address(handler.request)
    receiver = declare(WsReceiver)
    if not ws_take_answer(
        handler.swarm,
        address(handler.actor),
        request.info_hashes,
        request.to_peer_id,
        request.offer_id,
        address(receiver),
    ):
        say_failure(
            handler,
            exchange,
            WS_ANSWERS_UNEXPECTED,
            request.info_hashes,
            b"no such offer waits for your answer, or not any more",
        )
        return
    end = put_answer(
        address(handler.relayed[FRAME_HEADER_ROOM_BYTES]),
        request.info_hashes,
        request.peer_id,
        request.offer_id,
        handler.message + request.answer.start,
        request.answer.length,
    )
    note(handler, WS_RESPONSES_ANSWER, pass_on(handler, address(receiver), end))
    exchange.answered[cast(uint32_t, ANSWER_OTHER)] += 1


def pass_on(handler, receiver, end):
    """Send what lies in the handler's own room; False where nobody, or no room, is left to take it."""
    end = put_frame_around(handler.relayed, OPCODE_TEXT, end)
    length = declare(uint32_t, end - address(handler.relayed[0]))
    return (
        relay(handler.worker, receiver.worker, receiver.connection, handler.relayed, length) == RELAY_QUEUED
    )


# What is written


def room_in(exchange):
    """Where the next message to the asker is written, behind room for the frame's header."""
    return exchange.output + exchange.written + FRAME_HEADER_ROOM_BYTES


def say(exchange, end):
    end = put_frame_around(exchange.output + exchange.written, OPCODE_TEXT, end)
    exchange.written = end - exchange.output


def say_failure(handler, exchange, cause, info_hash, reason):
    say(exchange, put_failure(room_in(exchange), handler.request.action, info_hash, reason))
    note(handler, cause, 1)
    note(handler, WS_RESPONSES_ERROR, 1)


def say_close(exchange, code):
    """The last words."""
    end = put_close(exchange.output + exchange.written, code)
    exchange.written = end - exchange.output
    exchange.closes = True


def note(handler, counter, amount):
    bump(address(handler.counters.values[handler.actor.family][counter]), amount)
