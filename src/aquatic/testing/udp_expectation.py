"""What the UDP tracker has to answer. See udp_expectation.pxd."""

from cython import NULL, address, bint, cast, declare
from cython.cimports.aquatic.abi.bits import be16toh, be32toh, be64toh, read_u16, read_u32, read_u64
from cython.cimports.aquatic.abi.limits import RESPONSE_BYTES_MAX
from cython.cimports.aquatic.abi.swarm import IPV4_SLOT_BYTES, IPV6_SLOT_BYTES, SCOPE_GLOBAL
from cython.cimports.aquatic.abi.udp_wire import (
    ACTION_ANNOUNCE,
    ACTION_CONNECT,
    ACTION_ERROR,
    ACTION_SCRAPE,
    ANNOUNCE_REQUEST_BYTES,
    ANNOUNCE_RESPONSE_HEAD_BYTES,
    CONNECT_REQUEST_BYTES,
    CONNECT_RESPONSE_BYTES,
    ERROR_RESPONSE_HEAD_BYTES,
    EVENT_PAUSED,
    EVENT_STOPPED,
    INFO_HASH_BYTES,
    SCRAPE_REQUEST_HEAD_BYTES,
    SCRAPE_RESPONSE_HEAD_BYTES,
    SCRAPE_RESPONSE_TORRENT_BYTES,
)
from cython.cimports.aquatic.dataplane.swarm.selection import scope_of
from cython.cimports.aquatic.testing.udp_expectation import (
    ISSUED_MAX,
    NO_ANSWER,
    SOURCE_PORT_FIRST,
)
from cython.cimports.libc.stdint import int32_t, int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp

CONNECT_MAGIC = declare(uint64_t, cast(uint64_t, 0x41727101980))
SECONDS_AHEAD_MAX = declare(int64_t, 60)
# Duplicates are looked for among so few peers, since that costs their square.
COMPARED_PEERS_MAX = declare(uint32_t, 12)


def source_of(packet):
    return be16toh(packet.source.port) - SOURCE_PORT_FIRST


def is_valid_id(expected, request, now_seconds):
    """Whether this source was given the id, at most so long ago as is allowed, or by a clock slightly ahead."""
    id = be64toh(read_u64(request.bytes))
    index = declare(uint32_t)
    for index in range(expected.issued_count):
        issued = address(expected.issued[index])
        age_seconds = declare(int64_t, cast(int64_t, now_seconds) - cast(int64_t, issued.seconds))
        if issued.id == id and issued.source == source_of(request):
            return -SECONDS_AHEAD_MAX <= age_seconds <= expected.rules.connection_age_seconds_max
    return False


def expected_action(expected, request, now_seconds):
    if request.length < CONNECT_REQUEST_BYTES:
        return NO_ANSWER
    action = be32toh(read_u32(request.bytes + 8))
    if action == ACTION_CONNECT:
        return ACTION_CONNECT if be64toh(read_u64(request.bytes)) == CONNECT_MAGIC else NO_ANSWER
    if action > ACTION_SCRAPE or (action == ACTION_ANNOUNCE and request.length < ANNOUNCE_REQUEST_BYTES):
        return NO_ANSWER
    return action if is_valid_id(expected, request, now_seconds) else NO_ANSWER


def answer_fault(expected, request, answer, now_seconds):
    if memcmp(address(request.source), address(answer.source), 19) != 0:
        return b"an answer went to somebody else"
    if answer.length < ERROR_RESPONSE_HEAD_BYTES or answer.length > RESPONSE_BYTES_MAX:
        return b"an answer is too short or too long"
    if read_u32(request.bytes + 12) != read_u32(answer.bytes + 4):
        return b"the transaction id is another one"
    action = be32toh(read_u32(request.bytes + 8))
    answered = be32toh(read_u32(answer.bytes))
    if answered == ACTION_ERROR:
        return error_fault(expected, request, action, answer)
    if answered != action:
        return b"an answer is of another kind than the request"
    if action == ACTION_CONNECT:
        return connect_fault(expected, request, answer, now_seconds)
    if action == ACTION_ANNOUNCE:
        return announce_fault(expected, request, answer)
    return scrape_fault(expected, request, answer)


