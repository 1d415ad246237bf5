"""The head decoder against llhttp: whatever both take for a request is the same one, and little is left to one of them.

Ours alone refuses what HTTP/1.1 does not need (HTTP/0.9, bare line feeds in front, encoded bodies); llhttp alone checks
methods against a list and targets more closely.
"""

from dataclasses import dataclass
from typing import Any

import httptools
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aquatic.testing.http import decode_head

METHODS = {b"GET", b"HEAD", b"POST", b"OPTIONS", b"PUT", b"DELETE"}


@dataclass
class Reading:
    """What llhttp made of the bytes, given one by one."""

    is_bad: bool = False
    length: int | None = None  # of the first request, where it is whole
    target: bytes = b""
    version: str = ""
    keeps_alive: bool = False


class Callbacks:
    def __init__(self) -> None:
        self.reading = Reading()
        self.parser: Any = httptools.HttpRequestParser(self)

    def on_url(self, url: bytes) -> None:
        self.reading.target += url

    def on_message_complete(self) -> None:
        self.reading.length = -1
        self.reading.version = self.parser.get_http_version()
        self.reading.keeps_alive = self.parser.should_keep_alive()


def read_by_llhttp(data: bytes) -> Reading:
    callbacks = Callbacks()
    for index in range(len(data)):
        try:
            callbacks.parser.feed_data(data[index : index + 1])
        except httptools.HttpParserError:
            callbacks.reading.is_bad = True
            break
        if callbacks.reading.length is not None:
            callbacks.reading.length = index + 1
            break
    return callbacks.reading


NAMES = st.sampled_from(
    [b"Host", b"connection", b"Content-Length", b"Accept", b"Transfer-Encoding", b"X-Forwarded-For", b""]
)
VALUES = st.sampled_from(
    [b"close", b"keep-alive", b"Keep-Alive, x", b"x,close", b"0", b"3", b"03", b"", b"chunked", b"a\tb \xe9"]
)
LINES = st.builds(
    lambda name, colon, value, end: name + colon + value + end,
    NAMES,
    st.sampled_from([b": ", b":", b": \t", b" :", b""]),
    VALUES,
    st.sampled_from([b"\r\n"] * 6 + [b"\n", b"\r", b" \r\n", b"\r\n "]),
)
REQUESTS = st.builds(
    lambda blank, method, gap, target, version, lines, rest: (
        blank + method + gap + target + version + b"".join(lines) + b"\r\n" + rest
    ),
    st.sampled_from([b"", b"", b"", b"\r\n", b"\n"]),
    st.sampled_from(sorted(METHODS)),
    st.sampled_from([b" "] * 5 + [b"  ", b"\t"]),
    st.sampled_from([b"/", b"/announce?info_hash=%aa+&b=c#d", b"/\xe9", b"http://a:1/b?c", b"*", b"h", b"a"]),
    st.sampled_from(
        [b" HTTP/1.1\r\n"] * 4 + [b" HTTP/1.0\r\n", b" HTTP/0.9\r\n", b"\r\n", b" HTTP/1.1 \r\n"]
    ),
    st.lists(LINES, max_size=4),
    st.sampled_from([b"", b"abc", b"abcGET / HTTP/1.1\r\n\r\n"]),
)
BYTES = st.sampled_from([bytes((byte,)) for byte in b"\r\n \t:,\0\x7f\x80#aH019-"]) | st.binary(max_size=2)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(REQUESTS))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(BYTES)
    return bytes(data)


@settings(max_examples=1000)
@given(mutated() | st.binary(max_size=40))
@example(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
@example(b"POST / HTTP/1.1\r\nContent-Length: 03\r\n\r\nabcd")
@example(b"GET http://a:1/b?c HTTP/1.1\r\n\r\n")
def test_what_we_take_for_a_request_is_the_one_that_llhttp_takes(data: bytes) -> None:
    ours = decode_head(data)
    theirs = read_by_llhttp(data)
    if ours["verdict"] == "complete" and theirs.length is not None:
        assert theirs.length == ours["request_bytes"]
        assert theirs.target == ours["target"]
        assert theirs.version == f"1.{ours['minor_version']}"
        keeps_alive = (ours["minor_version"] or ours["asks_keep_alive"]) and not ours["asks_close"]
        # Who says both is closed; llhttp takes either word of HTTP/1.0.
        if not (ours["asks_close"] and ours["asks_keep_alive"]):
            assert theirs.keeps_alive == bool(keeps_alive)
    elif ours["verdict"] == "complete":
        method = data.lstrip(b"\r\n").partition(b" ")[0]
        target = ours["target"]
        assert theirs.is_bad
        assert method not in METHODS or not target.isascii() or not target.startswith(b"/")
    elif theirs.length is not None:
        first_line = data.lstrip(b"\r\n").partition(b"\r\n")[0]
        assert (
            ours["verdict"] == "body encoded"
            or theirs.version == "0.9"
            or data[: len(data) - len(data.lstrip(b"\r\n"))].replace(b"\r\n", b"")
            or b"  " in first_line
        )


@given(mutated(), st.integers(0, 300))
def test_a_verdict_stays_whatever_follows(data: bytes, length: int) -> None:
    """Only "partial" changes with more bytes: how a request is cut into packets does not matter."""
    found = decode_head(data[:length])
    if found["verdict"] != "partial":
        assert decode_head(data) == found
