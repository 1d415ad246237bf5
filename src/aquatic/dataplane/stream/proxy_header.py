"""The PROXY protocol, versions 1 and 2: what a proxy says of the client before the client's own bytes.

The specification is HAProxy's doc/proxy-protocol.txt; its sections are named below. Touches nothing but its arguments.
"""

from cython import address, cast, char, declare, sizeof
from cython.cimports.aquatic.abi.bits import be16toh, htobe16, read_u16
from cython.cimports.aquatic.abi.datagram import Source
from cython.cimports.aquatic.abi.sockets import AF_INET, AF_INET6
from cython.cimports.aquatic.dataplane.source import (
    ADDRESS_TEXT_BYTES,
    source_set_ipv4,
    source_set_ipv6,
    source_set_text,
)
from cython.cimports.aquatic.dataplane.stream.proxy_header import (
    PROXY_BAD,
    PROXY_COMPLETE,
    PROXY_FIXED_BYTES,
    PROXY_HEADER_BYTES_MAX,
    PROXY_LINE_BYTES_MAX,
    PROXY_PARTIAL,
    PROXY_SIGNATURE_BYTES,
)
from cython.cimports.libc.stdint import uint32_t
from cython.cimports.libc.string import memcmp, memcpy, memset


def proxy_decode(bytes, length, header):
    """Read a header from the first bytes of a connection; when it is complete, `length` tells where it ends."""
    memset(header, 0, sizeof(header[0]))
    if length == 0:
        return PROXY_PARTIAL
    if bytes[0] == b"P":
        return decode_text(bytes, length, header)
    return decode_binary(bytes, length, header)


# Version 1 (section 2.1): one line of text


def decode_text(bytes, length, header):
    if memcmp(bytes, b"PROXY ", min(length, cast(uint32_t, 6))) != 0:
        return PROXY_BAD
    header.length = line_end(bytes, length)
    if header.length == 0:
        return PROXY_PARTIAL if length < PROXY_LINE_BYTES_MAX else PROXY_BAD
    end = declare(uint32_t, header.length - 2)
    # The last byte of the line is at `length - 1`, so these do not read beyond it: they end at CR LF at the latest.
    if memcmp(bytes + 6, b"TCP4 ", min(end + 2 - 6, cast(uint32_t, 5))) == 0:
        return decode_addresses(bytes, end, AF_INET, header)
    if memcmp(bytes + 6, b"TCP6 ", min(end + 2 - 6, cast(uint32_t, 5))) == 0:
        return decode_addresses(bytes, end, AF_INET6, header)
    # "The receiver must ignore anything presented before the CRLF."
    if end >= 13 and memcmp(bytes + 6, b"UNKNOWN", 7) == 0 and (end == 13 or bytes[13] == b" "):
        return PROXY_COMPLETE
    return PROXY_BAD


def line_end(bytes, length):
    """Where the line has ended with CR LF; 0 where it has not, nor may it later if it is as long as it may be."""
    place = declare(uint32_t)
    for place in range(7, min(length, cast(uint32_t, PROXY_LINE_BYTES_MAX))):
        if bytes[place] == b"\n" and bytes[place - 1] == b"\r":
            return place + 1
    return 0


def decode_addresses(bytes, end, family, header):
    """Addresses and ports of both ends, each after one space."""
    text = declare(char[ADDRESS_TEXT_BYTES])
    destination = declare(Source)
    place = declare(uint32_t, 11)
    place = read_word(bytes, place, end, text)
    if not place or not source_set_text(address(header.source), text, family):
        return PROXY_BAD
    place = read_word(bytes, place, end, text)
    if not place or not source_set_text(address(destination), text, family):
        return PROXY_BAD
    place = read_word(bytes, place, end, text)
    port = declare(int, read_port(text) if place else -1)
    if port < 0:
        return PROXY_BAD
    place = read_word(bytes, place, end, text)
    # A word's end is where the next would begin: beyond the line's after the last.
    if place != end + 1 or read_port(text) < 0:
        return PROXY_BAD
    header.source.port = htobe16(port)
    header.has_source = True
    return PROXY_COMPLETE


def read_word(bytes, place, end, text):
    """Copy a word up to a space or the end; returns where the next begins, or 0 where there is no proper word."""
    length = declare(uint32_t, 0)
    while place + length < end and bytes[place + length] != b" ":
        if length == ADDRESS_TEXT_BYTES - 1 or bytes[place + length] == 0:
            return 0
        text[length] = bytes[place + length]
        length += 1
    text[length] = 0
    return place + length + 1 if length else 0


def read_port(text):
    """A decimal number from 0 to 65535 without leading zeros; -1 for anything else."""
    number = declare(int, 0)
    place = declare(uint32_t, 0)
    while text[place]:
        if text[place] < b"0" or text[place] > b"9" or place == 5 or (number == 0 and place > 0):
            return -1
        number = number * 10 + text[place] - 48
        place += 1
    return number if place > 0 and number <= 65535 else -1


# Version 2 (section 2.2): a signature, version and command, family, length, addresses, and types with values


def decode_binary(bytes, length, header):
    if (
        memcmp(
            bytes,
            b"\r\n\r\n\0\r\nQUIT\n",
            min(length, cast(uint32_t, PROXY_SIGNATURE_BYTES)),
        )
        != 0
    ):
        return PROXY_BAD
    if length < PROXY_FIXED_BYTES:
        return PROXY_PARTIAL
    command = bytes[12]
    rest_bytes = declare(uint32_t, be16toh(read_u16(bytes + 14)))
    if (command != 0x20 and command != 0x21) or PROXY_FIXED_BYTES + rest_bytes > PROXY_HEADER_BYTES_MAX:
        return PROXY_BAD
    if length < PROXY_FIXED_BYTES + rest_bytes:
        return PROXY_PARTIAL
    header.length = PROXY_FIXED_BYTES + rest_bytes
    if command == 0x20:
        # LOCAL: the proxy asks for itself, to see whether we are well.
        return PROXY_COMPLETE
    return decode_binary_addresses(bytes, rest_bytes, header)


def decode_binary_addresses(bytes, addresses_bytes, header):
    """Source and destination address, source and destination port. What follows is nothing that we need."""
    family = bytes[13]
    if family == 0x11:
        if addresses_bytes < 12:
            return PROXY_BAD
        source_set_ipv4(address(header.source), bytes + 16)
        memcpy(address(header.source.port), bytes + 24, 2)
        header.has_source = True
    elif family == 0x21:
        if addresses_bytes < 36:
            return PROXY_BAD
        source_set_ipv6(address(header.source), bytes + 16)
        memcpy(address(header.source.port), bytes + 48, 2)
        header.has_source = True
    elif family >> 4 > 3 or (family & 15) > 2:
        return PROXY_BAD
    # Otherwise UNSPEC, UDP or a Unix socket: as the specification says, the connection's own address counts.
    return PROXY_COMPLETE
