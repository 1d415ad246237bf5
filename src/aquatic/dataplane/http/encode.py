"""From an answer to the bytes of an HTTP response, whose body is bencoded (BEP 3). Keys come sorted as raw bytes."""

from cython import address, cast, char, declare
from cython.cimports.aquatic.abi.bits import be16toh, read_u16
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV4, FAMILY_IPV6
from cython.cimports.aquatic.abi.sockets import AF_INET, AF_INET6
from cython.cimports.aquatic.abi.udp_wire import INFO_HASH_BYTES
from cython.cimports.aquatic.dataplane.http.encode import (
    CONNECTION_CLOSE,
    CONNECTION_KEEP_ALIVE,
    CONTENT_HTML,
    STATUS_BAD_REQUEST,
    STATUS_BODY_TOO_LARGE,
    STATUS_FORBIDDEN,
    STATUS_HEAD_TOO_LARGE,
    STATUS_METHOD_NOT_ALLOWED,
    STATUS_NOT_FOUND,
    STATUS_OK,
    STATUS_UPGRADE_REQUIRED,
    inet_ntop,
)
from cython.cimports.aquatic.dataplane.source import ADDRESS_TEXT_BYTES
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memmove, strlen


def encode_head(out, status, content, connection, body_bytes):
    out = put_text(out, status_lines(status))
    if content == CONTENT_HTML:
        out = put_text(out, b"Content-Type: text/html; charset=utf-8\r\nContent-Length: ")
    else:
        out = put_text(out, b"Content-Type: text/plain\r\nContent-Length: ")
    out = put_number(out, body_bytes)
    if connection == CONNECTION_CLOSE:
        return put_text(out, b"\r\nConnection: close\r\n\r\n")
    if connection == CONNECTION_KEEP_ALIVE:
        return put_text(out, b"\r\nConnection: keep-alive\r\n\r\n")
    return put_text(out, b"\r\n\r\n")


def status_lines(status):
    if status == STATUS_OK:
        return b"HTTP/1.1 200 OK\r\n"
    if status == STATUS_BAD_REQUEST:
        return b"HTTP/1.1 400 Bad Request\r\n"
    if status == STATUS_FORBIDDEN:
        return b"HTTP/1.1 403 Forbidden\r\n"
    if status == STATUS_NOT_FOUND:
        return b"HTTP/1.1 404 Not Found\r\n"
    if status == STATUS_METHOD_NOT_ALLOWED:
        return b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n"
    if status == STATUS_BODY_TOO_LARGE:
        return b"HTTP/1.1 413 Content Too Large\r\n"
    if status == STATUS_UPGRADE_REQUIRED:
        return (
            b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\n"
        )
    if status == STATUS_HEAD_TOO_LARGE:
        return b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    return b"HTTP/1.1 501 Not Implemented\r\n"


def encode_announce(out, answer, peers, peer_count, is_compact):
    """Counts, intervals, the asker's address (BEP 24), and peers as the swarm gave them."""
    counts = address(answer.counts)
    out = put_entry(out, b"d8:complete", counts.seeders)
    out = put_entry(out, b"10:downloaded", counts.completed)
    out = put_entry(out, b"11:downloaders", counts.leechers - counts.partial_seeds)
    out = put_text(out, b"11:external ip")
    out = put_string(out, answer.asker.ip, 16 if answer.asker.family == FAMILY_IPV6 else 4)
    out = put_entry(out, b"10:incomplete", counts.leechers)
    out = put_entry(out, b"8:interval", answer.interval_seconds)
    out = put_entry(out, b"12:min interval", answer.interval_seconds_min)
    out = put_peers(out, peers, peer_count, answer.asker.family, is_compact)
    if answer.tracker_id_bytes:
        out = put_text(out, b"10:tracker id")
        out = put_string(out, answer.tracker_id, answer.tracker_id_bytes)
    return put_text(out, b"e")


def put_peers(out, peers, peer_count, family, is_compact):
    """Both keys always (BEP 23, BEP 7); a list of dictionaries (BEP 3) is the same key for either family."""
    if is_compact and family == FAMILY_IPV4:
        out = put_text(out, b"5:peers")
        out = put_string(out, peers, peer_count * 6)
        return put_text(out, b"6:peers60:")
    if is_compact:
        out = put_text(out, b"5:peers0:6:peers6")
        return put_string(out, peers, peer_count * 18)
    out = put_text(out, b"5:peersl")
    index = declare(uint32_t)
    for index in range(peer_count):
        out = put_peer_dictionary(out, peers + index * (6 if family == FAMILY_IPV4 else 18), family)
    return put_text(out, b"e6:peers60:")


def put_peer_dictionary(out, peer, family):
    """Without the peer id, which the swarm does not keep. All of the peer is read before anything is written."""
    text = declare(char[ADDRESS_TEXT_BYTES])
    ip_bytes = 4 if family == FAMILY_IPV4 else 16
    inet_ntop(AF_INET if family == FAMILY_IPV4 else AF_INET6, peer, text, ADDRESS_TEXT_BYTES)
    port = declare(uint32_t, be16toh(read_u16(peer + ip_bytes)))
    out = put_text(out, b"d2:ip")
    out = put_string(out, text, cast(uint32_t, strlen(text)))
    out = put_entry(out, b"4:port", port)
    return put_text(out, b"e")


def encode_scrape_start(out):
    return put_text(out, b"d5:filesd")


def encode_scrape_torrent(out, info_hash, counts):
    """Torrents must come in the order of their info hashes, each once."""
    out = put_string(out, info_hash, INFO_HASH_BYTES)
    out = put_entry(out, b"d8:complete", counts.seeders)
    out = put_entry(out, b"10:downloaded", counts.completed)
    out = put_entry(out, b"11:downloaders", counts.leechers - counts.partial_seeds)
    out = put_entry(out, b"10:incomplete", counts.leechers)
    return put_text(out, b"e")


def encode_scrape_end(out):
    return put_text(out, b"ee")


def encode_failure(out, reason, retry_minutes):
    """A failure; where minutes are given, when to ask again (BEP 31)."""
    out = put_text(out, b"d14:failure reason")
    out = put_string(out, reason, cast(uint32_t, strlen(reason)))
    if retry_minutes:
        out = put_entry(out, b"8:retry in", retry_minutes)
    return put_text(out, b"e")


# Bencode


def put_entry(out, key, number):
    """An integer under a key that is already bencoded, or what stands before it too."""
    out = put_text(out, key)
    out = put_text(out, b"i")
    out = put_number(out, number)
    return put_text(out, b"e")


def put_string(out, bytes, count):
    out = put_number(out, count)
    out = put_text(out, b":")
    return put_bytes(out, bytes, count)


def put_number(out, number):
    digits = declare(uint8_t[10])
    start = declare(uint32_t, 10)
    while True:
        start -= 1
        digits[start] = cast(uint8_t, 0x30 + number % 10)
        number //= 10
        if number == 0:
            break
    return put_bytes(out, address(digits[start]), 10 - start)


def put_text(out, text):
    return put_bytes(out, text, strlen(text))


def put_bytes(out, bytes, count):
    # Compact peers move towards the front, maybe not by their whole length.
    memmove(out, bytes, count)
    return out + count
