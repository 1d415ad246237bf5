"""The PROXY protocol's decoder against its specification (HAProxy's doc/proxy-protocol.txt)."""

import struct

import pytest

from aquatic.testing.stream import decode_proxy_header
from tests.support.proxy_header import SIGNATURE, binary_header, packed, text_header

NAMED = ["192.0.2.77", "0.0.0.0", "255.255.255.255", "2001:db8::77", "::1", "1:2:3:4:5:6:7:8"]


@pytest.mark.parametrize("source", NAMED)
@pytest.mark.parametrize("port", [0, 1, 80, 65535])
def test_both_versions_name_the_source(source: str, port: int) -> None:
    for header in (text_header(source, port), binary_header(source, port)):
        for behind in (b"", b"GET / HTTP/1.1\r\n", b"\r\n"):
            verdict, length, found = decode_proxy_header(header + behind)
            assert (verdict, length, found) == ("complete", len(header), (packed(source), port))


def test_a_mapped_address_is_an_ipv4_one() -> None:
    for header in (text_header("::ffff:192.0.2.77", 80), binary_header("::ffff:192.0.2.77", 80)):
        assert decode_proxy_header(header)[2] == (packed("192.0.2.77"), 80)


@pytest.mark.parametrize(
    "header",
    [
        text_header("192.0.2.77", 80),
        text_header("ffff:f:ffff:ffff:ffff:ffff:ffff:ffff", 65535, "f" * 4 + ":ffff" * 7, 65535),
        b"PROXY UNKNOWN\r\n",
        binary_header("192.0.2.77", 80),
        binary_header("2001:db8::77", 80, b"\x04\0\x03abc"),
    ],
)
def test_every_beginning_is_partial(header: bytes) -> None:
    assert decode_proxy_header(header)[0] == "complete"
    for length in range(len(header)):
        assert decode_proxy_header(header[:length])[0] == "partial"


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN 1.2.3.4 anything at all\r\n",
        b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n",
        SIGNATURE + b"\x20\x00\0\0",
        SIGNATURE + b"\x20\x11\0\x0c" + bytes(12),
        SIGNATURE + b"\x20\xff\0\x01x",
        SIGNATURE + b"\x21\x00\0\0",
        SIGNATURE + b"\x21\x12\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x31" + struct.pack(">H", 216) + bytes(216),
        SIGNATURE + b"\x21\x00" + struct.pack(">H", 2032) + bytes(2032),
    ],
)
def test_a_header_may_name_nobody(header: bytes) -> None:
    assert decode_proxy_header(header + b"GET /") == ("complete", len(header), None)


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"PROXY\t",
        b"PROXYTCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY \r\n",
        b"PROXY TCP4\r\n",
        b"PROXY TCP4 \r\n",
        b"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        b"PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 00\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 4294967297\r\n",
        b"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7 1 2\r\n",
        b"PROXY TCP4 ::1 ::2 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP6 1::2::3 ::2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n" + b"x" * 107,
        b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n",
        SIGNATURE + b"\x11\x11\0\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\0\x0b" + bytes(11),
        SIGNATURE + b"\x21\x21\0\x23" + bytes(35),
        SIGNATURE + b"\x21\x13\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x41\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11" + struct.pack(">H", 2033),
        SIGNATURE[:-1] + b"\r\x21\x11\0\x0c" + bytes(12),
    ],
)
def test_anything_else_is_bad(header: bytes) -> None:
    assert decode_proxy_header(header)[0] == "bad"
    assert decode_proxy_header(header + b"more")[0] == "bad"
