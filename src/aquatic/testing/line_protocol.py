"""The least protocol that can be put on a connection server: every line comes back.

big N          answers with N times "x" instead
quiet          is not answered
from           answers with the client's address (four or sixteen bytes), whether by a proxy, and the swarm's tick
close          comes back, and the connection closes
name           answers with what others call the connection: worker and name, with a colon between
@NAME TEXT     sends TEXT to the connection of that name, and answers with what the connection server says of it
keep TEXT      keeps the first bytes of TEXT, and comes back
kept           answers with what is kept
switch N       comes back, and the connection goes on with the successor, whose answer to `who` is another; behind a
               proxy the last byte of the client's address is N
who            answers with "first" or "second"

When the server lets it look, it writes what is kept, and closes if that is `close`; the last time it writes `bye`. A
connection that was told to keep a line that sends to another does so when it ends.
"""

from cython import NULL, address, cast, char, declare, pointer, sizeof, ulonglong
from cython.cimports.aquatic.abi.bits import htobe32, write_u32
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV6
from cython.cimports.aquatic.abi.stream import ANSWER_OTHER
from cython.cimports.aquatic.dataplane.stream.outbox import RELAY_FULL, RELAY_GONE, relay
from cython.cimports.aquatic.dataplane.swarm.arena import arena_allocate, arena_at, arena_free
from cython.cimports.aquatic.testing.line_protocol import KEPT_BYTES_MAX, KeptLine, LineProtocol
from cython.cimports.libc.stdint import UINT32_MAX, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdio import snprintf
from cython.cimports.libc.string import memchr, memcmp, memcpy, memset, strlen

NO_ROOM = declare(uint32_t, UINT32_MAX)
# Room for every answer that is none of the above.
SPECIAL_BYTES_MAX = declare(uint32_t, 64)


def line_protocol_init(protocol, state):
    protocol.state = state
    protocol.serve = line_serve
    protocol.look = line_look
    protocol.end = line_end


def line_serve(state, exchange):
    while exchange.used < exchange.input_length and not exchange.closes and not exchange.switches:
        line = exchange.input + exchange.used
        end = cast(pointer(uint8_t), memchr(line, 10, exchange.input_length - exchange.used))
        if end == NULL:
            return
        length = declare(uint32_t, end + 1 - line)
        written = declare(uint32_t, answer_line(cast(pointer(LineProtocol), state), exchange, line, length))
        if written == NO_ROOM:
            exchange.needs_room = True
            return
        exchange.written += written
        exchange.used += length
        exchange.answered[ANSWER_OTHER] += 1


def line_look(state, exchange):
    if exchange.goes_away:
        exchange.written = answer_text(exchange, b"bye\n")
        return
    if not exchange.kept:
        return
    kept = kept_line(cast(pointer(LineProtocol), state), exchange.kept)
    if kept.length <= exchange.output_capacity:
        memcpy(exchange.output, kept.line, kept.length)
        exchange.written = kept.length
    exchange.closes = line_is(kept.line, kept.length, b"close")


def line_end(state, connection, kept):
    lines = cast(pointer(LineProtocol), state)
    if kept:
        found = kept_line(lines, kept)
        if found.line[0] == 64:
            relay_line(lines, found.line, found.length)
        arena_free(address(lines.worker.connections.arena), kept, sizeof(KeptLine))


def kept_line(lines, kept):
    return cast(pointer(KeptLine), arena_at(address(lines.worker.connections.arena), kept))


