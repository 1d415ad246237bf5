"""From a request's target to what it asks for (BEP 3, 7, 21, 23, 48). Touches nothing but its arguments.

Any byte may be percent-encoded or not, in names too. What is no escape stands for itself, and so does "+": forms write
a blank so, clients an info hash's byte 0x2B. A parameter that comes again counts as it came last, as in the Rust
tracker; info hashes of a scrape add up.

The path's last part decides, so that /KEY/announce (private trackers, and proxies that forward one folder) is served.
"""

from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.http_wire import (
    HTTP_SCRAPE_TORRENTS_MAX,
    PEER_ID_BYTES,
    PORT_NONE,
    RESOURCE_ANNOUNCE,
    RESOURCE_HEALTH,
    RESOURCE_ROOT,
    RESOURCE_SCRAPE,
    RESOURCE_UNKNOWN,
    TRACKER_ID_BYTES_MAX,
)
from cython.cimports.aquatic.abi.udp_wire import (
    EVENT_COMPLETED,
    EVENT_NONE,
    EVENT_PAUSED,
    EVENT_STARTED,
    EVENT_STOPPED,
    INFO_HASH_BYTES,
)
from cython.cimports.aquatic.dataplane.http.query import (
    NAME_BYTES_MAX,
    NOT_HEXADECIMAL,
    TEXT_BYTES_MAX,
    Cursor,
)
from cython.cimports.libc.stdint import INT32_MAX, UINT64_MAX, int32_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memchr, memcmp


def decode_target(target, length, request):
    """Read a target; what it does not say is as a client means that leaves it out."""
    cursor = declare(Cursor)
    path = target + path_start(target, length)
    cursor.end = target + length
    mark = cast(pointer(uint8_t), memchr(path, b"?", cursor.end - path))
    cursor.at = cursor.end if mark == NULL else mark + 1
    request.resource = resource_of(path, (cursor.end if mark == NULL else mark) - path)
    request.has_bad_info_hash = False
    request.info_hash_count = 0
    request.peer_id_bytes = 0
    request.port = PORT_NONE
    request.bytes_left = UINT64_MAX
    request.event = EVENT_NONE
    request.peers_wanted = -1
    request.is_compact = True
    request.tracker_id_bytes = 0
    if request.resource == RESOURCE_ANNOUNCE or request.resource == RESOURCE_SCRAPE:
        decode_parameters(address(cursor), request)


def path_start(target, length):
    """Where the path begins: at once, but behind scheme and host of a whole URL (RFC 9112, section 3.2.2)."""
    if length == 0 or target[0] == b"/":
        return 0
    colon = cast(pointer(uint8_t), memchr(target, b":", length))
    # As far in as behind "http" or "https": others stand in something else than a URL.
    if colon == NULL or (colon - target != 4 and colon - target != 5):
        return 0
    if target + length - colon < 3 or colon[1] != b"/" or colon[2] != b"/":
        return 0
    slash = cast(pointer(uint8_t), memchr(colon + 3, b"/", target + length - colon - 3))
    return length if slash == NULL else slash - target


def resource_of(path, length):
    if length >= 9 and memcmp(path + length - 9, b"/announce", 9) == 0:
        return RESOURCE_ANNOUNCE
    if length >= 7 and memcmp(path + length - 7, b"/scrape", 7) == 0:
        return RESOURCE_SCRAPE
    if length == 0 or (length == 1 and path[0] == b"/"):
        return RESOURCE_ROOT
    if length == 7 and memcmp(path, b"/health", 7) == 0:
        return RESOURCE_HEALTH
    return RESOURCE_UNKNOWN


def decode_parameters(cursor, request):
    name = declare(uint8_t[NAME_BYTES_MAX])
    while cursor.at < cursor.end:
        name_bytes = declare(uint32_t, read_text(cursor, b"=", name, NAME_BYTES_MAX))
        if cursor.at < cursor.end and cursor.at[0] == b"=":
            cursor.at += 1
        decode_parameter(cursor, name, name_bytes, request)
        # What of the value was not wanted; at its end an ampersand, or the query's end.
        mark = cast(pointer(uint8_t), memchr(cursor.at, b"&", cursor.end - cursor.at))
        cursor.at = cursor.end if mark == NULL else mark + 1


def decode_parameter(cursor, name, name_bytes, request):
    """Take a value if it is known by this name. The cursor stands before the value, and may stay within it."""
    if is_name(name, name_bytes, b"info_hash", 9):
        read_info_hash(cursor, request)
    elif is_name(name, name_bytes, b"peer_id", 7):
        request.peer_id_bytes = read_text(cursor, b"&", request.peer_id, PEER_ID_BYTES)
    elif is_name(name, name_bytes, b"port", 4):
        request.port = read_port(cursor)
    elif is_name(name, name_bytes, b"left", 4):
        request.bytes_left = read_bytes_left(cursor)
    elif is_name(name, name_bytes, b"event", 5):
        request.event = read_event(cursor)
    elif is_name(name, name_bytes, b"numwant", 7):
        request.peers_wanted = read_peers_wanted(cursor)
    elif is_name(name, name_bytes, b"compact", 7):
        request.is_compact = read_compact(cursor)
    elif is_name(name, name_bytes, b"trackerid", 9):
        request.tracker_id_bytes = read_text(cursor, b"&", request.tracker_id, TRACKER_ID_BYTES_MAX)


