"""Plain values of tests as the data plane has them, and back."""

from cython import NULL, cast, pointer, sizeof
from cython.cimports.aquatic.abi.bits import be16toh, htobe16
from cython.cimports.libc.stdint import uint8_t
from cython.cimports.libc.stdlib import malloc
from cython.cimports.libc.string import memcpy, memset


def copied(data):
    """A copy without anything behind it, so that a sanitizer sees a read beyond it; to be freed."""
    copy = cast(pointer(uint8_t), malloc(max(len(data), 1)))
    if copy == NULL:
        raise MemoryError
    memcpy(copy, cast(pointer(uint8_t), data), len(data))
    return copy


def read_source(ip, port, source):
    memset(source, 0, sizeof(source[0]))
    memcpy(source.ip, cast(pointer(uint8_t), ip), len(ip))
    source.port = htobe16(port)
    source.family = 1 if len(ip) == 16 else 0
    return True


def ip_of(source):
    return source.ip[: 16 if source.family else 4]


def port_of(source):
    return be16toh(source.port)
