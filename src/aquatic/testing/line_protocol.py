"""The least protocol that can be put on a connection server: every line comes back.

big N    answers with N times "x" instead
quiet    is not answered
from     answers with the client's address (four or sixteen bytes), whether by a proxy, and the swarm's tick
close    comes back, and the connection closes
"""

from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.bits import htobe32, write_u32
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV6
from cython.cimports.aquatic.abi.stream import ANSWER_OTHER
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memchr, memcmp, memcpy, memset, strlen

NO_ROOM = declare(uint32_t, 0xFFFFFFFF)


def line_protocol_init(protocol):
    protocol.state = NULL
    protocol.serve = line_serve


def line_serve(state, exchange):
    while exchange.used < exchange.input_length and not exchange.closes:
        line = exchange.input + exchange.used
        end = cast(pointer(uint8_t), memchr(line, 10, exchange.input_length - exchange.used))
        if end == NULL:
            return
        length = declare(uint32_t, end + 1 - line)
        written = declare(uint32_t, answer_line(exchange, line, length))
        if written == NO_ROOM:
            exchange.needs_room = True
            return
        exchange.written += written
        exchange.used += length
        exchange.answered[ANSWER_OTHER] += 1


def answer_line(exchange, line, length):
    """Write the answer to one line; returns its length, or NO_ROOM."""
    out = exchange.output + exchange.written
    room = declare(uint32_t, exchange.output_capacity - exchange.written)
    if line_is(line, length, b"big "):
        number = declare(uint32_t, number_in(line + 4, length - 4))
        if number >= room:
            return NO_ROOM
        memset(out, 120, number)
        out[number] = 10
        return number + 1
    if line_is(line, length, b"quiet"):
        return 0
    if line_is(line, length, b"from"):
        if room < 22:
            return NO_ROOM
        address_bytes = declare(uint32_t, 16 if exchange.source.family == FAMILY_IPV6 else 4)
        memcpy(out, address(exchange.source.ip[0]), address_bytes)
        out[address_bytes] = exchange.is_from_proxy
        write_u32(out + address_bytes + 1, htobe32(exchange.tick))
        out[address_bytes + 5] = 10
        return address_bytes + 6
    if length > room:
        return NO_ROOM
    memcpy(out, line, length)
    exchange.closes = line_is(line, length, b"close")
    return length


def line_is(line, length, word):
    return length > strlen(word) and memcmp(line, word, strlen(word)) == 0


def number_in(line, length):
    number = declare(uint32_t, 0)
    index = declare(uint32_t)
    for index in range(min(length, cast(uint32_t, 6))):
        if 48 <= line[index] <= 57:
            number = number * 10 + line[index] - 48
    return number
