"""What the data plane takes for the head of a request, as tables of bytes."""

import pytest

from aquatic.testing.http import decode_head

GET = b"GET /announce?port=1 HTTP/1.1\r\n"
END = b"\r\n"


def verdict(data: bytes, request_bytes_max: int = 8192) -> str:
    found = decode_head(data, request_bytes_max)["verdict"]
    assert isinstance(found, str)
    return found


def test_a_whole_request() -> None:
    data = GET + b"Host: tracker.example:3000\r\nUser-Agent:x\r\nAccept:\t*/* \t\r\n\r\n"
    assert decode_head(data + b"GET /next") == {
        "verdict": "complete",
        "is_get": True,
        "target": b"/announce?port=1",
        "minor_version": 1,
        "asks_close": False,
        "asks_keep_alive": False,
        "client_address": None,
        "asks_upgrade": False,
        "names_websocket": False,
        "websocket_key": None,
        "websocket_version": None,
        "origin": None,
        "body_bytes": 0,
        "request_bytes": len(data),
    }


@pytest.mark.parametrize(
    "data",
    [
        GET + END,
        b"\r\n\r\n" + GET + b"Host: x\r\nConnection: close, x\r\n\r\n",
        b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_a_request_is_partial_until_its_last_byte(data: bytes) -> None:
    for length in range(len(data)):
        assert verdict(data[:length]) == "partial"
    assert verdict(data) == "complete"
    assert decode_head(data + b"GET ")["request_bytes"] == len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"\x13BitTorrent protocol",
        b"SSH-2.0-client\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b" GET / HTTP/1.1\r\n",
        b"\nGET / HTTP/1.1\r\n",
        b"\r GET / HTTP/1.1\r\n",
        b"GET\t/ HTTP/1.1\r\n",
        b"GET  / HTTP/1.1\r\n",
        b"GET /  HTTP/1.1\r\n",
        b"GET HTTP/1.1\r\n",
        b"GET / \r\n",
        b"GET /\r\n",
        b"GET /\n",
        b"GET /a\0b HTTP/1.1\r\n",
        b"GET /a\x7fb HTTP/1.1\r\n",
        b"GET /a\tb HTTP/1.1\r\n",
        b"GET \x80 HTTP/1.1\r\n",
        b"GET announce HTTP/1.1\r\n",
        b"CONNECT tracker.example:80 HTTP/1.1\r\n",
        b"GET ?info_hash=1 HTTP/1.1\r\n",
        b"G\xc3T / HTTP/1.1\r\n",
        b"G:T / HTTP/1.1\r\n",
        b"GET / http/1.1\r\n",
        b"GET / HTTP/1.2\r\n",
        b"GET / HTTP/1.10\r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET / HTTP/11\r\n",
        b"GET / HTTP/1.1 \r\n",
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\r\r",
        b"GET / ICY/1.1\r\n",
    ],
)
def test_what_is_no_request_line_is_bad_at_once(data: bytes) -> None:
    assert verdict(data) == "bad"


@pytest.mark.parametrize(
    "lines",
    [
        b"Host : x\r\n",
        b"Host\t: x\r\n",
        b": x\r\n",
        b"Host\r\n",
        b"Host x\r\n",
        b" folded\r\n",
        b"A: b\r\n c\r\n",
        b"A: b\r\n\tc\r\n",
        b"A: b\n",
        b"A: b\r\r\n",
        b"A: b\rc\r\n",
        b"A: b\0c\r\n",
        b"A: b\x7f\r\n",
        b"A: \x1f\r\n",
        b"A(: b\r\n",
        b"A\x80: b\r\n",
        b"Content-Length: 1\r\nContent-Length: 1\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n",
        b"Content-Length: 1, 1\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: +1\r\n",
        b"Content-Length: 0x1\r\n",
        b"Content-Length: 1 1\r\n",
        b"Content-Length: \r\n",
        b"content-length: 1234567890123456789\r\n",
        b"\n",
        b"\rX",
    ],
)
def test_what_is_no_header_is_bad_at_once(lines: bytes) -> None:
    assert verdict(GET + lines) == "bad"
    assert verdict(GET + b"Host: x\r\n" + lines + END) == "bad"


@pytest.mark.parametrize(
    "line",
    [
        b"A:",
        b"A: ",
        b"A:b",
        b"A:\t b \t",
        b"A: \x80\xff",
        b"A: b\tc",
        b"!#$%&'*+-.^_`|~09azAZ: x",
        b"A: " + b"x" * 4000,
        b"Content-Length: 0",
        b"Connection: ,, ,",
    ],
)
def test_headers_that_pass(line: bytes) -> None:
    assert verdict(GET + line + b"\r\n\r\n") == "complete"


