"""One request over HTTP and its response: see http_exchange.pxd."""

import cython
from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.bits import htobe16, write_u16
from cython.cimports.aquatic.abi.sockets import AF_INET, AF_INET6, inet_pton
from cython.cimports.aquatic.abi.udp_wire import INFO_HASH_BYTES
from cython.cimports.aquatic.loadtest.expectation import (
    FINDING_ERROR,
    FINDING_RIGHT,
    FINDING_WRONG_CONTENT,
    FINDING_WRONG_KIND,
    FINDING_WRONG_STATUS,
    Finding,
    counts_possible,
    peer_possible,
    scraped_torrent,
    too_many_peers,
)
from cython.cimports.aquatic.loadtest.http_exchange import (
    ARRIVAL_COMPLETE,
    ARRIVAL_PARTIAL,
    ARRIVAL_WRONG,
    BENCODE_DEPTH_MAX,
    HTTP_ANNOUNCE,
    RESPONSE_BYTES_MAX,
    Announced,
    Cursor,
    Text,
    strncasecmp,
)
from cython.cimports.aquatic.loadtest.population import (
    announced_port,
    is_seeder,
    member_of,
    write_info_hash,
    write_peer_id,
)
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memchr, memcmp, memcpy, memmove, memset, strlen


def write_http_request(script, terms, kind, subject, to):
    if kind == HTTP_ANNOUNCE:
        return write_http_announce(script, terms, subject, to)
    return write_http_scrape(script, terms, subject, to)


def write_http_announce(script, terms, peer, to):
    word = declare(uint8_t[20])
    member = member_of(terms.layout, peer)
    at = put_text(to, script.announce_start)
    write_info_hash(terms.layout, member.torrent, word)
    at = put_escaped(script, at, word, 20)
    memcpy(at, b"&peer_id=", 9)
    write_peer_id(terms.layout, peer, word)
    at = put_escaped(script, at + 9, word, 20)
    memcpy(at, b"&port=", 6)
    at = put_number(at + 6, announced_port(terms.layout, member))
    memcpy(at, b"&left=", 6)
    at = put_number(at + 6, 0 if is_seeder(terms.layout, peer) else 1)
    at = put_text(at, script.announce_end)
    return put_text(at, script.end) - to


def write_http_scrape(script, terms, draw, to):
    index = declare(uint32_t)
    info_hash = declare(uint8_t[20])
    at = put_text(to, script.scrape_start)
    for index in range(terms.scrape_torrents):
        memcpy(at, b"?info_hash=" if index == 0 else b"&info_hash=", 11)
        write_info_hash(terms.layout, scraped_torrent(terms, draw, index), info_hash)
        at = put_escaped(script, at + 11, info_hash, 20)
    return put_text(at, script.end) - to


def put_text(to, text):
    memcpy(to, text.bytes, text.length)
    return to + text.length


def put_escaped(script, to, bytes, count):
    index = declare(uint32_t)
    for index in range(count):
        # What is too much is written over by what follows.
        memcpy(to, script.escapes[bytes[index]], 4)
        to += script.escapes[bytes[index]][3]
    return to


def put_number(to, number):
    digits = declare(uint8_t[10])
    start = declare(uint32_t, 10)
    while True:
        start -= 1
        digits[start] = cast(uint8_t, 0x30 + number % 10)
        number //= 10
        if number == 0:
            break
    memcpy(to, address(digits[start]), 10 - start)
    return to + (10 - start)


# The response's head and frame (RFC 9112)


def read_response(bytes, length, ended, response):
    arrival = read_head(bytes, length, response)
    if arrival != ARRIVAL_COMPLETE:
        return arrival
    response.body = bytes + response.head_bytes
    if response.chunked:
        return join_chunks(bytes, length, response)
    arrived = length - response.head_bytes
    if response.content_length < 0:
        # The end of the connection is the end of the body.
        response.closes = True
        response.body_bytes = arrived
        response.bytes = length
        return ARRIVAL_COMPLETE if ended else ARRIVAL_PARTIAL
    if response.content_length > RESPONSE_BYTES_MAX:
        return ARRIVAL_WRONG
    response.body_bytes = response.content_length
    response.bytes = response.head_bytes + response.body_bytes
    return ARRIVAL_COMPLETE if arrived >= response.body_bytes else ARRIVAL_PARTIAL


