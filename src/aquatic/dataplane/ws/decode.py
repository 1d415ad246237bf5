"""From a client's message to what it asks for. Touches nothing but its arguments, so it fuzzes alone.

JSON is taken as strictly as its standard says (RFC 8259), in one pass and without a copy: what is passed on to other
peers, offers and answers, are the bytes that came, and they are one JSON value. Of the message itself more is taken
than other trackers take, as clients differ: unknown keys, and values of another type where they only cost the sender.

Binary strings (info hashes, and ids of peers and offers) are texts of 20 characters from 0 to 255, each a byte.
"""

from cython import address, bint, cast, declare, sizeof
from cython.cimports.aquatic.abi.udp_wire import (
    EVENT_COMPLETED,
    EVENT_NONE,
    EVENT_PAUSED,
    EVENT_STARTED,
    EVENT_STOPPED,
)
from cython.cimports.aquatic.abi.ws_wire import (
    WS_ACCEPTED,
    WS_ACTION_ANNOUNCE,
    WS_ACTION_NONE,
    WS_ACTION_SCRAPE,
    WS_BAD_ACTION,
    WS_BAD_INFO_HASH,
    WS_BAD_OFFER_ID,
    WS_BAD_OFFERS,
    WS_BAD_PEER_ID,
    WS_BAD_TO_PEER_ID,
    WS_FULL_SCRAPE,
    WS_NOT_JSON,
    WS_OFFERS_LIMIT,
    WS_SCRAPE_LIMIT,
)
from cython.cimports.aquatic.dataplane.ws.decode import (
    CLOSES_ARRAY,
    CLOSES_OBJECT,
    ID_BYTES,
    JSON_DEPTH_MAX,
    NOT_HEXADECIMAL,
    NOT_JSON,
    OPENS_ARRAY,
    OPENS_OBJECT,
    PLACE_INFO_HASHES,
    PLACE_MESSAGE,
    PLACE_OFFER,
    PLACE_OFFERS,
    WORD_BYTES_MAX,
    Reading,
    plain_bytes,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, memcpy, memset


def decode_message(message, length, request):
    """Read a message; what it does not say is as a client means that leaves it out."""
    reading = declare(Reading)
    memset(address(reading), 0, sizeof(Reading))
    reading.message = message
    reading.length = length
    reading.request = request
    begin(request)
    at = skip_blanks(message, 0, length)
    if byte_at(message, at, length) == OPENS_OBJECT:
        at = read_members(address(reading), at + 1, PLACE_MESSAGE)
    else:
        at = skip_value(message, at, length, 0)
    if at == NOT_JSON or skip_blanks(message, at, length) != length:
        return WS_NOT_JSON
    return verdict_of(address(reading))


def begin(request):
    request.action = WS_ACTION_NONE
    request.info_hash_count = 0
    request.has_left = False
    request.is_seeder = False
    request.event = EVENT_NONE
    request.offer_count = 0
    request.has_answer = False


def verdict_of(reading):
    request = reading.request
    if request.action == WS_ACTION_SCRAPE:
        if reading.has_bad_info_hash:
            return WS_BAD_INFO_HASH
        return WS_ACCEPTED if request.info_hash_count else WS_FULL_SCRAPE
    if request.action != WS_ACTION_ANNOUNCE:
        return WS_BAD_ACTION
    if reading.has_bad_info_hash or reading.is_list or request.info_hash_count == 0:
        return WS_BAD_INFO_HASH
    if not reading.has_peer_id:
        return WS_BAD_PEER_ID
    if reading.has_bad_offer:
        return WS_BAD_OFFERS
    if request.has_answer and not reading.has_to_peer_id:
        return WS_BAD_TO_PEER_ID
    if request.has_answer and not reading.has_answered_id:
        return WS_BAD_OFFER_ID
    return WS_ACCEPTED


def ws_reason(verdict):
    if verdict == WS_NOT_JSON:
        return b"invalid JSON"
    if verdict == WS_BAD_ACTION:
        return b"invalid action"
    if verdict == WS_BAD_INFO_HASH:
        return b"invalid info_hash"
    if verdict == WS_BAD_PEER_ID:
        return b"invalid peer_id"
    if verdict == WS_BAD_OFFERS:
        return b"invalid offers"
    if verdict == WS_BAD_TO_PEER_ID:
        return b"invalid to_peer_id"
    if verdict == WS_BAD_OFFER_ID:
        return b"invalid offer_id"
    return b"full scrapes are not supported"


def read_members(reading, at, place):
    """Read the members of an object, from behind its brace."""
    message = reading.message
    length = reading.length
    key = declare(uint8_t[WORD_BYTES_MAX])
    end = skip_blanks(message, at, length)
    if byte_at(message, end, length) == CLOSES_OBJECT:
        return end + 1
    while at != NOT_JSON:
        start = skip_blanks(message, at, length)
        at = skip_key(message, start, length)
        if at == NOT_JSON:
            return NOT_JSON
        key_bytes = read_string(message + start, at - start, key, WORD_BYTES_MAX)
        at = skip_blanks(message, skip_byte(message, at, length, b":"), length)
        if place == PLACE_MESSAGE:
            at = read_message_member(reading, at, key, key_bytes)
        else:
            at = read_offer_member(reading, at, key, key_bytes)
        at = skip_comma(message, at, length, CLOSES_OBJECT)
        if at != NOT_JSON and message[at - 1] == CLOSES_OBJECT:
            return at
    return NOT_JSON


def read_elements(reading, at, place):
    """Read the elements of an array, from behind its bracket."""
    message = reading.message
    length = reading.length
    end = skip_blanks(message, at, length)
    if byte_at(message, end, length) == CLOSES_ARRAY:
        return end + 1
    while at != NOT_JSON:
        at = skip_blanks(message, at, length)
        at = read_offer(reading, at) if place == PLACE_OFFERS else read_info_hash(reading, at, 2)
        at = skip_comma(message, at, length, CLOSES_ARRAY)
        if at != NOT_JSON and message[at - 1] == CLOSES_ARRAY:
            return at
    return NOT_JSON


def read_message_member(reading, at, key, key_bytes):
    request = reading.request
    if is_word(key, key_bytes, b"offers", 6):
        return read_offers(reading, at)
    if is_word(key, key_bytes, b"info_hash", 9):
        return read_info_hashes(reading, at)
    if is_word(key, key_bytes, b"peer_id", 7):
        return read_id(reading, at, 1, request.peer_id, address(reading.has_peer_id))
    if is_word(key, key_bytes, b"answer", 6):
        return read_span(reading, at, 1, address(request.answer), address(request.has_answer))
    if is_word(key, key_bytes, b"to_peer_id", 10):
        return read_id(reading, at, 1, request.to_peer_id, address(reading.has_to_peer_id))
    if is_word(key, key_bytes, b"offer_id", 8):
        return read_id(reading, at, 1, request.offer_id, address(reading.has_answered_id))
    end = skip_value(reading.message, at, reading.length, 1)
    if end != NOT_JSON:
        note_member(request, key, key_bytes, reading.message + at, end - at)
    return end


def read_offer_member(reading, at, key, key_bytes):
    if is_word(key, key_bytes, b"offer", 5):
        return read_span(reading, at, 3, address(reading.offer), address(reading.has_offer))
    if is_word(key, key_bytes, b"offer_id", 8):
        return read_id(reading, at, 3, reading.offer_id, address(reading.has_offer_id))
    return skip_value(reading.message, at, reading.length, 3)


def read_info_hashes(reading, at):
    """One, or an array of them; none where there is null."""
    first = byte_at(reading.message, at, reading.length)
    reading.request.info_hash_count = 0
    reading.has_bad_info_hash = False
    reading.is_list = first == OPENS_ARRAY
    if reading.is_list:
        return read_elements(reading, at + 1, PLACE_INFO_HASHES)
    if first == b"n":
        return skip_value(reading.message, at, reading.length, 1)
    return read_info_hash(reading, at, 1)


def read_info_hash(reading, at, depth):
    request = reading.request
    info_hash = declare(uint8_t[ID_BYTES])
    is_there = declare(bint)
    end = read_id(reading, at, depth, info_hash, address(is_there))
    if end == NOT_JSON:
        return NOT_JSON
    if not is_there:
        reading.has_bad_info_hash = True
    elif request.info_hash_count < WS_SCRAPE_LIMIT:
        memcpy(address(request.info_hashes[request.info_hash_count * ID_BYTES]), info_hash, ID_BYTES)
        request.info_hash_count += 1
    return end


def read_offers(reading, at):
    """What is no array are no offers."""
    reading.request.offer_count = 0
    reading.has_bad_offer = False
    if byte_at(reading.message, at, reading.length) != OPENS_ARRAY:
        return skip_value(reading.message, at, reading.length, 1)
    return read_elements(reading, at + 1, PLACE_OFFERS)


def read_offer(reading, at):
    request = reading.request
    reading.has_offer = False
    reading.has_offer_id = False
    if byte_at(reading.message, at, reading.length) == OPENS_OBJECT:
        at = read_members(reading, at + 1, PLACE_OFFER)
    else:
        at = skip_value(reading.message, at, reading.length, 2)
    if not (reading.has_offer and reading.has_offer_id):
        reading.has_bad_offer = True
    elif request.offer_count < WS_OFFERS_LIMIT:
        offer = address(request.offers[request.offer_count])
        memcpy(offer.offer_id, reading.offer_id, ID_BYTES)
        offer.offer = reading.offer
        request.offer_count += 1
    return at


def read_span(reading, at, depth, span, is_there):
    """Any value but null."""
    end = skip_value(reading.message, at, reading.length, depth)
    if end == NOT_JSON:
        return NOT_JSON
    span.start = at
    span.length = end - at
    is_there[0] = reading.message[at] != b"n"
    return end


def read_id(reading, at, depth, out, is_there):
    end = skip_value(reading.message, at, reading.length, depth)
    if end == NOT_JSON:
        return NOT_JSON
    is_there[0] = read_string(reading.message + at, end - at, out, ID_BYTES) == ID_BYTES
    return end


def note_member(request, key, key_bytes, value, length):
    if is_word(key, key_bytes, b"action", 6):
        request.action = action_of(value, length)
    elif is_word(key, key_bytes, b"left", 4):
        note_left(request, value, length)
    elif is_word(key, key_bytes, b"event", 5):
        request.event = event_of(value, length)


def note_left(request, value, length):
    """A number that is zero in any way of writing it is a seeder's."""
    is_number = declare(bint, value[0] == b"-" or (value[0] >= 0x30 and value[0] <= 0x39))
    request.has_left = is_number or value[0] == b"n"
    at = declare(uint32_t, 0)
    while at < length and (value[at] == b"-" or value[at] == b"0" or value[at] == b"."):
        at += 1
    request.is_seeder = is_number and (at == length or is_exponent(value[at]))


def action_of(value, length):
    word = declare(uint8_t[WORD_BYTES_MAX])
    word_bytes = read_string(value, length, word, WORD_BYTES_MAX)
    if is_word(word, word_bytes, b"announce", 8):
        return WS_ACTION_ANNOUNCE
    if is_word(word, word_bytes, b"scrape", 6):
        return WS_ACTION_SCRAPE
    return WS_ACTION_NONE


def event_of(value, length):
    """An event that is not known is none: the announce counts."""
    word = declare(uint8_t[WORD_BYTES_MAX])
    word_bytes = read_string(value, length, word, WORD_BYTES_MAX)
    if is_word(word, word_bytes, b"started", 7):
        return EVENT_STARTED
    if is_word(word, word_bytes, b"stopped", 7):
        return EVENT_STOPPED
    if is_word(word, word_bytes, b"completed", 9):
        return EVENT_COMPLETED
    if is_word(word, word_bytes, b"paused", 6):
        return EVENT_PAUSED
    return EVENT_NONE


def read_string(value, length, out, capacity):
    """Of a string with its quotes; what is none has no length that fits."""
    if value[0] != b'"':
        return capacity + 1
    return read_characters(value + 1, length - 2, out, capacity)


def read_characters(text, length, out, capacity):
    count = declare(uint32_t, 0)
    at = declare(uint32_t, 0)
    while at < length:
        character = declare(uint32_t, text[at])
        at += 1
        if character == b"\\":
            character = escaped(text + at)
            at += 5 if text[at] == b"u" else 1
        elif character >= 0x80:
            # Characters up to 255 are of two bytes, the first of which is 0xC2 or 0xC3.
            if character > 0xC3:
                return capacity + 1
            character = (character & 3) << 6 | text[at] & 0x3F
            at += 1
        if character > 0xFF or count == capacity:
            return capacity + 1
        out[count] = cast(uint8_t, character)
        count += 1
    return count


def escaped(letter):
    """What follows a backslash stands for."""
    if letter[0] == b"u":
        return (
            hexadecimal(letter[1]) << 12
            | hexadecimal(letter[2]) << 8
            | hexadecimal(letter[3]) << 4
            | hexadecimal(letter[4])
        )
    if letter[0] == b"b":
        return 0x08
    if letter[0] == b"t":
        return 0x09
    if letter[0] == b"n":
        return 0x0A
    if letter[0] == b"f":
        return 0x0C
    if letter[0] == b"r":
        return 0x0D
    return letter[0]


def hexadecimal(byte):
    """The value of a digit, or NOT_HEXADECIMAL."""
    number = declare(uint32_t, cast(uint32_t, byte) - 0x30)
    letter = declare(uint32_t, (cast(uint32_t, byte) | 0x20) - 0x61)
    value = declare(uint32_t, letter + 10 if letter <= 5 else NOT_HEXADECIMAL)
    return number if number <= 9 else value


def is_word(text, length, word, word_bytes):
    return length == word_bytes and memcmp(text, word, word_bytes) == 0


def skip_value(text, at, length, depth):
    # What of this value is open: a bit for each, the innermost is the lowest, and set where it is an object.
    kinds = declare(uint64_t, 0)
    opened = declare(uint32_t, 0)
    while True:
        at = skip_blanks(text, at, length)
        first = byte_at(text, at, length)
        if first == OPENS_OBJECT or first == OPENS_ARRAY:
            if depth + opened == JSON_DEPTH_MAX:
                return NOT_JSON
            kinds = kinds << 1 | (first == OPENS_OBJECT)
            opened += 1
            at = skip_blanks(text, at + 1, length)
            if byte_at(text, at, length) != closing(kinds):
                at = skip_name(text, at, length) if kinds & 1 else at
                continue
        else:
            at = skip_scalar(text, at, length)
        # A value has ended, or an empty one is about to close.
        while opened:
            at = skip_comma(text, at, length, closing(kinds))
            if at == NOT_JSON:
                return NOT_JSON
            if text[at - 1] == b",":
                break
            kinds >>= 1
            opened -= 1
        if opened == 0:
            return at
        if kinds & 1:
            at = skip_name(text, skip_blanks(text, at, length), length)


def closing(kinds):
    return CLOSES_OBJECT if kinds & 1 else CLOSES_ARRAY


def skip_scalar(text, at, length):
    first = byte_at(text, at, length)
    if first == b'"':
        return skip_string(text, at + 1, length)
    if first == b"t":
        return skip_literal(text, at, length, b"true", 4)
    if first == b"f":
        return skip_literal(text, at, length, b"false", 5)
    if first == b"n":
        return skip_literal(text, at, length, b"null", 4)
    return skip_number(text, at, length)


def skip_literal(text, at, length, literal, literal_bytes):
    if length - at < literal_bytes or memcmp(text + at, literal, literal_bytes) != 0:
        return NOT_JSON
    return at + literal_bytes


def skip_number(text, at, length):
    if byte_at(text, at, length) == b"-":
        at += 1
    first = at
    at = skip_digits(text, at, length)
    # No digit is in front of a zero before the point (section 6).
    if at != NOT_JSON and text[first] == b"0" and at != first + 1:
        return NOT_JSON
    if at != NOT_JSON and byte_at(text, at, length) == b".":
        at = skip_digits(text, at + 1, length)
    if at != NOT_JSON and is_exponent(byte_at(text, at, length)):
        at += 1
        sign = byte_at(text, at, length)
        at = skip_digits(text, at + 1 if sign == b"+" or sign == b"-" else at, length)
    return at


def skip_digits(text, at, length):
    """One or more."""
    start = at
    while at < length and text[at] >= 0x30 and text[at] <= 0x39:
        at += 1
    return at if at > start else NOT_JSON


def is_exponent(byte):
    return byte == b"e" or byte == b"E"


def skip_string(text, at, length):
    """From behind the first quote."""
    while at != NOT_JSON:
        at = skip_plain(text, at, length)
        # They often come in pairs: an SDP's lines end in two.
        while byte_at(text, at, length) == b"\\":
            at = skip_escape(text, at + 1, length)
        if byte_at(text, at, length) == b'"':
            return at + 1
        # No control character, as is the byte that stands for the end.
        if byte_at(text, at, length) < 0x20:
            return NOT_JSON
    return NOT_JSON


def skip_plain(text, at, length):
    """Pass over what stands for itself in a string, sixteen bytes at a time while there are."""
    while at + 16 <= length:
        plain = declare(uint32_t, plain_bytes(text + at))
        at += plain
        if plain < 16:
            return at
    while at < length and text[at] >= 0x20 and text[at] != b'"' and text[at] != b"\\":
        at += 1
    return at


def skip_escape(text, at, length):
    """From behind the backslash."""
    letter = byte_at(text, at, length)
    if letter == b"u":
        if length - at < 5:
            return NOT_JSON
        digits = hexadecimal(text[at + 1]) | hexadecimal(text[at + 2])
        digits |= hexadecimal(text[at + 3]) | hexadecimal(text[at + 4])
        return NOT_JSON if digits & NOT_HEXADECIMAL else at + 5
    if letter == b"n" or letter == b"r" or letter == b"t" or letter == b"b" or letter == b"f":
        return at + 1
    return at + 1 if letter == b'"' or letter == b"\\" or letter == b"/" else NOT_JSON


def skip_key(text, at, length):
    return skip_string(text, at + 1, length) if byte_at(text, at, length) == b'"' else NOT_JSON


def skip_name(text, at, length):
    """A member's key and its colon."""
    return skip_byte(text, skip_key(text, at, length), length, b":")


def skip_byte(text, at, length, byte):
    """With the blanks in front of it."""
    at = skip_blanks(text, at, length)
    return at + 1 if byte_at(text, at, length) == byte else NOT_JSON


def skip_comma(text, at, length, close):
    """Or what closes; which of them it was is the byte in front of the offset."""
    at = skip_blanks(text, at, length)
    byte = byte_at(text, at, length)
    return at + 1 if byte == b"," or byte == close else NOT_JSON


def skip_blanks(text, at, length):
    while (
        at < length
        and text[at] <= b" "
        and (text[at] == b" " or text[at] == b"\n" or text[at] == b"\r" or text[at] == b"\t")
    ):
        at += 1
    return at


def byte_at(text, at, length):
    """The byte, or zero at the end: outside of strings it is no more right than the end."""
    return text[at] if at < length else 0
