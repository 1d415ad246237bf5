"""From a datagram to a request (BEP 15). Touches nothing but the datagram and the request, so that it fuzzes alone."""

from cython import cast
from cython.cimports.aquatic.abi.bits import be32toh, be64toh, read_u16, read_u32, read_u64
from cython.cimports.aquatic.abi.udp_wire import (
    ACTION_ANNOUNCE,
    ACTION_CONNECT,
    ACTION_SCRAPE,
    ANNOUNCE_REQUEST_BYTES,
    CONNECT_REQUEST_BYTES,
    EVENT_NONE,
    EVENT_PAUSED,
    EVENT_STOPPED,
    INFO_HASH_BYTES,
    SCRAPE_REQUEST_HEAD_BYTES,
    VERDICT_ACCEPTED,
    VERDICT_BAD_INFO_HASHES,
    VERDICT_FULL_SCRAPE,
    VERDICT_MALFORMED,
    VERDICT_PORT_ZERO,
)
from cython.cimports.libc.stdint import int32_t, int64_t, uint64_t


def decode(packet, length, request):
    """Read a datagram. The request's connection and transaction id are valid unless the verdict is MALFORMED."""
    if length < CONNECT_REQUEST_BYTES:
        return VERDICT_MALFORMED
    request.connection_id = be64toh(read_u64(packet))
    request.action = be32toh(read_u32(packet + 8))
    request.transaction_id = read_u32(packet + 12)
    if request.action == ACTION_ANNOUNCE:
        return decode_announce(packet, length, request)
    if request.action == ACTION_SCRAPE:
        return decode_scrape(packet, length, request)
    # BEP 15's magic number, without which anybody's stray packet would be answered.
    if request.action == ACTION_CONNECT and request.connection_id == cast(uint64_t, 0x41727101980):
        return VERDICT_ACCEPTED
    return VERDICT_MALFORMED


def decode_announce(packet, length, request):
    """The IP address (byte 84) and the key (byte 88) are passed over; BEP 41 options may follow the port."""
    if length < ANNOUNCE_REQUEST_BYTES:
        return VERDICT_MALFORMED
    request.info_hash = packet + 16
    request.info_hash_count = 1
    request.peer_id = packet + 36
    request.bytes_left = cast(int64_t, be64toh(read_u64(packet + 64)))
    request.event = be32toh(read_u32(packet + 80))
    # Whatever else comes is an ordinary announce.
    if request.event > EVENT_PAUSED:
        request.event = EVENT_NONE
    request.peers_wanted = cast(int32_t, be32toh(read_u32(packet + 92)))
    request.port = read_u16(packet + 96)
    if request.port == 0 and request.event != EVENT_STOPPED:
        return VERDICT_PORT_ZERO
    return VERDICT_ACCEPTED


def decode_scrape(packet, length, request):
    hashes_bytes = length - SCRAPE_REQUEST_HEAD_BYTES
    request.info_hash = packet + SCRAPE_REQUEST_HEAD_BYTES
    request.info_hash_count = hashes_bytes // INFO_HASH_BYTES
    if hashes_bytes == 0:
        return VERDICT_FULL_SCRAPE
    if hashes_bytes % INFO_HASH_BYTES:
        return VERDICT_BAD_INFO_HASHES
    return VERDICT_ACCEPTED
