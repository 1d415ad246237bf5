"""Any bytes at the beginning of a connection, and headers with any change, against a second statement of the rules."""

import re
import socket

from hypothesis import example, given
from hypothesis import strategies as st

from aquatic.testing.stream import decode_proxy_header
from tests.support.proxy_header import SIGNATURE, binary_header, text_header

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
ports = st.integers(0, 65535)
headers = st.one_of(
    st.builds(text_header, addresses, ports),
    st.builds(binary_header, addresses, ports, st.binary(max_size=40), st.sampled_from([0x20, 0x21])),
    st.builds(lambda rest: b"PROXY " + rest, st.binary(max_size=110)),
    st.builds(lambda rest: SIGNATURE + rest, st.binary(max_size=60)),
    st.binary(max_size=120),
)

PORT = rb"(0|[1-9][0-9]{0,4})"
LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: .*)?|TCP4 (?P<ip4>\S+) (?P<to4>\S+) (?P<port4>"
    + PORT
    + rb") (?P<toport4>"
    + PORT
    + rb")|TCP6 (?P<ip6>\S+) (?P<to6>\S+) (?P<port6>"
    + PORT
    + rb") (?P<toport6>"
    + PORT
    + rb"))",
    re.DOTALL,
)


def unmapped(ip: bytes) -> bytes:
    return ip[12:] if ip.startswith(bytes(10) + b"\xff\xff") else ip


def expected_of_line(content: bytes) -> tuple[str, int, tuple[bytes, int] | None]:
    end = content.find(b"\r\n", 6, 107)
    if end < 0:
        return ("partial", 0, None) if len(content) < 107 else ("bad", 0, None)
    found = LINE.fullmatch(content[:end])
    if not found:
        return "bad", 0, None
    for suffix, family in (("4", socket.AF_INET), ("6", socket.AF_INET6)):
        if found["ip" + suffix] is None:
            continue
        try:
            ip, _ = (
                socket.inet_pton(family, found[name + suffix].decode("ascii").replace("\0", "?"))
                for name in ("ip", "to")
            )
        except (OSError, UnicodeDecodeError):
            return "bad", 0, None
        numbers = [int(found[name + suffix]) for name in ("port", "toport")]
        return ("complete", end + 2, (unmapped(ip), numbers[0])) if max(numbers) < 65536 else ("bad", 0, None)
    return "complete", end + 2, None


def expected_of_binary(content: bytes) -> tuple[str, int, tuple[bytes, int] | None]:
    if len(content) < 16:
        return "partial", 0, None
    length = 16 + int.from_bytes(content[14:16], "big")
    if content[12] not in (0x20, 0x21) or length > 2048:
        return "bad", 0, None
    if len(content) < length:
        return "partial", 0, None
    sizes = {0x11: 4, 0x21: 16}
    if content[12] == 0x20:
        return "complete", length, None
    size = sizes.get(content[13])
    if size is None:
        known = content[13] >> 4 <= 3 and content[13] & 15 <= 2
        return ("complete", length, None) if known else ("bad", 0, None)
    if length < 16 + 2 * size + 4:
        return "bad", 0, None
    port = int.from_bytes(content[16 + 2 * size : 18 + 2 * size], "big")
    return "complete", length, (unmapped(content[16 : 16 + size]), port)


def expected(content: bytes) -> tuple[str, int, tuple[bytes, int] | None]:
    for beginning, rest in ((b"PROXY ", expected_of_line), (SIGNATURE, expected_of_binary)):
        if content.startswith(beginning):
            return rest(content)
        if beginning.startswith(content):
            return "partial", 0, None
    return "bad", 0, None


@given(headers, st.binary(max_size=20))
@example(b"PROXY UNKNOWN\r\n", b"")
@example(b"PROXY TCP6 :: ::\xff 1 1\r\n", b"")
def test_any_header(header: bytes, behind: bytes) -> None:
    assert decode_proxy_header(header + behind) == expected(header + behind)


@given(headers, st.data())
def test_any_header_with_any_change(header: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, max(len(header) - 1, 0)))
    changed = header[:place] + data.draw(st.binary(max_size=3)) + header[place + 1 :]
    assert decode_proxy_header(changed) == expected(changed)
