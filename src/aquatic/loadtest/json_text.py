"""JSON as trackers send it: see json_text.pxd."""

from cython import address, cast, declare
from cython.cimports.aquatic.abi.bits import read_u64
from cython.cimports.aquatic.loadtest.json_text import COUNT_DIGITS_MAX, DEPTH_MAX, NO_DIGIT, Cursor, Text
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, strlen


def cursor_of(bytes, length):
    cursor = declare(Cursor)
    cursor.at = bytes
    cursor.end = bytes + length
    cursor.failed = False
    return cursor


def skip_blanks(cursor):
    while cursor.at < cursor.end and (
        cursor.at[0] == b" " or cursor.at[0] == b"\n" or cursor.at[0] == b"\r" or cursor.at[0] == b"\t"
    ):
        cursor.at += 1


def take(cursor, character):
    skip_blanks(cursor)
    if cursor.failed or cursor.at == cursor.end or cursor.at[0] != character:
        return False
    cursor.at += 1
    return True


def expect(cursor, character):
    if not take(cursor, character):
        cursor.failed = True


def at_end(cursor):
    skip_blanks(cursor)
    return not cursor.failed and cursor.at == cursor.end


def first_member(cursor, key):
    expect(cursor, b"{")
    if take(cursor, b"}"):
        return False
    return read_member_name(cursor, key)


def next_member(cursor, key):
    if take(cursor, b"}"):
        return False
    expect(cursor, b",")
    return read_member_name(cursor, key)


def read_member_name(cursor, key):
    key[0] = read_string(cursor)
    expect(cursor, b":")
    return not cursor.failed


def read_string(cursor):
    """The inside of a string, whose escapes and characters have been checked."""
    text = declare(Text)
    expect(cursor, b'"')
    text.bytes = cursor.at
    while not cursor.failed and cursor.at < cursor.end and cursor.at[0] != b'"':
        if cursor.end - cursor.at >= 8 and is_plain(read_u64(cursor.at)):
            cursor.at += 8
        elif cursor.at[0] < 0x20:
            cursor.failed = True
        elif cursor.at[0] == b"\\":
            skip_escape(cursor)
        else:
            cursor.at += 1
    text.length = 0 if cursor.failed else cast(uint32_t, cursor.at - text.bytes)
    if cursor.failed or cursor.at == cursor.end:
        cursor.failed = True
        text.length = 0
    else:
        cursor.at += 1
    return text


def is_plain(word):
    """Whether none of eight bytes ends a string, escapes something, or may not be in one."""
    ones = ~cast(uint64_t, 0) // 0xFF
    quotes = word ^ ones * 0x22
    escapes = word ^ ones * 0x5C
    found = (quotes - ones & ~quotes) | (escapes - ones & ~escapes) | (word - ones * 0x20 & ~word)
    return not found & ones * 0x80


def skip_escape(cursor):
    i = declare(uint32_t)
    left = cursor.end - cursor.at
    if left < 2:
        cursor.failed = True
        return
    kind = cursor.at[1]
    if kind != b"u":
        cursor.failed = (
            kind != b'"'
            and kind != b"\\"
            and kind != b"/"
            and kind != b"b"
            and kind != b"f"
            and kind != b"n"
            and kind != b"r"
            and kind != b"t"
        )
        cursor.at += 2
        return
    cursor.failed = left < 6
    for i in range(2, 6):
        if not cursor.failed and hexadecimal(cursor.at[i]) == NO_DIGIT:
            cursor.failed = True
    cursor.at += 6 if left >= 6 else 2


def read_count(cursor):
    skip_blanks(cursor)
    count = declare(uint64_t, 0)
    start = cursor.at
    while cursor.at < cursor.end and is_digit(cursor.at[0]):
        count = count * 10 + (cursor.at[0] - 0x30)
        cursor.at += 1
        if cursor.at - start > COUNT_DIGITS_MAX:
            cursor.failed = True
            return 0
    if cursor.at == start or (start[0] == b"0" and cursor.at - start > 1):
        cursor.failed = True
        return 0
    return count


def read_value(cursor):
    text = declare(Text)
    skip_blanks(cursor)
    text.bytes = cursor.at
    skip_value(cursor, 0)
    text.length = 0 if cursor.failed else cast(uint32_t, cursor.at - text.bytes)
    return text