def is_name(name, name_bytes, known, known_bytes):
    return name_bytes == known_bytes and memcmp(name, known, known_bytes) == 0


def read_info_hash(cursor, request):
    """An announce has one, a scrape as many as there is room for; further ones are passed over."""
    if request.resource == RESOURCE_ANNOUNCE:
        request.info_hash_count = 0
        request.has_bad_info_hash = False
    if request.info_hash_count == HTTP_SCRAPE_TORRENTS_MAX:
        return
    place = address(request.info_hashes[request.info_hash_count * INFO_HASH_BYTES])
    if read_text(cursor, b"&", place, INFO_HASH_BYTES) == INFO_HASH_BYTES:
        request.info_hash_count += 1
    else:
        request.has_bad_info_hash = True


def read_event(cursor):
    """An event that is not known, or empty, is an ordinary announce."""
    text = declare(uint8_t[TEXT_BYTES_MAX])
    length = declare(uint32_t, read_text(cursor, b"&", text, TEXT_BYTES_MAX))
    if length == 7 and memcmp(text, b"started", 7) == 0:
        return EVENT_STARTED
    if length == 7 and memcmp(text, b"stopped", 7) == 0:
        return EVENT_STOPPED
    if length == 9 and memcmp(text, b"completed", 9) == 0:
        return EVENT_COMPLETED
    if length == 6 and memcmp(text, b"paused", 6) == 0:
        return EVENT_PAUSED
    return EVENT_NONE


def read_port(cursor):
    text = declare(uint8_t[TEXT_BYTES_MAX])
    length = declare(uint32_t, read_text(cursor, b"&", text, TEXT_BYTES_MAX))
    number = declare(uint64_t)
    if not read_number(text, length, address(number)) or number > 0xFFFF:
        return PORT_NONE
    return number


def read_peers_wanted(cursor):
    """A huge number is the greatest; a negative one, or none, asks for the default."""
    text = declare(uint8_t[TEXT_BYTES_MAX])
    length = declare(uint32_t, read_text(cursor, b"&", text, TEXT_BYTES_MAX))
    number = declare(uint64_t)
    if not read_number(text, length, address(number)):
        return -1
    return cast(int32_t, min(number, cast(uint64_t, INT32_MAX)))


def read_bytes_left(cursor):
    text = declare(uint8_t[TEXT_BYTES_MAX])
    length = declare(uint32_t, read_text(cursor, b"&", text, TEXT_BYTES_MAX))
    number = declare(uint64_t)
    return number if read_number(text, length, address(number)) else UINT64_MAX


def read_compact(cursor):
    """Only a client that says 0 is given the old form."""
    text = declare(uint8_t[TEXT_BYTES_MAX])
    length = declare(uint32_t, read_text(cursor, b"&", text, TEXT_BYTES_MAX))
    return length != 1 or text[0] != b"0"


def read_number(text, length, number):
    """Digits and nothing else; what is beyond 64 bits is the greatest number. False, and no number, otherwise."""
    if length == 0 or length > TEXT_BYTES_MAX:
        return False
    value = declare(uint64_t, 0)
    index = declare(uint32_t)
    for index in range(length):
        digit = declare(uint64_t, cast(uint64_t, text[index]) - 0x30)
        if digit > 9:
            return False
        value = UINT64_MAX if value > (UINT64_MAX - digit) // 10 else value * 10 + digit
    number[0] = value
    return True


def read_text(cursor, stop, out, capacity):
    """Read up to an ampersand or `stop`, without escapes. Returns how long the text is, stored as far as it fits."""
    at = cursor.at
    end = cursor.end
    length = declare(uint32_t, 0)
    while at < end and at[0] != b"&" and at[0] != stop:
        byte = declare(uint8_t, at[0])
        at += 1
        if byte == b"%" and end - at >= 2:
            high = declare(uint32_t, hexadecimal(at[0]))
            low = declare(uint32_t, hexadecimal(at[1]))
            if (high | low) < NOT_HEXADECIMAL:
                byte = cast(uint8_t, high << 4 | low)
                at += 2
        if length < capacity:
            out[length] = byte
        length += 1
    cursor.at = at
    return length


def hexadecimal(byte):
    """The value of a digit, or NOT_HEXADECIMAL. Without branches: whether it is a letter is as good as random."""
    number = declare(uint32_t, cast(uint32_t, byte) - 0x30)
    letter = declare(uint32_t, (cast(uint32_t, byte) | 0x20) - 0x61)
    value = declare(uint32_t, letter + 10 if letter <= 5 else NOT_HEXADECIMAL)
    return number if number <= 9 else value
