"""Who does harm on a WebSocket harms itself at most: others are answered, memory is bounded, nothing is left behind."""

import json
from collections import Counter
from random import Random

import pytest

from aquatic.testing.stream import StreamSettings
from aquatic.testing.ws_stream import WsSettings
from tests.support.ws_signalling import (
    CLOSE,
    PING,
    TEXT,
    Client,
    Message,
    Workers,
    announce,
    answer,
    frame,
    offer,
    text,
)

TORRENT = b"hostile torrent 1234"
OWN_TORRENT = b"a quiet torrent 1234"
PEERS = [b"-WW0101-%012d" % number for number in range(64)]


class Bystanders:
    """Two peers on two workers that go on signalling, whatever happens beside them."""

    def __init__(self, workers: Workers):
        self.clients = [workers.connect(number, bytes([2, 0, 0, number])) for number in range(2)]
        self.number = 0
        for client, peer_id in zip(self.clients, PEERS[:2], strict=True):
            client.send(announce(OWN_TORRENT, peer_id))
            assert len(client.take()) == 1

    def check(self) -> None:
        """An offer reaches the other one, and its answer comes back."""
        self.number += 1
        first, second = self.clients
        first.send(announce(OWN_TORRENT, PEERS[0], [offer(self.number)]))
        assert [one["incomplete"] for one in first.take()] == [2]
        (offered,) = second.take()
        assert offered["offer"] == offer(self.number)["offer"]
        second.send(answer(offered, PEERS[1], str(self.number)))
        assert second.take() == []
        (answered,) = first.take()
        assert answered["answer"]["sdp"] == str(self.number)

    def leave(self) -> None:
        for client in self.clients:
            client.leave()


def check_nothing_is_left(workers: Workers) -> None:
    assert workers.swarm.counts()["torrents"] == 0
    assert workers.swarm.memory_bytes() == 0
    for worker in workers.workers:
        assert worker.memory_bytes() == 0


def requests() -> list[bytes]:
    """One of each kind, as frames."""
    messages: list[Message] = [
        announce(TORRENT, PEERS[2], [offer(number) for number in range(3)]),
        announce(TORRENT, PEERS[3], left=0, event="completed"),
        {"action": "scrape", "info_hash": [text(TORRENT), text(OWN_TORRENT)]},
        announce(TORRENT, PEERS[2], event="stopped"),
        answer({"info_hash": text(TORRENT), "peer_id": text(PEERS[3]), "offer_id": "x" * 20}, PEERS[2]),
    ]
    frames = [frame(json.dumps(message).encode()) for message in messages]
    whole = json.dumps(messages[0]).encode()
    frames += [
        frame(whole[:40], TEXT, False) + frame(b"", PING) + frame(whole[40:], 0),
        frame(b"[" * 40 + b"]" * 40),
        frame(b"\x03\xe8", CLOSE),
    ]
    return frames


def mutated(random: Random, data: bytes) -> bytes:
    copy = bytearray(data)
    for _ in range(random.randrange(4)):
        place = random.randrange(len(copy))
        choice = random.random()
        if choice < 0.5:
            copy[place] ^= 1 << random.randrange(8)
        elif choice < 0.75:
            del copy[place : place + random.randrange(1, 20)]
        else:
            copy[place:place] = random.randbytes(random.randrange(1, 8))
        if not copy:
            return b""
    return bytes(copy)


def take_anything(client: Client) -> None:
    """Read what came; it may end in the middle of nothing, as the connection may be gone."""
    client.workers.settle()
    client.worker.take(client.number)


@pytest.mark.parametrize("seed", range(6))
def test_mutated_frames_harm_nobody(seed: int) -> None:
    random = Random(seed)
    workers = Workers(2)
    bystanders = Bystanders(workers)
    frames = requests()
    for step in range(60):
        client = workers.connect(random.randrange(2), random.randbytes(4))
        for _ in range(random.randrange(1, 8)):
            data = mutated(random, random.choice(frames))
            if client.worker.state(client.number) == "open":
                client.deliver(data)
            take_anything(client)
        if random.random() < 0.5:
            client.worker.reset(client.number)
        client.leave()
        if step % 10 == 0:
            bystanders.check()
    bystanders.check()
    bystanders.leave()
    check_nothing_is_left(workers)


def test_a_reset_in_every_state_leaves_nothing() -> None:
    data = b"".join(requests())
    for length in range(0, len(data), 7):
        workers = Workers(1)
        client = workers.connect()
        client.deliver(data[:length])
        take_anything(client)
        client.worker.reset(client.number)
        workers.settle()
        check_nothing_is_left(workers)


# What is missed, by whose counter it shows, when an allocation fails and all after it; in their order.
LACKS_OF_WORKER = (
    "refused_no_memory",  # the connection
    "errors_refused",  # its first peer
    "errors_refused",  # room for another
    "errors_too_large",  # a message's first part
    "errors_too_large",  # the rest of it
    "messages_dropped_no_memory",  # an offer that it is made
    "closed_output_full",  # an answer behind that
)
LACKS_OF_SWARM = (
    "refused_peers",  # in a torrent of their own
    "refused_peers",  # leechers
    "refused_peers",  # room for another
    "refused_peers",  # seeders
    "offers_without_receiver",  # nobody could be waited for
)