def skip_value(cursor, depth):
    skip_blanks(cursor)
    if cursor.failed or cursor.at == cursor.end or depth > DEPTH_MAX:
        cursor.failed = True
        return
    first = cursor.at[0]
    if first == b'"':
        read_string(cursor)
    elif first == b"{":
        skip_members(cursor, depth)
    elif first == b"[":
        skip_elements(cursor, depth)
    elif first == b"t":
        skip_word(cursor, b"true")
    elif first == b"f":
        skip_word(cursor, b"false")
    elif first == b"n":
        skip_word(cursor, b"null")
    else:
        skip_number(cursor)


def skip_members(cursor, depth):
    key = declare(Text)
    more = first_member(cursor, address(key))
    while more:
        skip_value(cursor, depth + 1)
        more = next_member(cursor, address(key))


def skip_elements(cursor, depth):
    expect(cursor, b"[")
    if take(cursor, b"]"):
        return
    skip_value(cursor, depth + 1)
    while not cursor.failed and take(cursor, b","):
        skip_value(cursor, depth + 1)
    expect(cursor, b"]")


def skip_word(cursor, word):
    length = strlen(word)
    if cast(uint64_t, cursor.end - cursor.at) < length or memcmp(cursor.at, word, length) != 0:
        cursor.failed = True
    else:
        cursor.at += length


def skip_number(cursor):
    if cursor.at < cursor.end and cursor.at[0] == b"-":
        cursor.at += 1
    if cursor.at < cursor.end and cursor.at[0] == b"0":
        cursor.at += 1
    else:
        skip_digits(cursor)
    if cursor.at < cursor.end and cursor.at[0] == b".":
        cursor.at += 1
        skip_digits(cursor)
    if cursor.at < cursor.end and (cursor.at[0] == b"e" or cursor.at[0] == b"E"):
        cursor.at += 1
        if cursor.at < cursor.end and (cursor.at[0] == b"+" or cursor.at[0] == b"-"):
            cursor.at += 1
        skip_digits(cursor)


def skip_digits(cursor):
    """One at least."""
    start = cursor.at
    while cursor.at < cursor.end and is_digit(cursor.at[0]):
        cursor.at += 1
    if cursor.at == start:
        cursor.failed = True


def is_digit(byte):
    return cast(uint32_t, byte) - 0x30 <= 9


def text_is(text, wanted):
    return text.length == strlen(wanted) and memcmp(text.bytes, wanted, text.length) == 0


def same_string(one, other):
    """Whether two strings mean the same, however they are written."""
    left = cursor_of(one.bytes, one.length)
    right = cursor_of(other.bytes, other.length)
    while left.at < left.end and right.at < right.end:
        if next_character(address(left)) != next_character(address(right)):
            return False
    return left.at == left.end and right.at == right.end


def read_bytes_20(text, to):
    cursor = cursor_of(text.bytes, text.length)
    count = declare(uint32_t, 0)
    while cursor.at < cursor.end:
        character = next_character(address(cursor))
        if character > 0xFF or count == 20:
            return False
        to[count] = cast(uint8_t, character)
        count += 1
    return count == 20


def next_character(cursor):
    """UTF-8 is taken as it comes: the frame's text has been found to be that."""
    first = declare(uint8_t, cursor.at[0])
    cursor.at += 1
    if first == b"\\":
        return next_escaped(cursor)
    if first < 0xC0:
        return first
    following = declare(uint32_t, 1 if first < 0xE0 else 2 if first < 0xF0 else 3)
    character = declare(uint32_t, first & (0x3F >> following))
    while following and cursor.at < cursor.end:
        character = character << 6 | cursor.at[0] & 0x3F
        cursor.at += 1
        following -= 1
    return character


def next_escaped(cursor):
    i = declare(uint32_t)
    kind = declare(uint8_t, cursor.at[0])
    if kind == b"u":
        unit = declare(uint32_t, 0)
        for i in range(1, 5):
            unit = unit << 4 | hexadecimal(cursor.at[i])
        cursor.at += 5
        return unit
    cursor.at += 1
    if kind == b"b":
        return 8
    if kind == b"f":
        return 12
    if kind == b"n":
        return 10
    if kind == b"r":
        return 13
    return 9 if kind == b"t" else kind


def hexadecimal(byte):
    """The value of a digit, or NO_DIGIT."""
    number = declare(uint32_t, cast(uint32_t, byte) - 0x30)
    letter = declare(uint32_t, (cast(uint32_t, byte) | 0x20) - 0x61)
    value = declare(uint32_t, letter + 10 if letter <= 5 else NO_DIGIT)
    return number if number <= 9 else value