def read_head(bytes, length, response):
    """Line by line to the empty one; only what frames the body is looked at."""
    start = declare(uint32_t, 0)
    response.content_length = -1
    response.chunked = False
    response.closes = False
    while True:
        end = cast(pointer[uint8_t], memchr(bytes + start, 0x0A, length - start))
        if end == NULL:
            return ARRIVAL_PARTIAL
        line_bytes = cast(uint32_t, end - (bytes + start))
        if line_bytes and bytes[start + line_bytes - 1] == 0x0D:
            line_bytes -= 1
        if start == 0:
            is_right = read_status(bytes, line_bytes, response)
        elif line_bytes == 0:
            response.head_bytes = cast(uint32_t, end - bytes) + 1
            return ARRIVAL_COMPLETE
        else:
            is_right = read_field(bytes + start, line_bytes, response)
        if not is_right:
            return ARRIVAL_WRONG
        start = cast(uint32_t, end - bytes) + 1


def read_status(line, length, response):
    if length < 12 or memcmp(line, b"HTTP/1.", 7) != 0 or line[8] != 0x20:
        return False
    status = read_decimal(line + 9, 3)
    response.status = cast(uint32_t, status)
    # HTTP/1.0 ends the connection unless it says otherwise.
    response.closes = line[7] == 0x30
    return status >= 100 and (length == 12 or line[12] == 0x20)


def read_field(line, length, response):
    if has_name(line, length, b"content-length:"):
        response.content_length = read_decimal(line + 15, length - 15)
        return response.content_length >= 0
    if has_name(line, length, b"transfer-encoding:"):
        response.chunked = has_token(line + 18, length - 18, b"chunked")
        return response.chunked
    if has_name(line, length, b"connection:"):
        if has_token(line + 11, length - 11, b"close"):
            response.closes = True
        elif has_token(line + 11, length - 11, b"keep-alive"):
            response.closes = False
        return True
    return memchr(line, 0x3A, length) != NULL


def has_name(line, length, name):
    count = strlen(name)
    return length >= count and strncasecmp(cast(pointer[cython.char], line), name, count) == 0


def has_token(value, length, token):
    """The only one: trackers say no more here."""
    while length and value[0] == 0x20:
        value += 1
        length -= 1
    return length == strlen(token) and has_name(value, length, token)


def read_decimal(digits, length):
    """Surrounded by spaces or not; -1 for anything else."""
    value = declare(int64_t, 0)
    while length and digits[0] == 0x20:
        digits += 1
        length -= 1
    while length and digits[length - 1] == 0x20:
        length -= 1
    if length == 0 or length > 9:
        return -1
    index = declare(uint32_t)
    for index in range(length):
        if not 0x30 <= digits[index] <= 0x39:
            return -1
        value = value * 10 + (digits[index] - 0x30)
    return value


def join_chunks(bytes, length, response):
    """First see that all are there: what was moved could not be read again."""
    line_bytes = declare(uint32_t)
    size = declare(uint32_t)
    moves = declare(cython.bint)
    for moves in (False, True):
        at = response.head_bytes
        response.body_bytes = 0
        while True:
            arrival = chunk_size(bytes + at, length - at, address(line_bytes), address(size))
            if arrival != ARRIVAL_COMPLETE:
                return arrival
            if length - at - line_bytes < size + 2:
                return ARRIVAL_PARTIAL
            if memcmp(bytes + at + line_bytes + size, b"\r\n", 2) != 0:
                return ARRIVAL_WRONG
            if moves:
                memmove(response.body + response.body_bytes, bytes + at + line_bytes, size)
            response.body_bytes += size
            at += line_bytes + size + 2
            if size == 0:
                break
    response.bytes = at
    return ARRIVAL_COMPLETE


def chunk_size(bytes, length, line_bytes, size):
    """A line with a hexadecimal number. Extensions and trailers are not expected."""
    index = declare(uint32_t, 0)
    size[0] = 0
    while index < length and hex_digit(bytes[index]) >= 0:
        size[0] = size[0] * 16 + hex_digit(bytes[index])
        index += 1
        if index > 6 or size[0] > RESPONSE_BYTES_MAX:
            return ARRIVAL_WRONG
    if length < index + 2:
        return ARRIVAL_PARTIAL
    if index == 0 or memcmp(bytes + index, b"\r\n", 2) != 0:
        return ARRIVAL_WRONG
    line_bytes[0] = index + 2
    return ARRIVAL_COMPLETE


def hex_digit(character):
    if 0x30 <= character <= 0x39:
        return character - 0x30
    if 0x61 <= character | 0x20 <= 0x66:
        return (character | 0x20) - 0x57
    return -1


# What the body says


def check_http_response(terms, kind, subject, response, peer_count):
    body = declare(Cursor)
    peer_count[0] = 0
    if response.status != 200:
        return FINDING_WRONG_STATUS
    body.at = response.body
    body.end = response.body + response.body_bytes
    # The Rust aquatic_http ends its bodies like lines.
    if response.body_bytes >= 2 and memcmp(body.end - 2, b"\r\n", 2) == 0:
        body.end -= 2
    if kind == HTTP_ANNOUNCE:
        return check_http_announce(terms, subject, body, peer_count)
    return check_http_scrape(terms, subject, body)


