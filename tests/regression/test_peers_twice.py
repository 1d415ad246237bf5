"""A tracker that says `peers` twice was believed to have sent all of them, where it sent the last value alone.

So a load test looked for a peer behind the end of what it had received.
"""

import pytest

from aquatic.testing.http_answer import FIRST_SOURCES, POPULATION, judge

TORRENT_PEERS = 5


def compact(peer: int) -> bytes:
    _, _, source, port, _ = POPULATION.describe(peer)
    address = int.from_bytes(FIRST_SOURCES[0], "big") + source
    return address.to_bytes(4, "big") + port.to_bytes(2, "big")


def listed(peer: int) -> bytes:
    _, _, source, port, _ = POPULATION.describe(peer)
    return b"d2:ip9:127.0.0.%d4:porti%dee" % (2 + source, port)


@pytest.mark.parametrize("subject", range(TORRENT_PEERS))
@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        (b"54:" + bytes(54), b"6:" + compact(3), 1),
        (b"l" + b"de" * 9 + b"e", b"6:" + compact(3), 1),
        (b"54:" + bytes(54), b"l" + listed(3) + b"e", 1),
        (b"l" + b"de" * 9 + b"e", b"l" + listed(3) + listed(4) + b"e", 2),
        (b"6:" + compact(3), b"0:", 0),
    ],
)
def test_the_last_value_counts(first: bytes, last: bytes, count: int, subject: int) -> None:
    counts = b"8:completei1e10:incompletei1e8:intervali1800e"
    body = b"d" + counts + b"5:peers" + first + b"5:peers" + last + b"e"
    assert judge(body, subject) == ("right", count)


@pytest.mark.parametrize("subject", range(TORRENT_PEERS))
def test_peers_of_both_forms_are_looked_at(subject: int) -> None:
    """Both keys are there, one as a list: all of it counts, and is right."""
    _, _, source, port, _ = POPULATION.describe(3)
    address = (int.from_bytes(FIRST_SOURCES[1], "big") + source).to_bytes(16, "big")
    text = b"d2:ip3:::%d4:porti%dee" % (1 + source, port)
    peers6 = b"6:peers618:" + address + port.to_bytes(2, "big")
    body = b"d8:completei1e10:incompletei1e8:intervali1800e5:peersl" + text + b"e" + peers6 + b"e"
    assert judge(body, subject, family=6) == ("right", 2)
