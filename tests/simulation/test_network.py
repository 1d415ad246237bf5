"""A tracker of several workers in a bad network: loss, duplication, reordering, and clocks that jump both ways.

Runs the worker's loop by aquatic.testing.udp.
"""

from random import Random

import pytest

from aquatic.protocol.udp import AnnounceRequest, ConnectRequest, Request, ScrapeRequest, url_data_options
from tests.support.reference_swarm import Address
from tests.support.simulated_tracker import Setup, SimulatedTracker

HASHES = [bytes((number,)) * 20 for number in range(12)]
NUM_WANTS = (-(2**31), -1, 0, 1, 2, 7, 30, 100, 2**31 - 1)
EVENTS = (0, 0, 0, 1, 2, 3, 3, 4, 99, 2**32 - 1)


class Network:
    """Datagrams on their way, from clients that remember the ids that reached them."""

    def __init__(self, tracker: SimulatedTracker, random: Random):
        self.tracker = tracker
        self.random = random
        self.clients: list[Address] = [client_address(number) for number in range(40)]
        self.connection_ids: dict[Address, int] = {}
        self.underway: list[tuple[bytes, Address]] = []

    def request_of(self, client: Address) -> Request:
        random = self.random
        transaction_id = random.randrange(1 << 32)
        connection_id = self.connection_ids.get(client)
        if connection_id is None or random.random() < 0.1:
            return ConnectRequest(transaction_id)
        if random.random() < 0.02:
            connection_id ^= 1 << random.randrange(64)
        if random.random() < 0.15:
            hashes = tuple(random.choice(HASHES) for _ in range(random.choice((1, 2, 70, 71, 116))))
            return ScrapeRequest(connection_id, transaction_id, hashes)
        event = random.choice(EVENTS)
        return AnnounceRequest(
            connection_id=connection_id,
            transaction_id=transaction_id,
            info_hash=random.choice(HASHES),
            peer_id=random.randbytes(20),
            port=random.choice((client[1], client[1], 7000)) if event != 3 or random.random() < 0.9 else 0,
            left=random.choice((0, 0, 1, -1, 2**63 - 1)),
            event_number=event,
            num_want=random.choice(NUM_WANTS),
            ip_address=random.randrange(1 << 32),
            options=random.choice((b"", url_data_options(b"/announce"), b"\2\xff")),
        )

    def send(self) -> None:
        """A client sends; some of it is lost, doubled or spoiled."""
        client = self.random.choice(self.clients)
        packet = self.request_of(client).to_bytes()
        if self.random.random() < 0.05:
            spoiled = bytearray(packet)
            spoiled[self.random.randrange(len(packet))] = self.random.randrange(256)
            packet = bytes(spoiled[: self.random.randrange(len(packet) + 1)])
        copies = self.random.choices((0, 1, 2, 3), (10, 80, 8, 2))[0]
        self.underway.extend([(packet, client)] * copies)

    def arrive(self) -> None:
        """What is underway arrives in any order at any worker, and the workers turn in any order."""
        self.random.shuffle(self.underway)
        for _ in range(self.random.randrange(len(self.underway) + 1)):
            packet, client = self.underway.pop()
            self.tracker.deliver(packet, client, self.random.randrange(self.tracker.settings.workers))
        workers = list(range(self.tracker.settings.workers))
        self.random.shuffle(workers)
        for worker in workers:
            sends = self.random.randrange(5) if self.random.random() < 0.05 else -1
            for packet, client in self.tracker.turn(worker, sends):
                if packet[3] == 0 and self.random.random() < 0.9:
                    self.connection_ids[client] = int.from_bytes(packet[8:16], "big")


def client_address(number: int) -> Address:
    head = (8, 8, 10, 127)[number % 4]
    if number % 3:
        return bytes((head, 0, 0, 1 + number // 3)), 1000 + number
    prefix = {8: "2a00", 10: "fd00", 127: "0000"}[head]
    tail = (1 if head == 127 else number).to_bytes(14, "big")
    return bytes.fromhex(prefix) + tail, 1000 + number


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_right_in_a_bad_network(seed: int, workers: int) -> None:
    random = Random(f"{seed} {workers}")
    batch = random.choice((1, 8, 128))
    # Shorter than a few jumps: the clock does not have to wait for cleaning.
    tracker = SimulatedTracker(Setup(workers=workers, batch_datagrams=batch, peer_age_seconds_max=400), seed)
    network = Network(tracker, random)
    now = 100.0
    for _ in range(250):
        for _ in range(random.randrange(12)):
            network.send()
        network.arrive()
        jumps = (0.1, 1, 20, 130, 300, -1, -59, -300)
        now = max(1, now + random.choices(jumps, (30, 30, 10, 3, 1, 3, 2, 1))[0])
        tracker.set_time(now)
    tracker.check_counters()
    assert min(tracker.counters[4, name] for name in ("errors_connection_id_expired", "responses_scrape")) > 0
    tracker.set_time(max(tracker.ticks) + tracker.settings.peer_age_seconds_max + 1)
    tracker.clean()
    assert tracker.exported() == {}
    assert tracker.swarm.swarm_counts()["memory_bytes"] <= 1 << 24