def counted_with(is_of_swarm: bool, after: int) -> tuple[int, Counter[str]]:
    """Let allocations fail after so many, and everything go on when memory is back; what was left and counted."""
    workers = Workers(2)
    bystanders = Bystanders(workers)
    failing = workers.swarm if is_of_swarm else workers.workers[0]
    failing.fail_allocation(after)
    client = workers.connect()
    if client.worker.state(client.number) == "open":
        client.deliver(b"".join(requests()[:6]))
    take_anything(client)
    counters = Counter(workers.counters())
    counters += Counter(client.worker.counters()) + Counter(workers.swarm.counts())
    left = failing.allocations_left()
    failing.fail_allocation(-1)
    bystanders.check()
    client.leave()
    bystanders.check()
    bystanders.leave()
    check_nothing_is_left(workers)
    return left, counters


@pytest.mark.parametrize("is_of_swarm", [False, True])
def test_any_allocation_may_fail(is_of_swarm: bool) -> None:
    """Of the worker's arena or of the swarm's, each in turn: who lacks it is told or cut off, nobody else is."""
    lacks = LACKS_OF_SWARM if is_of_swarm else LACKS_OF_WORKER
    left, unharmed = counted_with(is_of_swarm, len(lacks) + 1)
    assert left == 1
    for after, lack in enumerate(lacks):
        left, counters = counted_with(is_of_swarm, after)
        assert left == 0
        assert counters[lack] > unharmed[lack]
    assert counted_with(is_of_swarm, len(lacks)) == (0, unharmed)


def test_a_slow_reader_loses_its_messages_and_then_its_connection() -> None:
    stream = StreamSettings(
        request_bytes_max=8192,
        output_bytes_max=20_000,
        output_seconds_max=20,
        idle_seconds_max=180,
        look_seconds=30,
    )
    workers = Workers(2, stream)
    bystanders = Bystanders(workers)
    slow, offering = workers.connect(0, b"\x03\0\0\1"), workers.connect(1, b"\x03\0\0\2")
    slow.send(announce(TORRENT, PEERS[2]))
    assert len(slow.take()) == 1
    slow.worker.limit_sends(slow.number, 0)
    sdp = "s" * 1500
    for number in range(60):
        one = {"offer_id": f"{number:020}", "offer": {"type": "offer", "sdp": sdp}}
        offering.send(announce(TORRENT, PEERS[3], [one]))
        assert [message["incomplete"] for message in offering.take()] == [2]
        # Those that were lost are still waited for, until the bound of the offering peer.
        workers.set_time(workers.second + 0.1)
    bystanders.check()
    dropped = slow.worker.counters()["messages_dropped_slow"]
    assert 40 < dropped < 60
    assert slow.worker.memory_bytes() <= 4 * 65536
    workers.set_time(workers.second + 25)
    assert not slow.is_open()
    assert slow.worker.counters()["closed_output_time"] == 1
    assert workers.swarm.scrape(TORRENT) == (0, 1)
    bystanders.check()


def test_a_flood_from_one_connection_costs_a_bounded_amount() -> None:
    """Announces with as many offers as fit, without a pause: each peer hears of so many, and memory stays."""
    workers = Workers(2, ws=WsSettings(memberships_max=5))
    bystanders = Bystanders(workers)
    victims = []
    for number in range(2, 12):
        client = workers.connect(number % 2, bytes([4, 0, 0, number]))
        client.send(announce(TORRENT, PEERS[number]))
        client.take()
        victims.append(client)
    flooding = workers.connect(0, b"\x05\0\0\1")
    heard = 0
    for number in range(100):
        ids = [offer(10 * number + index) for index in range(10)]
        flooding.send(announce(TORRENT, PEERS[20], ids))
        flooding.send(announce(b"%020d" % number, PEERS[20]))
        flooding.take()
        heard += sum(len(victim.take()) for victim in victims)
    # As many as may wait for an answer.
    assert heard == 64
    assert workers.counters()["offers_over_limit"] == 1000 - 64
    assert workers.swarm.counts()["torrents"] == 2 + 4
    assert workers.swarm.memory_bytes() <= 20 * 65536
    bystanders.check()
    bystanders.leave()
    for client in [*victims, flooding]:
        client.leave()
    check_nothing_is_left(workers)


def test_a_scrape_waits_for_room() -> None:
    """While the kernel takes nothing, requests wait; then each is answered once, whole, in order."""
    stream = StreamSettings(
        request_bytes_max=8192,
        output_bytes_max=6000,
        output_seconds_max=60,
        idle_seconds_max=180,
        look_seconds=30,
    )
    workers = Workers(1, stream)
    client = workers.connect()
    client.worker.limit_sends(client.number, 100)
    hashes = [text(b"%020d" % number) for number in range(20)]
    for _ in range(4):
        client.send({"action": "scrape", "info_hash": hashes}, announce(TORRENT, PEERS[0]))
    workers.settle()
    client.worker.limit_sends(client.number, -1)
    answers = client.take()
    assert [one["action"] for one in answers] == ["scrape", "announce"] * 4
    assert all(one["files"].keys() == set(hashes) for one in answers[::2])
