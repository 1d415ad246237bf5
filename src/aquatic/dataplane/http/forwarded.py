"""The client's address in a header that a trusted proxy sets. Touches nothing but its arguments."""

from cython import char, declare, sizeof
from cython.cimports.aquatic.abi.bits import be32toh, read_u32, read_u64
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV4, FAMILY_IPV6
from cython.cimports.aquatic.abi.sockets import AF_INET, AF_INET6
from cython.cimports.aquatic.dataplane.http.forwarded import ADDRESS_TEXT_ROOM_BYTES, inet_pton
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memcpy, memset


def read_forwarded(value, length, source):
    """Read the last address of a list: whatever stands before it may be the client's invention.

    The source's port is unknown afterwards. False, and no source, where the last entry is not an address.
    """
    text = declare(char[ADDRESS_TEXT_ROOM_BYTES])
    end = declare(uint32_t, length)
    start = declare(uint32_t, length)
    while start and value[start - 1] != b",":
        start -= 1
    while start < end and (value[start] == b" " or value[start] == b"\t"):
        start += 1
    while end > start and (value[end - 1] == b" " or value[end - 1] == b"\t"):
        end -= 1
    if end - start >= ADDRESS_TEXT_ROOM_BYTES:
        return False
    memcpy(text, value + start, end - start)
    text[end - start] = 0
    return read_address(text, source)


def read_address(text, source):
    """Read an address of either family; a v4-mapped one is IPv4."""
    bytes = declare(uint8_t[16])
    memset(source, 0, sizeof(source[0]))
    if inet_pton(AF_INET, text, source.ip) == 1:
        source.family = FAMILY_IPV4
        return True
    if inet_pton(AF_INET6, text, bytes) != 1:
        return False
    # ::ffff:0:0/96 (RFC 4291, section 2.5.5.2).
    if read_u64(bytes) == 0 and be32toh(read_u32(bytes + 8)) == 0xFFFF:
        memcpy(source.ip, bytes + 12, 4)
        source.family = FAMILY_IPV4
        return True
    memcpy(source.ip, bytes, 16)
    source.family = FAMILY_IPV6
    return True