def check_http_announce(terms, peer, body, peer_count):
    """The counts, the number of peers and one of these: not always the same one, as `peer` changes."""
    answer = declare(Announced)
    memset(address(answer), 0, cython.sizeof(answer))
    if not read_announced(terms, address(body), address(answer)):
        return FINDING_WRONG_KIND
    if answer.failed:
        return FINDING_ERROR
    if not answer.has_interval or not answer.has_peers:
        return FINDING_WRONG_KIND
    finding = check_announced(terms, peer, address(answer))
    if finding == FINDING_RIGHT:
        peer_count[0] = answer.own.count + answer.others.count
    return finding


def check_announced(terms, peer, answer):
    torrent = member_of(terms.layout, peer).torrent
    count = answer.own.count + answer.others.count
    if too_many_peers(terms, count):
        return FINDING_WRONG_CONTENT
    if terms.foreign_peers:
        return FINDING_RIGHT
    if answer.others.compact.length or not counts_possible(terms, torrent, answer.seeders, answer.leechers):
        return FINDING_WRONG_CONTENT
    if count == 0:
        return FINDING_RIGHT
    index = peer % count
    if index < answer.own.count:
        is_possible = given_peer_possible(terms, torrent, address(answer.own), index)
    else:
        is_possible = given_peer_possible(terms, torrent, address(answer.others), index - answer.own.count)
    return FINDING_RIGHT if is_possible else FINDING_WRONG_CONTENT


def given_peer_possible(terms, torrent, peers, index):
    if peers.listed.at != NULL:
        return listed_peer_possible(terms, torrent, peers.listed, index)
    return peer_possible(terms, torrent, peers.compact.bytes + index * (terms.address_bytes + 2))


def read_announced(terms, body, answer):
    """The whole dictionary; False when it is not one, or what is known in it is of another type."""
    key = declare(Text)
    if not take(body, 0x64):
        return False
    while not take(body, 0x65):
        if not read_string(body, address(key)) or not read_announced_entry(terms, key, body, answer):
            return False
    return body.at == body.end


def read_announced_entry(terms, key, body, answer):
    reason = declare(Text)
    interval = declare(int64_t)
    if is_key(key, b"complete"):
        return read_integer(body, address(answer.seeders))
    if is_key(key, b"incomplete"):
        return read_integer(body, address(answer.leechers))
    if is_key(key, b"interval"):
        answer.has_interval = read_integer(body, address(interval)) and interval > 0
        return answer.has_interval
    if is_key(key, b"peers"):
        return read_peers(terms, body, terms.address_bytes == 4, answer)
    if is_key(key, b"peers6"):
        return read_peers(terms, body, terms.address_bytes == 16, answer)
    if is_key(key, b"failure reason"):
        answer.failed = True
        return read_string(body, address(reason))
    return skip_value(body)


def read_peers(terms, body, is_asker_family, answer):
    """Compact, or a list of dictionaries, which is the same key for either family. The last value of a key counts."""
    answer.has_peers = True
    peers = address(answer.own) if is_asker_family else address(answer.others)
    memset(peers, 0, cython.sizeof(peers[0]))
    if take(body, 0x6C):
        peers.listed = body[0]
        while not take(body, 0x65):
            if not skip_value(body):
                return False
            peers.count += 1
        return True
    if not read_string(body, address(peers.compact)):
        return False
    if not is_asker_family:
        return True
    peer_bytes = terms.address_bytes + 2
    peers.count = peers.compact.length // peer_bytes
    return peers.compact.length % peer_bytes == 0


def listed_peer_possible(terms, torrent, list, index):
    peer = declare(uint8_t[18])
    skipped = declare(uint32_t)
    for skipped in range(index):
        skip_value(address(list))
    return read_listed_peer(terms, address(list), peer) and peer_possible(terms, torrent, peer)


def read_listed_peer(terms, at, peer):
    """Make one compact. Where it tells a host name or another family's address, it is none of ours."""
    key = declare(Text)
    text = declare(Text)
    port = declare(int64_t, 0)
    name = declare(cython.char[46])
    text.length = 0
    if not take(at, 0x64):
        return False
    while not take(at, 0x65):
        if not read_string(at, address(key)):
            return False
        if is_key(key, b"ip"):
            is_read = read_string(at, address(text))
        elif is_key(key, b"port"):
            is_read = read_integer(at, address(port))
        else:
            is_read = skip_value(at)
        if not is_read:
            return False
    if not 0 < text.length < 46 or not 0 < port <= 65535:
        return False
    memcpy(name, text.bytes, text.length)
    name[text.length] = 0
    write_u16(peer + terms.address_bytes, htobe16(port))
    return inet_pton(AF_INET if terms.address_bytes == 4 else AF_INET6, name, peer) == 1


