"""What load tests make of answers over HTTP, beside a second statement of what is right."""

from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatic.protocol import bencode
from aquatic.testing.http_answer import FIRST_SOURCES, PEERS_WANTED, POPULATION, judge, read

Family = Literal[4, 6]
BODIES = st.binary(max_size=300)
FIELDS = st.sampled_from(
    [b"Content-Type: text/plain\r\n", b"Server: x\r\n", b"X:\r\n", b"connection: Keep-Alive\r\n"]
)


def chunks(body: bytes, sizes: list[int]) -> bytes:
    """All of a body, cut at these sizes, each chunk in lower or upper case."""
    written, place = b"", 0
    for number, size in enumerate([*sizes, len(body) or 1]):
        piece = body[place : place + size]
        if piece:
            written += (b"%x\r\n%b\r\n" if number % 2 else b"%X\r\n%b\r\n") % (len(piece), piece)
        place += size
    return written + b"0\r\n\r\n"


@given(
    BODIES,
    st.lists(FIELDS, max_size=3),
    st.sampled_from(["length", "chunks"]),
    st.lists(st.integers(1, 99)),
    BODIES,
)
def test_a_response_is_found_when_all_of_it_has_come(
    body: bytes, fields: list[bytes], frame: str, sizes: list[int], rest: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(fields)
    if frame == "length":
        response = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    else:
        response = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(body, sizes)
    whole = ("complete", (200, body, len(response), False))
    assert read(response, False) == whole
    assert read(response + rest, False) == whole
    for part in {0, 1, len(response) // 2, len(response) - 1}:
        assert read(response[:part], False) == ("partial", None)


@given(BODIES, st.lists(FIELDS, max_size=3))
def test_without_a_length_the_end_of_the_connection_ends_a_response(body: bytes, fields: list[bytes]) -> None:
    response = b"HTTP/1.1 404 Not Found\r\n" + b"".join(fields) + b"\r\n" + body
    assert read(response, False) == ("partial", None)
    assert read(response, True) == ("complete", (404, body, len(response), True))


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/2 200 OK\r\n",
        b"HTTP/1.1 20x OK\r\n",
        b"HTTP/1.1 200 OK\r\nno field\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50000\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
    ],
)
def test_what_is_no_http_is_wrong_whatever_follows(response: bytes) -> None:
    assert read(response, False) == read(response + b"more", True) == ("wrong", None)


# Announces


@dataclass(frozen=True)
class Peer:
    """An address of the family whose sources ours are, or not: one of the population, or another port's."""

    number: int
    port_step: int

    def parts(self, family: Family) -> tuple[int, int]:
        _, _, source, port, _ = POPULATION.describe(self.number)
        return int.from_bytes(FIRST_SOURCES[family == 6], "big") + source, (port + self.port_step) % 65535 + 1

    def compact(self, family: Family) -> bytes:
        address, port = self.parts(family)
        return address.to_bytes(16 if family == 6 else 4, "big") + port.to_bytes(2, "big")

    def listed(self, family: Family) -> dict[bytes, bencode.Value]:
        address, port = self.parts(family)
        text = b"::%x" % address if family == 6 else b"127.0.0.%d" % (address & 255)
        return {b"ip": text, b"port": port}

    def is_in(self, torrent: int, family: Family) -> bool:
        _, port = self.parts(family)
        return POPULATION.contains(torrent, POPULATION.describe(self.number)[2], port)


NUMBERS = st.integers(0, POPULATION.peers - 1)
PEERS = st.lists(st.builds(Peer, NUMBERS, st.sampled_from([-1, -1, -1, 0, 5])), max_size=PEERS_WANTED)
FORMS = st.sampled_from(["compact", "listed", "both"])


@given(
    NUMBERS,
    st.sampled_from([4, 6]),
    PEERS,
    PEERS,
    FORMS,
    st.integers(-1, 13),
    st.integers(-1, 13),
    st.booleans(),
)
def test_an_announce_is_judged_by_who_was_announced(
    subject: int,
    family: Family,
    own: list[Peer],
    others: list[Peer],
    form: str,
    seeders: int,
    leechers: int,
    foreign: bool,
) -> None:
    values: dict[bytes, bencode.Value] = {b"complete": seeders, b"incomplete": leechers, b"interval": 1800}
    own_key, others_key = (b"peers", b"peers6") if family == 4 else (b"peers6", b"peers")
    given_peers = own
    if form == "listed":
        values[b"peers"] = [peer.listed(family) for peer in own]
    else:
        values[own_key] = b"".join(peer.compact(family) for peer in own)
    if form == "both":
        values[others_key] = [peer.listed(family) for peer in others]
        given_peers = own + others
    torrent = POPULATION.describe(subject)[0]
    is_right = len(given_peers) <= PEERS_WANTED and (
        foreign
        or (
            are_possible(torrent, seeders, leechers)
            and (not given_peers or given_peers[subject % len(given_peers)].is_in(torrent, family))
        )
    )
    found = judge(bencode.encode(values), subject, family=family, foreign_peers=foreign)
    assert found == (("right", len(given_peers)) if is_right else ("wrong content", 0))


def are_possible(torrent: int, seeders: int, leechers: int) -> bool:
    size = sum(POPULATION.describe(peer)[0] == torrent for peer in range(POPULATION.peers))
    return seeders >= 0 and leechers >= 0 and seeders + leechers <= size


@pytest.mark.parametrize("family", [4, 6])
def test_compact_peers_of_the_other_family_are_none_of_ours(family: Family) -> None:
    values: dict[bytes, bencode.Value] = {
        b"interval": 1800,
        b"peers": b"" if family == 4 else bytes(6),
        b"peers6": bytes(18) if family == 4 else b"",
    }
    assert judge(bencode.encode(values), 0, family=family) == ("wrong content", 0)
    assert judge(bencode.encode(values), 0, family=family, foreign_peers=True) == ("right", 0)
