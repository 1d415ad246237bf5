"""What is answered to a batch of datagrams: the one request handler for all backends.

A batch passes in stages, so that the memory that one request waits for is fetched while others are worked on: decode
and check all, bring in shards, bring in torrents, then look up and answer.
"""

from cython import address, cast, declare, pointer
from cython.cimports.aquatic.abi.atomics import load_pointer, memory_order_acquire
from cython.cimports.aquatic.abi.counters import (
    BYTES_RECEIVED,
    BYTES_SENT,
    ERRORS_CONNECTION_ID_BAD,
    ERRORS_CONNECTION_ID_EXPIRED,
    ERRORS_MALFORMED,
    ERRORS_NOT_ALLOWED,
    ERRORS_REFUSED,
    REQUESTS_CONNECT,
    RESPONSES_CONNECT,
    RESPONSES_ERROR,
    bump,
)
from cython.cimports.aquatic.abi.limits import SCRAPE_TORRENTS_MAX
from cython.cimports.aquatic.abi.swarm import (
    DELTA_COMPLETED,
    DELTA_PARTIAL_SEED,
    DELTA_SEEDER,
    DELTA_STOPPED,
    AccessList,
    Delta,
)
from cython.cimports.aquatic.abi.threads import thread_cpu_ns
from cython.cimports.aquatic.abi.udp_wire import (
    ACTION_ANNOUNCE,
    ACTION_CONNECT,
    ACTION_SCRAPE,
    ANNOUNCE_RESPONSE_HEAD_BYTES,
    EVENT_COMPLETED,
    EVENT_PAUSED,
    EVENT_STOPPED,
    INFO_HASH_BYTES,
    VERDICT_ACCEPTED,
    VERDICT_FULL_SCRAPE,
    VERDICT_MALFORMED,
    VERDICT_PORT_ZERO,
)
from cython.cimports.aquatic.dataplane.swarm.access_list import is_allowed
from cython.cimports.aquatic.dataplane.swarm.store import (
    Answer,
    store_announce,
    store_hash,
    store_prefetch_record,
    store_prefetch_table,
    store_scrape,
)
from cython.cimports.aquatic.dataplane.udp.connection_id import (
    CONNECTION_EXPIRED,
    CONNECTION_VALID,
    check_connection_id,
    connection_id,
)
from cython.cimports.aquatic.dataplane.udp.decode import decode
from cython.cimports.aquatic.dataplane.udp.encode import (
    encode_announce_head,
    encode_connect,
    encode_error,
    encode_scrape_head,
    encode_scrape_torrent,
)
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.libc.string import memcpy


def handle(handler, batch):
    """Fill the batch's responses, in the order of its requests. The handler's clock has been set."""
    handler.access = cast(
        pointer(AccessList), load_pointer(address(handler.store.access_list), memory_order_acquire)
    )
    handler.cpu_start_ns = thread_cpu_ns() if handler.store.limits.measure_locks else 0
    handler.out = batch.response_bytes
    index = declare(uint32_t)
    for index in range(batch.request_count):
        admit(handler, address(batch.requests[index]), index)
    for index in range(batch.request_count):
        if handler.answered[index] and handler.requests[index].action == ACTION_ANNOUNCE:
            store_prefetch_record(handler.store, handler.hashes[index])
    batch.response_count = 0
    for index in range(batch.request_count):
        if not handler.answered[index]:
            continue
        datagram = address(batch.requests[index])
        length = declare(uint32_t, answer(handler, datagram, index))
        response = address(batch.responses[batch.response_count])
        response.bytes = handler.out
        response.length = length
        response.request = index
        response.action = handler.requests[index].action
        bump(address(handler.counters.values[datagram.source.family][BYTES_SENT]), length)
        handler.out += length
        batch.response_count += 1


def note(handler, datagram, counter):
    bump(address(handler.counters.values[datagram.source.family][counter]), 1)


def admit(handler, datagram, index):
    """Decode a datagram and decide whether it gets an answer: for all but a connect a valid connection id decides."""
    request = address(handler.requests[index])
    verdict = decode(datagram.bytes, datagram.length, request)
    handler.verdicts[index] = verdict
    handler.answered[index] = False
    bump(address(handler.counters.values[datagram.source.family][BYTES_RECEIVED]), datagram.length)
    if verdict == VERDICT_MALFORMED:
        note(handler, datagram, ERRORS_MALFORMED)
        return
    if request.action != ACTION_CONNECT and not has_valid_connection(handler, datagram, request):
        return
    note(handler, datagram, REQUESTS_CONNECT + request.action)
    handler.answered[index] = True
    if request.action == ACTION_ANNOUNCE:
        handler.hashes[index] = store_hash(handler.store, request.info_hash)
        store_prefetch_table(handler.store, handler.hashes[index])


def has_valid_connection(handler, datagram, request):
    verdict = check_connection_id(
        address(handler.key),
        address(datagram.source),
        request.connection_id,
        handler.now_seconds,
        handler.rules.connection_age_seconds_max,
    )
    if verdict == CONNECTION_VALID:
        return True
    if verdict == CONNECTION_EXPIRED:
        note(handler, datagram, ERRORS_CONNECTION_ID_EXPIRED)
    else:
        note(handler, datagram, ERRORS_CONNECTION_ID_BAD)
    return False


