"""The client's address in a header that a trusted proxy sets. Touches nothing but its arguments."""

from cython import char, declare
from cython.cimports.aquatic.abi.sockets import AF_INET, AF_INET6
from cython.cimports.aquatic.dataplane.source import ADDRESS_TEXT_BYTES, source_set_text
from cython.cimports.libc.stdint import uint32_t
from cython.cimports.libc.string import memcpy


def read_forwarded(value, length, source):
    """Read the last address of a list: whatever stands before it may be the client's invention.

    The source's port is unknown afterwards. False, and no source, where the last entry is not an address.
    """
    text = declare(char[ADDRESS_TEXT_BYTES])
    end = declare(uint32_t, length)
    start = declare(uint32_t, length)
    while start and value[start - 1] != b",":
        start -= 1
    while start < end and (value[start] == b" " or value[start] == b"\t"):
        start += 1
    while end > start and (value[end - 1] == b" " or value[end - 1] == b"\t"):
        end -= 1
    if end - start >= ADDRESS_TEXT_BYTES:
        return False
    memcpy(text, value + start, end - start)
    text[end - start] = 0
    return source_set_text(source, text, AF_INET) or source_set_text(source, text, AF_INET6)
