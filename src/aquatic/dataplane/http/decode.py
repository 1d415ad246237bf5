"""From bytes of a connection to a request's head (RFC 9112). Touches nothing but its arguments, so it fuzzes alone.

As strict as a reader must be who may stand behind a proxy: lines end with CR LF, no line is folded, nothing precedes
a colon but the name, a length is given once and in digits. Whatever two readers may take for different requests is
refused, and the connection closed. Only in targets more is taken than HTTP allows: bytes above 127, which clients send.
"""

from cython import address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.bits import read_u64
from cython.cimports.aquatic.abi.http_wire import (
    HEAD_BAD,
    HEAD_BODY_ENCODED,
    HEAD_BODY_TOO_LARGE,
    HEAD_COMPLETE,
    HEAD_PARTIAL,
    HEAD_TOO_LARGE,
    HEADERS_MAX,
    METHOD_GET,
    METHOD_OTHER,
    HeadVerdict,
)
from cython.cimports.aquatic.dataplane.http.decode import is_token_byte
from cython.cimports.libc.stdint import int32_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, memset


def decode_head(input, length, rules, head):
    """Read a request, as far as it is there, from the start of the input. More input may end PARTIAL only."""
    memset(head, 0, sizeof(head[0]))
    limit = declare(uint32_t, min(length, rules.request_bytes_max))
    at = declare(int32_t, decode_lines(input, limit, rules, head))
    if at >= 0:
        return decode_body_length(at, length, rules, head)
    if at == -HEAD_PARTIAL and limit == rules.request_bytes_max:
        return HEAD_TOO_LARGE
    return cast(HeadVerdict, -at)


def decode_body_length(at, length, rules, head):
    """A body is waited for and passed over, if it is as short as a request may be."""
    if head.body_bytes > rules.request_bytes_max - at:
        return HEAD_BODY_TOO_LARGE
    head.request_bytes = at + cast(uint32_t, head.body_bytes)
    return HEAD_PARTIAL if head.request_bytes > length else HEAD_COMPLETE


def decode_lines(input, limit, rules, head):
    at = declare(int32_t, skip_blank_lines(input, limit))
    if at < 0:
        return at
    at = decode_request_line(input, at, limit, head)
    while at >= 0:
        if cast(uint32_t, at) == limit:
            return -HEAD_PARTIAL
        if input[at] == b"\r":
            return match_text(input, at, limit, b"\r\n", 2)
        head.headers += 1
        if head.headers > HEADERS_MAX:
            return -HEAD_TOO_LARGE
        at = decode_header(input, at, limit, rules, head)
    return at


def skip_blank_lines(input, limit):
    """Some clients send a line's end after a body (RFC 9112, section 2.2)."""
    at = declare(int32_t, 0)
    while at >= 0 and cast(uint32_t, at) < limit and input[at] == b"\r":
        at = match_text(input, at, limit, b"\r\n", 2)
    return at


def match_text(input, at, limit, text, text_bytes):
    index = declare(uint32_t)
    for index in range(text_bytes):
        if at + index == limit:
            return -HEAD_PARTIAL
        if input[at + index] != cast(uint8_t, text[index]):
            return -HEAD_BAD
    return at + text_bytes


def decode_request_line(input, at, limit, head):
    next = declare(int32_t, decode_method(input, at, limit, head))
    if next < 0:
        return next
    start = declare(uint32_t, next)
    at = skip_printable(input, start, limit, 0x21)
    if at == limit:
        return -HEAD_PARTIAL
    # A path, a whole http(s) URL, or (of a method that is refused) an asterisk.
    first = lower(input[start])
    if input[at] != b" " or not (first == b"/" or first == b"h" or first == b"*"):
        return -HEAD_BAD
    head.target = input + start
    head.target_bytes = at - start
    return decode_version(input, at + 1, limit, head)


def decode_method(input, at, limit, head):
    start = at
    while at < limit and is_token_byte(input[at]):
        at += 1
    if at == limit:
        return -HEAD_PARTIAL
    if input[at] != b" " or at == start:
        return -HEAD_BAD
    head.method = METHOD_GET if at - start == 3 and memcmp(input + start, b"GET", 3) == 0 else METHOD_OTHER
    return at + 1


def decode_version(input, at, limit, head):
    next = declare(int32_t, match_text(input, at, limit, b"HTTP/1.", 7))
    if next < 0:
        return next
    if cast(uint32_t, next) == limit:
        return -HEAD_PARTIAL
    if input[next] != b"0" and input[next] != b"1":
        return -HEAD_BAD
    head.minor_version = input[next] - 0x30
    return match_text(input, next + 1, limit, b"\r\n", 2)