def answer(handler, datagram, index):
    """Write the answer to one admitted request; returns its length."""
    request = address(handler.requests[index])
    if handler.verdicts[index] != VERDICT_ACCEPTED:
        return answer_refusal(handler, datagram, request, handler.verdicts[index])
    if request.action == ACTION_CONNECT:
        return answer_connect(handler, datagram, request)
    if request.action == ACTION_ANNOUNCE:
        return answer_announce(handler, datagram, request, handler.hashes[index])
    return answer_scrape(handler, datagram, request)


def answer_refusal(handler, datagram, request, verdict):
    """The words are the Rust tracker's, which monitors know."""
    note(handler, datagram, ERRORS_REFUSED)
    note(handler, datagram, RESPONSES_ERROR)
    if verdict == VERDICT_PORT_ZERO:
        return encode_error(handler.out, request.transaction_id, b"Port can't be 0")
    if verdict == VERDICT_FULL_SCRAPE:
        return encode_error(handler.out, request.transaction_id, b"Full scrapes are not allowed")
    return encode_error(handler.out, request.transaction_id, b"Invalid info hash list")


def answer_connect(handler, datagram, request):
    note(handler, datagram, RESPONSES_CONNECT + ACTION_CONNECT)
    id = connection_id(address(handler.key), address(datagram.source), handler.now_seconds)
    return encode_connect(handler.out, request.transaction_id, id)


def answer_announce(handler, datagram, request, hash):
    if not is_allowed(handler.access, request.info_hash):
        note(handler, datagram, ERRORS_NOT_ALLOWED)
        note(handler, datagram, RESPONSES_ERROR)
        return encode_error(handler.out, request.transaction_id, b"Info hash not allowed")
    note(handler, datagram, RESPONSES_CONNECT + ACTION_ANNOUNCE)
    delta = declare(Delta)
    found = declare(Answer)
    found.cpu_start_ns = handler.cpu_start_ns
    found.wants_completed = False
    make_delta(datagram, request, address(delta))
    store_announce(
        handler.store,
        address(delta),
        hash,
        handler.tick,
        wanted_peers(handler, datagram, request),
        handler.out + ANNOUNCE_RESPONSE_HEAD_BYTES,
        address(handler.random),
        address(found),
    )
    length = encode_announce_head(
        handler.out,
        request.transaction_id,
        handler.rules.announce_interval_seconds,
        found.counts.leechers,
        found.counts.seeders,
    )
    return length + found.peers * (18 if datagram.source.family else 6)


def make_delta(datagram, request, delta):
    """The record of an accepted announce. The source address is the peer's, whatever the packet claims (BEP 15)."""
    memcpy(delta.info_hash, request.info_hash, INFO_HASH_BYTES)
    memcpy(delta.ip, datagram.source.ip, 16)
    memcpy(delta.peer_id_prefix, request.peer_id, 8)
    delta.port = request.port
    delta.family = datagram.source.family
    delta.age_seconds = 0
    # `left` alone decides the role; clients that do not know it yet (magnet links) send a negative number.
    delta.flags = DELTA_SEEDER if request.bytes_left == 0 else 0
    if request.event == EVENT_STOPPED:
        delta.flags |= DELTA_STOPPED
    elif request.event == EVENT_COMPLETED:
        delta.flags |= DELTA_COMPLETED
    elif request.event == EVENT_PAUSED:
        delta.flags |= DELTA_PARTIAL_SEED


def wanted_peers(handler, datagram, request):
    """A negative number asks for the default, which is the cap."""
    peers_max = handler.rules.peers_max[datagram.source.family]
    if request.peers_wanted < 0:
        return peers_max
    return min(cast(uint32_t, request.peers_wanted), peers_max)


def answer_scrape(handler, datagram, request):
    """In the order of the request; beyond the cap hashes are left out, and what is not known or allowed is zeros."""
    note(handler, datagram, RESPONSES_CONNECT + ACTION_SCRAPE)
    hashes = declare(uint64_t[SCRAPE_TORRENTS_MAX])
    count = declare(uint32_t, min(request.info_hash_count, handler.rules.scrape_torrents_max))
    index = declare(uint32_t)
    for index in range(count):
        hashes[index] = store_hash(handler.store, request.info_hash + index * INFO_HASH_BYTES)
        store_prefetch_table(handler.store, hashes[index])
    for index in range(count):
        store_prefetch_record(handler.store, hashes[index])
    length = declare(uint32_t, encode_scrape_head(handler.out, request.transaction_id))
    for index in range(count):
        info_hash = request.info_hash + index * INFO_HASH_BYTES
        if is_allowed(handler.access, info_hash):
            counts = store_scrape(handler.store, info_hash, hashes[index], datagram.source.family)
            length += encode_scrape_torrent(
                handler.out + length, counts.seeders, counts.completed, counts.leechers
            )
        else:
            length += encode_scrape_torrent(handler.out + length, 0, 0, 0)
    return length