@pytest.mark.parametrize("chunked", [b"chunked", b"gzip, chunked", b"identity", b"", b" \tchunked"])
def test_encoded_bodies_are_refused_whatever_else_is_said(chunked: bytes) -> None:
    header = b"TRANSFER-encoding:" + chunked + b"\r\n"
    assert verdict(GET + header) == "body encoded"
    assert verdict(GET + b"Content-Length: 5\r\n" + header + END) == "body encoded"


def test_a_body_is_waited_for_and_passed_over() -> None:
    head = b"POST /announce HTTP/1.1\r\ncontent-LENGTH:  10 \r\n\r\n"
    assert verdict(head + b"123456789") == "partial"
    found = decode_head(head + b"1234567890GET / HTTP/1.1\r\n")
    assert (found["is_get"], found["body_bytes"], found["request_bytes"]) == (False, 10, len(head) + 10)


def test_bounds() -> None:
    request = GET + END
    assert verdict(request, len(request)) == "complete"
    assert verdict(request, len(request) - 1) == "too large"
    assert verdict(request[:-1], len(request) - 1) == "too large"
    assert verdict(request[:-2], len(request) - 1) == "partial"
    assert verdict(END * 4096) == "too large"
    assert verdict(END * 4095) == "partial"
    with_body = GET + b"Content-Length: 10\r\n\r\n"
    assert verdict(with_body, len(with_body) + 9) == "body too large"
    assert verdict(with_body, len(with_body) + 10) == "partial"
    assert verdict(GET + b"Content-Length: 999999999999999999\r\n\r\n") == "body too large"
    assert verdict(GET + b"A: b\r\n" * 100 + END) == "complete"
    assert verdict(GET + b"A: b\r\n" * 101 + END) == "too large"


@pytest.mark.parametrize(
    ("line", "asks_close", "asks_keep_alive"),
    [
        (b"Connection: close", True, False),
        (b"CONNECTION:CLOSE", True, False),
        (b"connection: Keep-Alive", False, True),
        (b"Connection: keep-alive, close", True, True),
        (b"Connection: \tTE ,close\t, x", True, False),
        (b"Connection: x\r\nConnection: close", True, False),
        (b"Connection: closed", False, False),
        (b"Connection: clos", False, False),
        (b"Connection: close keep-alive", False, False),
        (b"Connection: upgrade,", False, False),
        (b"Connection2: close", False, False),
        (b"Xonnection: close", False, False),
    ],
)
def test_what_a_connection_header_asks(line: bytes, asks_close: bool, asks_keep_alive: bool) -> None:
    found = decode_head(b"GET / HTTP/1.0\r\n" + line + b"\r\n\r\n")
    assert (found["asks_close"], found["asks_keep_alive"]) == (asks_close, asks_keep_alive)
    assert found["minor_version"] == 0


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (b"x-forwarded-FOR: 192.0.2.1\r\n", b"192.0.2.1"),
        (b"X-Forwarded-For: a\r\nX: y\r\nX-Forwarded-For:  b, c \r\n", b"b, c"),
        (b"X-Forwarded-For:\r\n", b""),
        (b"X-Forwarded-Fox: a\r\n", None),
        (b"X-Forwarded-For-: a\r\n", None),
        (b"", None),
    ],
)
def test_the_last_address_header_is_kept(lines: bytes, value: bytes | None) -> None:
    data = GET + lines + END
    assert decode_head(data, address_header=b"X-Forwarded-For")["client_address"] == value
    assert decode_head(data)["client_address"] is None


@pytest.mark.parametrize("method", [b"HEAD", b"POST", b"OPTIONS", b"get", b"GETS", b"GE", b"M-SEARCH"])
def test_other_methods_are_told_apart(method: bytes) -> None:
    assert decode_head(method + b" * HTTP/1.1\r\n\r\n")["is_get"] is False


def test_every_byte_everywhere() -> None:
    tokens = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for number in range(256):
        byte = bytes((number,))
        printable = number == 9 or (number >= 32 and number != 127)
        in_target = printable and byte not in b"\t "
        for padding in range(9):
            pad = b"x" * padding
            value = GET + b"A: " + pad + byte + pad + b"x\r\n\r\n"
            assert (verdict(value) == "complete") == printable
            target = b"GET /" + pad + byte + pad + b" HTTP/1.1\r\n\r\n"
            assert (verdict(target) == "complete") == in_target
            name = GET + pad + b"x" + byte + pad + b"x: b\r\n\r\n"
            assert (verdict(name) == "complete") == (byte in tokens or byte == b":")
            assert (verdict(b"G" + pad + byte + b" / HTTP/1.1\r\n\r\n") == "complete") == (byte in tokens)
