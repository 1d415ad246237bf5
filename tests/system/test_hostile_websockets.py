"""Strangers who break the rules of WebSocket and WebTorrent: others are served, and memory stays bounded."""

import contextlib
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.metrics import metrics, metrics_url
from tests.support.processes import wait_until
from tests.support.ws_client import binary, offer, ws_client
from tests.system.test_hostile_connections import METRICS, PATIENT, Tracker, is_ended, reset, running
from tests.system.test_ws_tracker import INFO_HASH, PEERS, exchange

SMALL = """
[ws]
message_bytes_max = 4096
frame_bytes_max = 2048
output_bytes_max = 8192
torrents_per_connection_max = 4
"""


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    with running(tmp_path_factory.mktemp("tracker"), PATIENT + SMALL + METRICS) as tracker:
        yield tracker


@pytest.fixture(scope="module")
def url(tracker: Tracker) -> str:
    return metrics_url(tracker.process)


def check_service(tracker: Tracker) -> None:
    """Two strangers still find each other."""
    address = tracker.addresses["ws"]
    with ws_client(address) as one, ws_client(address) as other:
        other.announce(INFO_HASH, PEERS[1], left=0)
        exchange(one, other, 1, (PEERS[0], PEERS[1]))


def masked(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A client's frame, its mask zeros."""
    head = bytes([opcode | (0x80 if final else 0)])
    length = len(payload)
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 1 << 16:
        head += bytes([0x80 | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


TEXT, BINARY, CONTINUED, PING = 1, 2, 0, 9
BROKEN_FRAMES = {
    "not masked": (b"\x81\x02{}", 1002),
    "reserved bits": (b"\xf1\x80\0\0\0\0", 1002),
    "unknown opcode": (masked(3, b""), 1002),
    "continues nothing": (masked(CONTINUED, b"a"), 1002),
    "text within a message": (masked(TEXT, b"{", final=False) + masked(TEXT, b"}"), 1002),
    "ping in parts": (masked(PING, b"", final=False), 1002),
    "long ping": (masked(PING, bytes(126)), 1002),
    "frame too long": (masked(TEXT, b" " * 2049), 1009),
    "length beyond all": (b"\x81\xff" + b"\xff" * 8 + bytes(4), 1002),
    "message too long": (
        masked(TEXT, b" " * 2048, final=False)
        + masked(CONTINUED, b" " * 2048, final=False)
        + masked(CONTINUED, b" "),
        1009,
    ),
    "not UTF-8": (masked(TEXT, b'"\xff"'), 1007),
}


@pytest.mark.parametrize("sent", BROKEN_FRAMES.values(), ids=BROKEN_FRAMES.keys())
def test_broken_frames_end_the_connection_with_a_reason(tracker: Tracker, sent: tuple[bytes, int]) -> None:
    frames, code = sent
    with ws_client(tracker.addresses["ws"]) as client:
        client.announce(INFO_HASH, PEERS[2], left=0)
        client.socket.sendall(frames)
        assert client.close_code() == code
    check_service(tracker)


BROKEN_MESSAGES = {
    "nothing": "",
    "no object": "[]",
    "no JSON": "{action: 1}",
    "constants": '{"action": NaN}',
    "deep": "[" * 1000,
    "unknown action": '{"action": "leave"}',
    "no hash": '{"action": "announce"}',
    "full scrape": '{"action": "scrape"}',
}


@pytest.mark.parametrize("text", BROKEN_MESSAGES.values(), ids=BROKEN_MESSAGES.keys())
def test_broken_messages_are_told_and_forgiven(tracker: Tracker, text: str) -> None:
    with ws_client(tracker.addresses["ws"]) as client:
        client.send_text(text)
        assert "failure reason" in client.receive()
        assert client.announce(INFO_HASH, PEERS[2], left=0)["complete"] == 1


def test_answers_that_nobody_asked_for_reach_nobody(tracker: Tracker) -> None:
    address = tracker.addresses["ws"]
    with ws_client(address) as victim, ws_client(address) as stranger:
        victim.announce(INFO_HASH, PEERS[0], left=1, offers=[offer(1)])
        stranger.announce(INFO_HASH, PEERS[1], left=0)
        for number in range(100):
            refused = stranger.ask(
                action="announce",
                info_hash=binary(INFO_HASH),
                peer_id=binary(PEERS[1]),
                to_peer_id=binary(PEERS[0]),
                offer_id=offer(number)["offer_id"],
                answer={"sdp": ""},
            )
            assert "failure reason" in refused
        victim.ping(b"nothing came before this")


def test_a_flood_of_offers_is_dropped(tracker: Tracker) -> None:
    address = tracker.addresses["ws"]
    with ws_client(address) as victim, ws_client(address) as flooder:
        victim.announce(INFO_HASH, PEERS[0], left=0)
        for number in range(200):
            flooder.announce(INFO_HASH, PEERS[1], left=1, offers=[offer(number)])
        # So many may wait for an answer.
        assert [victim.receive()["offer_id"] for _ in range(64)] == [
            offer(number)["offer_id"] for number in range(64)
        ]
        victim.ping(b"no more")
    check_service(tracker)


def test_a_connection_can_not_take_all_torrents(tracker: Tracker) -> None:
    with ws_client(tracker.addresses["ws"]) as client:
        answers = [client.announce(bytes([number] * 20), PEERS[3], left=0) for number in range(6)]
        assert ["failure reason" in answer for answer in answers] == [False] * 4 + [True] * 2
        # Leaving one makes room.
        client.send(action="announce", info_hash=binary(bytes(20)), peer_id=binary(PEERS[3]), event="stopped")
        assert "failure reason" not in client.announce(bytes([9] * 20), PEERS[3], left=0)


def test_a_slow_reader_loses_messages_and_nobody_else_does(tracker: Tracker, url: str) -> None:
    address = tracker.addresses["ws"]
    dropped = 'aquatic_dropped_messages_total{cause="slow",ip_version="4",worker_index="0"}'
    before = metrics(url)[dropped]
    with contextlib.ExitStack() as stack:
        slow, other = (stack.enter_context(ws_client(address)) for _ in range(2))
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        slow.announce(INFO_HASH, PEERS[0], left=0)
        number = 0
        while metrics(url)[dropped] == before:
            with ws_client(address) as asker:  # each peer may have so many offers waiting
                for _ in range(60):
                    number += 1
                    asker.announce(INFO_HASH, PEERS[2], left=1, offers=[offer(number, "x" * 1500)])
        # Others are answered and found meanwhile.
        hash_of_others = bytes([3] * 20)
        other.announce(hash_of_others, PEERS[1], left=0)
        with ws_client(address) as asker:
            asker.announce(hash_of_others, PEERS[2], left=1, offers=[offer(1)])
            assert other.receive()["offer_id"] == offer(1)["offer_id"]
    check_service(tracker)


def test_resets_at_every_point(tracker: Tracker) -> None:
    open_before = tracker.descriptors()
    message = json.dumps({"action": "announce", "info_hash": binary(INFO_HASH), "peer_id": binary(PEERS[4])})
    for kept in range(0, 80, 4):
        with socket.create_connection(tracker.addresses["ws"]) as bare:
            bare.sendall(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-We"[:kept])
            reset(bare)
    for frames in (b"", masked(TEXT, message.encode())[:30], masked(TEXT, message.encode(), final=False)):
        with contextlib.suppress(OSError), ws_client(tracker.addresses["ws"]) as client:
            client.announce(INFO_HASH, PEERS[4], left=0)
            client.socket.sendall(frames)
            reset(client.socket)
    wait_until(lambda: tracker.descriptors() <= open_before)
    with ws_client(tracker.addresses["ws"]) as client:
        wait_until(lambda: client.announce(INFO_HASH, PEERS[5], left=0)["complete"] == 1)


def test_random_bytes(tracker: Tracker) -> None:
    source = random.Random(5)
    for _ in range(50):
        with contextlib.suppress(OSError, EOFError), ws_client(tracker.addresses["ws"]) as client:
            client.socket.sendall(source.randbytes(source.randrange(1, 5_000)))
            client.socket.shutdown(socket.SHUT_WR)
            assert is_ended(client.socket)
    check_service(tracker)


def test_half_closed_and_silent_connections_are_ended(tmp_path: Path) -> None:
    settings = "[ws]\nidle_seconds_max = 1\ncleaning_interval_seconds = 1\nannounce_interval_seconds = 1\n"
    with (
        running(tmp_path, settings) as tracker,
        ws_client(tracker.addresses["ws"]) as silent,
        ws_client(tracker.addresses["ws"]) as pinging,
        ws_client(tracker.addresses["ws"]) as waiting,
    ):
        assert waiting.close_code() == 1001
        # It may have been ended even before that.
        with contextlib.suppress(OSError, EOFError, AssertionError):
            silent.announce(INFO_HASH, PEERS[0], left=0)
        assert is_ended(silent.socket)
        # Pings are no requests: who only pings goes too.
        with contextlib.suppress(OSError, EOFError, AssertionError):
            while True:
                pinging.ping(b"")
        assert is_ended(pinging.socket)
