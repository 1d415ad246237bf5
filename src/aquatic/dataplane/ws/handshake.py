"""The opening handshake (RFC 6455, section 4.2), on a head that HTTP has decoded.

Extensions and subprotocols that are offered are not taken up: messages are small, and compressing them would keep
memory of each connection.
"""

from cython import NULL, address, bint, cast, declare
from cython.cimports.aquatic.abi.http_wire import METHOD_GET
from cython.cimports.aquatic.abi.openssl import SHA1, SHA_DIGEST_LENGTH, EVP_EncodeBlock
from cython.cimports.aquatic.dataplane.http.encode import put_text
from cython.cimports.aquatic.dataplane.ws.handshake import (
    ACCEPT_BYTES,
    ACCEPT_ROOM_BYTES,
    DIGESTED_BYTES,
    GUID_BYTES,
    HANDSHAKE_ACCEPTED,
    HANDSHAKE_BAD_KEY,
    HANDSHAKE_BAD_ORIGIN,
    HANDSHAKE_BAD_VERSION,
    KEY_BYTES,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memcmp, memcpy


def asks_websocket(head):
    """HTTP/1.0 knows no upgrade, so one asked for there is not meant."""
    return head.method == METHOD_GET and head.minor_version > 0 and head.asks_upgrade and head.names_websocket


def judge_handshake(head, origins):
    version = address(head.websocket_version)
    if version.length != 2 or memcmp(version.text, b"13", 2) != 0:
        return HANDSHAKE_BAD_VERSION
    if not is_key(address(head.websocket_key)):
        return HANDSHAKE_BAD_KEY
    if not is_allowed_origin(address(head.origin), origins):
        return HANDSHAKE_BAD_ORIGIN
    return HANDSHAKE_ACCEPTED


def is_key(key):
    """Whether it is 16 bytes in base64."""
    if key.length != KEY_BYTES or memcmp(key.text + KEY_BYTES - 2, b"==", 2) != 0:
        return False
    index = declare(uint32_t)
    for index in range(cast(uint32_t, KEY_BYTES - 2)):
        byte = declare(uint8_t, key.text[index])
        is_letter = declare(bint, (byte | 0x20) >= 0x61 and (byte | 0x20) <= 0x7A)
        is_digit = declare(bint, byte >= 0x30 and byte <= 0x39)
        if not (is_letter or is_digit or byte == b"+" or byte == b"/"):
            return False
    return True


def is_allowed_origin(origin, origins):
    """Clients that are no browsers need not say an origin (section 10.2): it protects who uses a browser."""
    if origin.text == NULL or origins == NULL or origins.count == 0:
        return True
    index = declare(uint32_t)
    for index in range(origins.count):
        length = origins.origins[index].length
        if length == origin.length and is_same_text(origin.text, origins.origins[index].text, length):
            return True
    return False


def is_same_text(text, lower_case, length):
    index = declare(uint32_t)
    for index in range(length):
        byte = declare(uint8_t, text[index])
        if (byte + 0x20 if byte >= 0x41 and byte <= 0x5A else byte) != lower_case[index]:
            return False
    return True


def put_handshake(out, key):
    told = declare(uint8_t[DIGESTED_BYTES])
    digest = declare(uint8_t[SHA_DIGEST_LENGTH])
    text = declare(uint8_t[ACCEPT_ROOM_BYTES])
    memcpy(told, key.text, KEY_BYTES)
    memcpy(address(told[KEY_BYTES]), b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", GUID_BYTES)
    SHA1(told, DIGESTED_BYTES, digest)
    EVP_EncodeBlock(text, digest, SHA_DIGEST_LENGTH)
    out = put_text(out, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    out = put_text(out, b"Sec-WebSocket-Accept: ")
    memcpy(out, text, ACCEPT_BYTES)
    return put_text(out + ACCEPT_BYTES, b"\r\n\r\n")