def decode_header(input, at, limit, rules, head):
    name = at
    while at < limit and is_token_byte(input[at]):
        at += 1
    if at == limit:
        return -HEAD_PARTIAL
    name_bytes = at - name
    if input[at] != b":" or name_bytes == 0:
        return -HEAD_BAD
    at += 1
    while at < limit and is_blank(input[at]):
        at += 1
    value = at
    at = skip_printable(input, at, limit, 0x20)
    while at < limit and input[at] == b"\t":
        at = skip_printable(input, at + 1, limit, 0x20)
    next = declare(int32_t, match_text(input, at, limit, b"\r\n", 2))
    if next < 0:
        return next
    while at > value and is_blank(input[at - 1]):
        at -= 1
    verdict = note_header(input + name, name_bytes, input + value, at - value, rules, head)
    return next if verdict == HEAD_COMPLETE else -verdict


def skip_printable(input, at, limit, least):
    """Pass over bytes from `least` (at most 0x80) on, but for 0x7F (DEL), eight at a time while there are."""
    ones = declare(uint64_t, 0x01010101)
    ones |= ones << 32
    highs = declare(uint64_t, ones << 7)
    while at + 8 <= limit:
        word = declare(uint64_t, read_u64(input + at))
        deletes = declare(uint64_t, word ^ ones * 0x7F)
        # The highest bit of each byte that is less than `least`, or zero; of those above such a one it may be set too.
        if (((word - ones * least) & ~word) | ((deletes - ones) & ~deletes)) & highs:
            break
        at += 8
    while at < limit and input[at] >= least and input[at] != 0x7F:
        at += 1
    return at


def is_blank(byte):
    return byte == b" " or byte == b"\t"


def lower(byte):
    return byte + 0x20 if byte >= 0x41 and byte <= 0x5A else byte


def same_name(text, lower_case, length):
    index = declare(uint32_t)
    for index in range(length):
        if lower(text[index]) != lower_case[index]:
            return False
    return True


def note_header(name, name_bytes, value, value_bytes, rules, head):
    """Take what is needed from a header."""
    if name_bytes == rules.address_header_bytes and same_name(
        name, address(rules.address_header[0]), name_bytes
    ):
        head.client_address = value
        head.client_address_bytes = value_bytes
    if name_bytes == 10 and same_name(name, cast(pointer(uint8_t), b"connection"), 10):
        head.asks_close = head.asks_close or lists_word(value, value_bytes, b"close", 5)
        head.asks_keep_alive = head.asks_keep_alive or lists_word(value, value_bytes, b"keep-alive", 10)
        head.asks_upgrade = head.asks_upgrade or lists_word(value, value_bytes, b"upgrade", 7)
    elif name_bytes == 14 and same_name(name, cast(pointer(uint8_t), b"content-length"), 14):
        return note_body_length(value, value_bytes, head)
    elif name_bytes == 17 and same_name(name, cast(pointer(uint8_t), b"transfer-encoding"), 17):
        return HEAD_BODY_ENCODED
    else:
        note_upgrade_header(name, name_bytes, value, value_bytes, head)
    return HEAD_COMPLETE


def note_body_length(value, value_bytes, head):
    """Two lengths, even equal ones, are how one request is smuggled in another (RFC 9112, section 11.2)."""
    if head.has_body_length or value_bytes == 0 or value_bytes > 18:
        return HEAD_BAD
    head.has_body_length = True
    index = declare(uint32_t)
    for index in range(value_bytes):
        if value[index] < 0x30 or value[index] > 0x39:
            return HEAD_BAD
        head.body_bytes = head.body_bytes * 10 + (value[index] - 0x30)
    return HEAD_COMPLETE


def note_upgrade_header(name, name_bytes, value, value_bytes, head):
    """Take what WebSocket's handshake is of (RFC 6455, section 4.2.1)."""
    if name_bytes == 7 and same_name(name, cast(pointer(uint8_t), b"upgrade"), 7):
        head.names_websocket = head.names_websocket or lists_word(value, value_bytes, b"websocket", 9)
    elif name_bytes == 17 and same_name(name, cast(pointer(uint8_t), b"sec-websocket-key"), 17):
        note_value(value, value_bytes, address(head.websocket_key))
    elif name_bytes == 21 and same_name(name, cast(pointer(uint8_t), b"sec-websocket-version"), 21):
        note_value(value, value_bytes, address(head.websocket_version))
    elif name_bytes == 6 and same_name(name, cast(pointer(uint8_t), b"origin"), 6):
        note_value(value, value_bytes, address(head.origin))


def note_value(value, value_bytes, noted):
    noted.text = value
    noted.length = value_bytes


def lists_word(value, value_bytes, lower_case, length):
    """Whether a word is one of a list's."""
    start = declare(uint32_t, 0)
    end = declare(uint32_t)
    while start < value_bytes:
        end = start
        while end < value_bytes and value[end] != b",":
            end += 1
        next = declare(uint32_t, end + 1)
        while start < end and is_blank(value[start]):
            start += 1
        while end > start and is_blank(value[end - 1]):
            end -= 1
        if end - start == length and same_name(value + start, cast(pointer(uint8_t), lower_case), length):
            return True
        start = next
    return False
