"""Messages of WebTorrent's signalling: see ws_message.pxd."""

from cython import NULL, address, bint, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.udp_wire import (
    EVENT_COMPLETED,
    EVENT_STARTED,
    EVENT_STOPPED,
)
from cython.cimports.aquatic.loadtest.json_text import (
    Text,
    at_end,
    cursor_of,
    first_member,
    next_member,
    read_bytes_20,
    read_count,
    read_string,
    read_value,
    same_string,
    text_is,
)
from cython.cimports.aquatic.loadtest.ws_message import (
    KIND_ANNOUNCED,
    KIND_ANSWER,
    KIND_FAILURE,
    KIND_NONE,
    KIND_NOT_JSON,
    KIND_OFFER,
    KIND_SCRAPED,
    MARK_DIGITS,
    SESSION_BYTES_MAX,
    Found,
    Said,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memcmp, memcpy, memset, strlen


def put_announce(out, announced):
    """All but the offers, which `put_announce_end` follows."""
    out = put_text(out, b'{"action":"announce","info_hash":')
    out = put_bytes_20(out, announced.info_hash)
    out = put_text(out, b',"peer_id":')
    out = put_bytes_20(out, announced.peer_id)
    out = put_text(out, b',"uploaded":0,"downloaded":0,"left":')
    out = put_text(out, b"0" if announced.is_seeder else b"1048576")
    if announced.event == EVENT_COMPLETED:
        out = put_text(out, b',"event":"completed"')
    elif announced.event == EVENT_STARTED:
        out = put_text(out, b',"event":"started"')
    elif announced.event == EVENT_STOPPED:
        out = put_text(out, b',"event":"stopped"')
    out = put_text(out, b',"numwant":')
    if announced.offers >= 10:
        out[0] = 0x30 + announced.offers // 10
        out += 1
    out[0] = 0x30 + announced.offers % 10
    return put_text(out + 1, b',"offers":[')


def put_offer(out, offer_id, sessions, mark):
    """The comma behind the last is overwritten by what ends the list."""
    out = put_text(out, b'{"offer":')
    out = put_session(out, sessions, mark)
    out = put_text(out, b',"offer_id":')
    out = put_bytes_20(out, offer_id)
    return put_text(out, b"},")


def put_announce_end(out, announced):
    return put_text(out - 1 if announced.offers else out, b"]}")


def put_answer(out, announced, to_peer_id, offer_id, sessions, mark):
    out = put_text(out, b'{"action":"announce","info_hash":')
    out = put_bytes_20(out, announced.info_hash)
    out = put_text(out, b',"peer_id":')
    out = put_bytes_20(out, announced.peer_id)
    out = put_text(out, b',"to_peer_id":')
    out = put_bytes_20(out, to_peer_id)
    out = put_text(out, b',"answer":')
    out = put_session(out, sessions, mark)
    out = put_text(out, b',"offer_id":')
    out = put_bytes_20(out, offer_id)
    return put_text(out, b"}")


def put_scrape(out):
    return put_text(out, b'{"action":"scrape","info_hash":[')


def put_scraped(out, is_first, info_hash):
    return put_bytes_20(out if is_first else put_text(out, b","), info_hash)


def put_scrape_end(out):
    return put_text(out, b"]}")


def put_text(out, text):
    length = strlen(text)
    memcpy(out, text, length)
    return out + length


def put_bytes_20(out, bytes):
    """As browsers write such a string: what is beyond ASCII as it is, what JSON reserves with an escape."""
    i = declare(uint32_t)
    out[0] = b'"'
    out += 1
    for i in range(20):
        byte = bytes[i]
        if byte >= 0x80:
            out[0] = 0xC0 | byte >> 6
            out[1] = 0x80 | byte & 0x3F
            out += 2
        elif byte < 0x20:
            memcpy(out, b"\\u00", 4)
            out[4] = hexadecimal_digit(byte >> 4)
            out[5] = hexadecimal_digit(byte & 15)
            out += 6
        elif byte == b'"' or byte == b"\\":
            out[0] = b"\\"
            out[1] = byte
            out += 2
        else:
            out[0] = byte
            out += 1
    out[0] = b'"'
    return out + 1


def hexadecimal_digit(value):
    return value + (0x30 if value < 10 else 0x57)


def put_mark(out, mark):
    i = declare(uint32_t)
    for i in range(cast(uint32_t, MARK_DIGITS)):
        out[i] = hexadecimal_digit(mark >> 60)
        mark <<= 4
    return out + MARK_DIGITS


def put_session(out, sessions, mark):
    text = chosen_session(sessions, mark)
    memcpy(out, text.bytes, text.length)
    put_mark(out + sessions.mark_at, mark)
    return out + text.length


def chosen_session(sessions, mark):
    """The size depends on the mark, so that it is known what must arrive."""
    return address(sessions.texts[(mark >> 32) * sessions.count >> 32])


def is_session(sessions, mark, session):
    expected = declare(Text)
    written = declare(uint8_t[SESSION_BYTES_MAX])
    expected.bytes = written
    expected.length = cast(uint32_t, put_session(written, sessions, mark) - written)
    if session.length == expected.length and memcmp(session.bytes, written, session.length) == 0:
        return True
    return is_same_session(session, expected)


def is_same_session(one, other):
    """Whether both are objects with the same type and text: a tracker may write them anew."""
    one_type = declare(Text)
    one_text = declare(Text)
    other_type = declare(Text)
    other_text = declare(Text)
    return (
        read_session(one, address(one_type), address(one_text))
        and read_session(other, address(other_type), address(other_text))
        and same_string(one_type, other_type)
        and same_string(one_text, other_text)
    )


def read_session(session, kind, text):
    """False where there is anything else in it."""
    key = declare(Text)
    kind.bytes = text.bytes = cast(pointer(uint8_t), NULL)
    cursor = cursor_of(session.bytes, session.length)
    more = declare(bint, first_member(address(cursor), address(key)))
    while more:
        if text_is(key, b"type"):
            kind[0] = read_string(address(cursor))
        elif text_is(key, b"sdp"):
            text[0] = read_string(address(cursor))
        else:
            return False
        more = next_member(address(cursor), address(key))
    return kind.bytes != NULL and text.bytes != NULL and at_end(address(cursor))


def read_said(message, length, said):
    """Find out what a tracker says. Fields that are not known are passed over."""
    key = declare(Text)
    found = declare(Found)
    memset(said, 0, sizeof(Said))
    memset(address(found), 0, sizeof(Found))
    cursor = cursor_of(message, length)
    more = declare(bint, first_member(address(cursor), address(key)))
    while more:
        read_field(address(cursor), key, said, address(found))
        more = next_member(address(cursor), address(key))
    said.kind = kind_of(said, address(found)) if at_end(address(cursor)) else KIND_NOT_JSON


def read_field(cursor, key, said, found):
    if text_is(key, b"action"):
        found.action = read_string(cursor)
    elif text_is(key, b"info_hash"):
        said.has_info_hash = take_bytes_20(cursor, said.info_hash)
    elif text_is(key, b"peer_id"):
        found.peer_id = take_bytes_20(cursor, said.peer_id)
    elif text_is(key, b"offer_id"):
        found.offer_id = take_bytes_20(cursor, said.offer_id)
    elif text_is(key, b"complete"):
        said.seeders = read_count(cursor)
        found.seeders = True
    elif text_is(key, b"incomplete"):
        said.leechers = read_count(cursor)
        found.leechers = True
    elif text_is(key, b"offer"):
        said.session = read_value(cursor)
        found.offer = True
    elif text_is(key, b"answer"):
        said.session = read_value(cursor)
        found.answer = True
    elif text_is(key, b"files"):
        said.files = read_value(cursor)
    else:
        found.failure |= text_is(key, b"failure reason")
        read_value(cursor)


def take_bytes_20(cursor, to):
    return read_bytes_20(read_string(cursor), to)


def kind_of(said, found):
    """What the fields make a message. One that is several at once is none."""
    if found.failure:
        return KIND_FAILURE
    if text_is(found.action, b"scrape"):
        return KIND_SCRAPED if said.files.length else KIND_NONE
    if not text_is(found.action, b"announce") or not said.has_info_hash:
        return KIND_NONE
    if found.offer or found.answer:
        if found.offer == found.answer or not found.peer_id or not found.offer_id:
            return KIND_NONE
        return KIND_OFFER if found.offer else KIND_ANSWER
    return KIND_ANNOUNCED if found.seeders and found.leechers else KIND_NONE


def read_counts(files, seeders, leechers):
    key = declare(Text)
    has_seeders = declare(bint, False)
    has_leechers = declare(bint, False)
    has_downloaded = declare(bint, False)
    more = declare(bint, first_member(files, address(key)))
    while more:
        if text_is(key, b"complete"):
            seeders[0] = read_count(files)
            has_seeders = True
        elif text_is(key, b"incomplete"):
            leechers[0] = read_count(files)
            has_leechers = True
        elif text_is(key, b"downloaded"):
            read_count(files)
            has_downloaded = True
        else:
            read_value(files)
        more = next_member(files, address(key))
    return not files.failed and has_seeders and has_leechers and has_downloaded