def answer_line(lines, exchange, line, length):
    """Write the answer to one line; returns its length, or NO_ROOM."""
    out = exchange.output + exchange.written
    room = declare(uint32_t, exchange.output_capacity - exchange.written)
    if line_is(line, length, b"big "):
        number = declare(uint64_t)
        number_in(line + 4, 6, address(number))
        if number >= room:
            return NO_ROOM
        memset(out, 120, number)
        out[number] = 10
        return cast(uint32_t, number) + 1
    if line_is(line, length, b"quiet"):
        return 0
    if room < SPECIAL_BYTES_MAX and length > 1 and memchr(b"@fknw", line[0], 5) != NULL:
        return NO_ROOM
    special = declare(uint32_t, answer_special(lines, exchange, line, length))
    if special:
        return special
    if length > room:
        return NO_ROOM
    memcpy(out, line, length)
    exchange.closes = line_is(line, length, b"close")
    exchange.switches = line_is(line, length, b"switch")
    if line_is(line, length, b"switch ") and exchange.is_from_proxy:
        client = declare(uint64_t)
        number_in(line + 7, 3, address(client))
        exchange.source.ip[3] = cast(uint8_t, client)
    return length


def answer_special(lines, exchange, line, length):
    """Of a short answer with room for it; 0 if the line simply comes back."""
    out = exchange.output + exchange.written
    if line_is(line, length, b"from"):
        return answer_from(exchange)
    if line_is(line, length, b"name"):
        return snprintf(
            cast(pointer(char), out),
            SPECIAL_BYTES_MAX,
            b"%u:%llu\n",
            lines.worker.index,
            cast(ulonglong, exchange.connection),
        )
    if line_is(line, length, b"who"):
        return answer_text(exchange, b"second\n" if lines.is_successor else b"first\n")
    if line_is(line, length, b"@"):
        outcome = relay_line(lines, line, length)
        if outcome == RELAY_GONE:
            return answer_text(exchange, b"gone\n")
        return answer_text(exchange, b"full\n" if outcome == RELAY_FULL else b"queued\n")
    if line_is(line, length, b"keep "):
        keep_line(lines, exchange, line + 5, length - 5)
    elif line_is(line, length, b"kept"):
        if not exchange.kept:
            return answer_text(exchange, b"nothing\n")
        kept = kept_line(lines, exchange.kept)
        memcpy(out, kept.line, kept.length)
        return kept.length
    return 0


def answer_from(exchange):
    out = exchange.output + exchange.written
    address_bytes = declare(uint32_t, 16 if exchange.source.family == FAMILY_IPV6 else 4)
    memcpy(out, address(exchange.source.ip[0]), address_bytes)
    out[address_bytes] = exchange.is_from_proxy
    write_u32(out + address_bytes + 1, htobe32(exchange.tick))
    out[address_bytes + 5] = 10
    return address_bytes + 6


def keep_line(lines, exchange, line, length):
    """In place of what was kept, if there is memory."""
    if not exchange.kept:
        exchange.kept = arena_allocate(address(lines.worker.connections.arena), sizeof(KeptLine))
    if exchange.kept:
        kept = kept_line(lines, exchange.kept)
        kept.length = min(length, cast(uint32_t, KEPT_BYTES_MAX))
        memcpy(kept.line, line, kept.length)


def relay_line(lines, line, length):
    """Send what follows the name, up to the end of the line."""
    worker = declare(uint64_t)
    connection = declare(uint64_t)
    place = declare(uint32_t, 1 + number_in(line + 1, 9, address(worker)) + 1)
    place = min(place, length - 1)
    place += number_in(line + place, 20, address(connection)) + 1
    place = min(place, length)
    return relay(lines.worker, cast(uint32_t, worker), connection, line + place, length - place)


def answer_text(exchange, text):
    memcpy(exchange.output + exchange.written, text, strlen(text))
    return strlen(text)


def line_is(line, length, word):
    return length > strlen(word) and memcmp(line, word, strlen(word)) == 0


def number_in(text, digits_max, number):
    """Read a number, 0 where there is none; returns how many digits it has. Some other byte ends every line."""
    number[0] = 0
    count = declare(uint32_t, 0)
    while count < digits_max and 48 <= text[count] <= 57:
        number[0] = number[0] * 10 + text[count] - 48
        count += 1
    return count
