"""What the data plane reads from a datagram, against the plain-Python protocol library."""

import struct
from random import Random
from typing import Any

import pytest

from aquatic.protocol.udp import (
    PROTOCOL_ID,
    AnnounceRequest,
    ConnectRequest,
    ScrapeRequest,
    url_data_options,
)
from aquatic.testing.udp import decode_datagram
from tests.support.decoded_request import expected_of

ANNOUNCE = AnnounceRequest(
    connection_id=0x0102030405060708,
    transaction_id=0xA1B2C3D4,
    info_hash=bytes(range(20)),
    peer_id=bytes(range(100, 120)),
    port=6881,
    left=-5,
    downloaded=1 << 40,
    uploaded=-1,
    event_number=2,
    num_want=-1,
    key=0xDEADBEEF,
    ip_address=0x7F000001,
)


def check(datagram: bytes) -> dict[str, Any]:
    decoded = decode_datagram(datagram)
    assert decoded == expected_of(datagram)
    return decoded


def test_the_fields_lie_where_bep_15_says() -> None:
    datagram = (
        struct.pack(">QII", 0x1122334455667788, 1, 0x99AABBCC)
        + b"H" * 20
        + b"P" * 20
        + struct.pack(">qqqIIIiH", 1, 2, 3, 1, 0x01020304, 5, 50, 0x1AE1)
    )
    assert len(datagram) == 98
    assert check(datagram) == {
        "verdict": "accepted",
        "connection_id": 0x1122334455667788,
        "action": 1,
        "transaction_id": b"\x99\xaa\xbb\xcc",
        "info_hashes": b"H" * 20,
        "peer_id": b"P" * 20,
        "bytes_left": 2,
        "event": 1,
        "peers_wanted": 50,
        "port": 6881,
    }


@pytest.mark.parametrize(
    "request_bytes",
    [
        ConnectRequest(7).to_bytes() + bytes(4),
        ANNOUNCE.to_bytes() + url_data_options(b"/announce?x"),
        ScrapeRequest(5, 6, tuple(bytes((n,)) * 20 for n in range(5))).to_bytes(),
    ],
)
def test_every_truncation(request_bytes: bytes) -> None:
    for length in range(len(request_bytes) + 1):
        check(request_bytes[:length])


@pytest.mark.parametrize("num_want", [-(2**31), -2, -1, 0, 1, 2**31 - 1])
@pytest.mark.parametrize("left", [-(2**63), -1, 0, 1, 2**63 - 1])
def test_signed_fields(num_want: int, left: int) -> None:
    check(struct.pack(">QII20s20sqqqIIIiH", 1, 1, 2, b"", b"", 0, left, 0, 0, 0, 0, num_want, 1))


@pytest.mark.parametrize("event", [0, 1, 2, 3, 4, 5, 255, 256, 0x01000000, 2**31, 2**32 - 1])
@pytest.mark.parametrize("port", [0, 1, 255, 256, 65535])
def test_events_and_ports(event: int, port: int) -> None:
    decoded = check(struct.pack(">QII20s20sqqqIIIiH", 1, 1, 2, b"", b"", 0, 1, 0, event, 0, 0, -1, port))
    assert decoded.get("event") == (None if port == 0 and event != 3 else event if event < 5 else 0)


@pytest.mark.parametrize("action", [0, 1, 2, 3, 4, 255, 256, 0x01000000, 2**32 - 1])
def test_actions(action: int) -> None:
    for connection_id in (0, PROTOCOL_ID, PROTOCOL_ID + 1, 2**64 - 1):
        for length in (16, 36, 98, 116):
            check((struct.pack(">QII", connection_id, action, 1) + bytes(200))[:length])


@pytest.mark.parametrize("tail", [b"", b"\0", b"\1\1", b"\2\5/a", b"\2\xff", b"\2\2/a\0junk", bytes(500)])
def test_anything_may_follow_an_announce(tail: bytes) -> None:
    assert check(ANNOUNCE.to_bytes() + tail)["verdict"] == "accepted"


def test_scrapes_of_any_number_of_hashes() -> None:
    for count in (*range(4), 74, 115, 116, 117):
        for extra in (0, 1, 19):
            check(struct.pack(">QII", 1, 2, 3) + bytes(20 * count + extra))


def test_random_and_mutated_bytes() -> None:
    random = Random(1)
    seeds = [ConnectRequest(1).to_bytes(), ANNOUNCE.to_bytes(), ScrapeRequest(1, 2, (bytes(20),)).to_bytes()]
    for _ in range(3000):
        check(random.randbytes(random.randrange(130)))
        mutated = bytearray(random.choice(seeds))
        for _ in range(random.randrange(1, 4)):
            mutated[random.randrange(len(mutated))] = random.randrange(256)
        check(bytes(mutated[: random.randrange(1, 120)]))