def connect_fault(expected, request, answer, now_seconds):
    """Remembers the id."""
    if answer.length != CONNECT_RESPONSE_BYTES:
        return b"a connect was not answered with 16 bytes"
    id = be64toh(read_u64(answer.bytes + 8))
    source = source_of(request)
    expected.connection_ids[source] = id
    index = declare(uint32_t)
    for index in range(expected.issued_count):
        issued = address(expected.issued[index])
        if issued.source == source and issued.seconds == now_seconds:
            if issued.id != id:
                return b"a source has got two ids in a second"
            return NULL
    if expected.issued_count == cast(uint32_t, ISSUED_MAX):
        return b"more connection ids than can be remembered"
    issued = address(expected.issued[expected.issued_count])
    issued.id = id
    issued.source = source
    issued.seconds = now_seconds
    expected.issued_count += 1
    return NULL


def error_fault(expected, request, action, answer):
    """Errors are for port 0, for lists of info hashes that are none and for torrents that are not allowed."""
    if answer.length == ERROR_RESPONSE_HEAD_BYTES or answer.length > ERROR_RESPONSE_HEAD_BYTES + 32:
        return b"an error's text is missing or too long"
    if action == ACTION_CONNECT:
        return b"a connect was answered with an error"
    if action == ACTION_SCRAPE:
        hashes_bytes = declare(uint32_t, request.length - SCRAPE_REQUEST_HEAD_BYTES)
        is_sound = declare(bint, hashes_bytes and hashes_bytes % INFO_HASH_BYTES == 0)
        if is_sound:
            return b"a sound scrape was refused"
        return NULL
    is_refused = declare(
        bint, read_u16(request.bytes + 96) == 0 and be32toh(read_u32(request.bytes + 80)) != EVENT_STOPPED
    )
    if not is_refused and not expected.may_refuse:
        return b"a sound announce was refused"
    return NULL


def announce_fault(expected, request, answer):
    family = request.source.family
    stride = declare(uint32_t, (IPV6_SLOT_BYTES if family else IPV4_SLOT_BYTES) - 2)
    peers_bytes = declare(uint32_t, answer.length - ANNOUNCE_RESPONSE_HEAD_BYTES)
    if answer.length < ANNOUNCE_RESPONSE_HEAD_BYTES or peers_bytes % stride:
        return b"an announce's answer is not a number of peers long"
    count = declare(uint32_t, peers_bytes // stride)
    wanted = cast(int32_t, be32toh(read_u32(request.bytes + 92)))
    if count > expected.rules.peers_max[family] or (wanted >= 0 and count > cast(uint32_t, wanted)):
        return b"more peers than were wanted or may be given"
    if be32toh(read_u32(answer.bytes + 8)) != expected.rules.announce_interval_seconds:
        return b"the interval is another one"
    event = be32toh(read_u32(request.bytes + 80))
    if count and event == EVENT_STOPPED:
        return b"a peer that stops was given peers"
    leechers = be32toh(read_u32(answer.bytes + 12))
    seeders = be32toh(read_u32(answer.bytes + 16))
    wants_leechers = declare(bint, read_u64(request.bytes + 64) == 0 or event == EVENT_PAUSED)
    if count > cast(uint64_t, leechers) + (0 if wants_leechers else seeders):
        return b"more peers of the right role than are counted"
    return peers_fault(request, answer.bytes + ANNOUNCE_RESPONSE_HEAD_BYTES, count, stride)


def peers_fault(request, peers, count, stride):
    own_scope = scope_of(request.source.ip, stride + 2)
    index = declare(uint32_t)
    other = declare(uint32_t)
    for index in range(count):
        peer = peers + index * stride
        if read_u16(peer + stride - 2) == 0:
            return b"a peer without a port was given"
        is_own_address = declare(bint, memcmp(peer, request.source.ip, stride - 2) == 0)
        if is_own_address and read_u16(peer + stride - 2) == read_u16(request.bytes + 96):
            return b"the asker was given itself"
        scope = scope_of(peer, stride + 2)
        if scope != SCOPE_GLOBAL and scope != own_scope:
            return b"a peer was given to whom it can't be reached by"
        for other in range(index if index < COMPARED_PEERS_MAX else 0):
            if memcmp(peer, peers + other * stride, stride) == 0:
                return b"a peer was given twice"
    return NULL


def scrape_fault(expected, request, answer):
    hashes_bytes = declare(uint32_t, request.length - SCRAPE_REQUEST_HEAD_BYTES)
    if hashes_bytes == 0 or hashes_bytes % INFO_HASH_BYTES:
        return b"a scrape of no list was answered"
    count = declare(uint32_t, min(hashes_bytes // INFO_HASH_BYTES, expected.rules.scrape_torrents_max))
    if answer.length != SCRAPE_RESPONSE_HEAD_BYTES + count * SCRAPE_RESPONSE_TORRENT_BYTES:
        return b"a scrape was not answered for as many torrents as were asked"
    return NULL