def check_http_scrape(terms, draw, body):
    """`files`, or a reason why there are none."""
    key = declare(Text)
    reason = declare(Text)
    found = declare(Finding, FINDING_WRONG_KIND)
    if not take(address(body), 0x64):
        return FINDING_WRONG_KIND
    while not take(address(body), 0x65):
        if not read_string(address(body), address(key)):
            return FINDING_WRONG_KIND
        if is_key(key, b"failure reason") and read_string(address(body), address(reason)):
            found = FINDING_ERROR
        elif is_key(key, b"files"):
            found = check_scraped_files(terms, draw, address(body))
            if found != FINDING_RIGHT:
                return found
        elif not skip_value(address(body)):
            return FINDING_WRONG_KIND
    return found if body.at == body.end else FINDING_WRONG_KIND


def check_scraped_files(terms, draw, body):
    """Every torrent must be one that was asked for, with counts that it can have."""
    asked = declare(uint8_t[74 * 20])
    torrents = declare(uint32_t[74])
    key = declare(Text)
    seeders = declare(int64_t)
    leechers = declare(int64_t)
    index = declare(uint32_t)
    asked_count = terms.scrape_torrents
    for index in range(asked_count):
        torrents[index] = scraped_torrent(terms, draw, index)
        write_info_hash(terms.layout, torrents[index], address(asked[index * INFO_HASH_BYTES]))
    if not take(body, 0x64):
        return FINDING_WRONG_KIND
    while not take(body, 0x65):
        if not read_string(body, address(key)) or not read_counts(body, address(seeders), address(leechers)):
            return FINDING_WRONG_KIND
        index = 0
        while index < asked_count and (
            key.length != INFO_HASH_BYTES
            or memcmp(key.bytes, address(asked[index * INFO_HASH_BYTES]), INFO_HASH_BYTES) != 0
        ):
            index += 1
        if index == asked_count or not counts_possible(terms, torrents[index], seeders, leechers):
            return FINDING_WRONG_CONTENT
    return FINDING_RIGHT


def read_counts(body, seeders, leechers):
    key = declare(Text)
    seeders[0] = 0
    leechers[0] = 0
    if not take(body, 0x64):
        return False
    while not take(body, 0x65):
        if not read_string(body, address(key)):
            return False
        if is_key(key, b"complete"):
            is_read = read_integer(body, seeders)
        elif is_key(key, b"incomplete"):
            is_read = read_integer(body, leechers)
        else:
            is_read = skip_value(body)
        if not is_read:
            return False
    return True


# Bencode


def take(cursor, character):
    """Whether that comes next; it is passed then."""
    if cursor.at < cursor.end and cursor.at[0] == character:
        cursor.at += 1
        return True
    return False


def is_key(key, name):
    return key.length == strlen(name) and memcmp(key.bytes, name, key.length) == 0


def read_integer(cursor, value):
    """Up to 18 digits."""
    digits = declare(uint32_t, 0)
    value[0] = 0
    if not take(cursor, 0x69):
        return False
    is_negative = take(cursor, 0x2D)
    while cursor.at < cursor.end and 0x30 <= cursor.at[0] <= 0x39 and digits < 18:
        value[0] = value[0] * 10 + (cursor.at[0] - 0x30)
        cursor.at += 1
        digits += 1
    if is_negative:
        value[0] = -value[0]
    return digits > 0 and take(cursor, 0x65)


def read_string(cursor, string):
    length = declare(uint64_t, 0)
    digits = declare(uint32_t, 0)
    while cursor.at < cursor.end and 0x30 <= cursor.at[0] <= 0x39 and digits < 9:
        length = length * 10 + (cursor.at[0] - 0x30)
        cursor.at += 1
        digits += 1
    if digits == 0 or not take(cursor, 0x3A) or length > cast(uint64_t, cursor.end - cursor.at):
        return False
    string.bytes = cursor.at
    string.length = cast(uint32_t, length)
    cursor.at += length
    return True


def skip_value(cursor):
    """Whatever it is, with all that is in it."""
    depth = declare(uint32_t, 0)
    number = declare(int64_t)
    string = declare(Text)
    while cursor.at < cursor.end:
        character = cursor.at[0]
        if character == 0x64 or character == 0x6C:
            cursor.at += 1
            depth += 1
        elif character == 0x65 and depth:
            cursor.at += 1
            depth -= 1
        elif character == 0x69:
            if not read_integer(cursor, address(number)):
                return False
        elif not read_string(cursor, address(string)):
            return False
        if depth == 0:
            return True
        if depth > BENCODE_DEPTH_MAX:
            return False
    return False
