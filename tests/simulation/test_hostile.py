"""Floods, bounds, failing allocations, full buffers and lists that change, on the real worker loop."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from socket import AF_INET
from typing import Literal

import pytest

from aquatic.protocol.udp import AnnounceRequest, Event, ScrapeRequest, parse_response
from aquatic.testing.udp import Simulation
from tests.support.addresses import global_address, info_hash_of
from tests.support.reference_swarm import FAMILIES, Address, Family
from tests.support.simulated_tracker import Setup, SimulatedTracker


def announce_of(
    tracker: SimulatedTracker, info_hash: bytes, source: Address, left: int = 1, event: int = 0
) -> bytes:
    key = source[0]
    connection_ids = [number for ip, number in tracker.issued if ip == key]
    connection_id = connection_ids[-1] if connection_ids else tracker.connect(source)
    return AnnounceRequest(
        connection_id, 1, info_hash, b"-XX0000-" + bytes(12), source[1], left=left, event_number=event
    ).to_bytes()


def deliver_all(tracker: SimulatedTracker, packets: list[tuple[bytes, Address]]) -> None:
    """In batches, to the workers in turn."""
    for place, (packet, source) in enumerate(packets):
        worker = place // 64 % tracker.settings.workers
        tracker.deliver(packet, source, worker)
        if place % 64 == 63 or place == len(packets) - 1:
            tracker.turn(worker)


def healthy(
    tracker: SimulatedTracker, swarms: int, peers: int
) -> dict[tuple[bytes, Family], tuple[int, int]]:
    sources = [global_address(number) for number in range(peers)]
    for source in sources:
        tracker.connect(source)
    packets = [
        (announce_of(tracker, info_hash_of(swarm), source, left=number % 2), source)
        for swarm in range(swarms)
        for number, source in enumerate(sources)
    ]
    deliver_all(tracker, packets)
    return tracker.exported()


def random_announces(tracker: SimulatedTracker, random: Random, count: int) -> list[tuple[bytes, Address]]:
    attacker = global_address(1_000_000)
    return [
        (announce_of(tracker, random.randbytes(20), (attacker[0], 1 + random.randrange(65535))), attacker)
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    "setup",
    [
        Setup(torrents_max=1500),
        Setup(peers_max=1500),
        Setup(memory_bytes_max=10 << 16, workers=2),
        Setup(torrents_max=1500, peer_clients=True),
    ],
)
def test_a_flood_of_random_hashes_leaves_healthy_swarms_whole(setup: Setup) -> None:
    tracker = SimulatedTracker(setup)
    tracker.set_time(10)
    before = healthy(tracker, 40, 15)
    assert len(before) == 40
    tracker.is_exact = False
    tracker.connect(global_address(1_000_000))
    deliver_all(tracker, random_announces(tracker, Random(1), 6000))
    after = tracker.exported()
    assert {key: after[key] for key in before} == before
    counts = tracker.swarm.swarm_counts()
    assert counts["torrents"] <= setup.torrents_max
    assert counts["peers_ipv4"] <= setup.peers_max
    assert counts["memory_bytes"] <= setup.memory_bytes_max
    assert counts["peers_ipv4"] == sum(map(sum, after.values()))
    assert counts["seeders_ipv4"] == sum(seeders for seeders, _ in after.values())
    assert counts["evicted_torrents"] + counts["refused_torrents"] + counts["refused_peers"] > 0
    tracker.check_counters()
    # A peer that was whole before is answered as ever.
    packet = announce_of(tracker, info_hash_of(3), global_address(1))
    answer = tracker.exchange(packet, global_address(1))
    assert answer is not None
    assert parse_response(answer, AF_INET).to_bytes() == answer


@contextmanager
def failing(simulation: Simulation, after: int) -> Iterator[None]:
    simulation.fail_allocation(after)
    yield
    simulation.fail_allocation(-1)


@pytest.mark.parametrize("after", [*range(20), 25, 31, 38, 50, 70, 100])
def test_service_goes_on_without_memory_and_is_whole_with_it(after: int) -> None:
    tracker = SimulatedTracker(Setup(peer_clients=after % 2 == 1))
    tracker.set_time(10)
    tracker.is_exact = False
    with failing(tracker.simulation, after):
        healthy(tracker, 12, 40)
        counts = tracker.swarm.swarm_counts()
        assert counts["peers_ipv4"] == sum(map(sum, tracker.exported().values()))
    tracker.check_counters()
    assert healthy(tracker, 12, 40) == {(info_hash_of(swarm), 4): (20, 20) for swarm in range(12)}
    with failing(tracker.simulation, 0):
        tracker.set_time(5000)
        tracker.clean()
    assert tracker.exported() == {}


def test_answers_that_find_the_buffer_full_are_lost_and_nothing_else() -> None:
    tracker = SimulatedTracker()
    tracker.set_time(10)
    sources = [global_address(number) for number in range(30)]
    for source in sources:
        tracker.connect(source)
    for sends in range(31):
        for source in sources:
            tracker.deliver(announce_of(tracker, info_hash_of(sends), source), source)
        assert len(tracker.turn(sends=sends)) == sends
    assert tracker.exported() == {(info_hash_of(number), 4): (0, 30) for number in range(31)}
    tracker.check_counters()


def test_a_receive_queue_that_is_full_loses_only_what_does_not_fit() -> None:
    tracker = SimulatedTracker(Setup(batch_datagrams=128))
    accepted = 0
    while tracker.simulation.deliver(bytes(10), *global_address(1)):
        accepted += 1
    for _ in range(1 + accepted // (128 * 16)):
        tracker.turn()
    assert tracker.simulation.workers.counters(0, 4)["errors_malformed"] == accepted
    tracker.set_time(1)
    assert tracker.connect(global_address(1))


def test_lists_swap_while_requests_go_on() -> None:
    tracker = SimulatedTracker(Setup(workers=2))
    tracker.set_time(10)
    healthy(tracker, 10, 6)
    some = [info_hash_of(number) for number in range(4)]
    modes: list[Literal["off", "allow", "deny"]] = ["allow", "deny", "allow", "off", "deny"]
    for mode in modes:
        tracker.set_access_list(mode, some if mode != "off" else [])
        source = global_address(1)
        for number in range(10):
            for event in (Event.NONE, Event.STOPPED, Event.COMPLETED):
                packet = announce_of(tracker, info_hash_of(number), source, event=event)
                tracker.deliver(packet, source, number % 2)
        scrape = ScrapeRequest(
            tracker.connect(source, 1), 1, tuple(info_hash_of(number) for number in range(10))
        )
        tracker.deliver(scrape.to_bytes(), source, 0)
        tracker.turn(0)
        tracker.turn(1)
        tracker.clean()
        left = {info_hash for info_hash, _ in tracker.exported()}
        assert left == {info_hash for info_hash in left if tracker.allows(info_hash)}
        healthy(tracker, 10, 6)
        assert len(tracker.exported()) == sum(tracker.allows(info_hash_of(number)) for number in range(10))
    tracker.check_counters()


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 1000])
def test_lists_of_any_length_hold_what_they_were_given(count: int) -> None:
    tracker = SimulatedTracker()
    random = Random(count)
    listed = [random.randbytes(20) for _ in range(count)]
    others = [info_hash[:19] + bytes((info_hash[19] ^ 1,)) for info_hash in listed] + [random.randbytes(20)]
    modes: list[Literal["allow", "deny"]] = ["allow", "deny"]
    for mode in modes:
        tracker.set_access_list(mode, listed * 2)
        source = global_address(1)
        for info_hash in (*listed[:100], *others[-100:]):
            # The reference knows which of them must be refused.
            tracker.deliver(announce_of(tracker, info_hash, source), source)
            tracker.turn()
    tracker.check_counters()


def test_an_export_meets_every_torrent_once_while_the_store_grows_and_cleans() -> None:
    tracker = SimulatedTracker(Setup(workers=2, batch_datagrams=128, cleaning_interval_seconds=20))
    tracker.is_exact = False
    random = Random(9)
    tracker.set_time(10)
    source = global_address(1)
    tracker.connect(source)
    lasting = [random.randbytes(20) for _ in range(9000)]
    deliver_all(tracker, [(announce_of(tracker, info_hash, source), source) for info_hash in lasting])
    cursor, lines = tracker.swarm.export_torrents(0)
    found: list[str] = []
    pieces = 0
    while cursor >= 0:
        found.extend(line.split()[1] for line in lines.decode().splitlines())
        pieces += 1
        if pieces % 8 == 0:
            packets = random_announces_of(tracker, random, source, 500)
            deliver_all(tracker, packets)
            tracker.set_time(tracker.now + 1)
            for worker in range(2):
                tracker.turn(worker)
        cursor, lines = tracker.swarm.export_torrents(cursor)
    assert len(set(found)) == len(found)
    assert {info_hash.hex() for info_hash in lasting} <= set(found)
    assert tracker.swarm.swarm_counts()["torrents"] > 20_000


def random_announces_of(
    tracker: SimulatedTracker, random: Random, source: Address, count: int
) -> list[tuple[bytes, Address]]:
    return [(announce_of(tracker, random.randbytes(20), source), source) for _ in range(count)]


def test_download_counts_come_out_and_go_in_again() -> None:
    tracker = SimulatedTracker()
    tracker.set_time(10)
    for number in range(20):
        source = global_address(number, 6 if number % 4 == 0 else 4)
        tracker.connect(source)
        for swarm in range(300):
            if swarm % 20 <= number:
                packet = announce_of(tracker, info_hash_of(swarm), source, 0, Event.COMPLETED)
                tracker.deliver(packet, source)
        while tracker.waiting[0]:
            tracker.turn()
    records = downloads_of(tracker)
    assert len(records) == 300
    other = SimulatedTracker()
    assert other.swarm.import_downloads(b"".join(records)) == 300
    other.reference.downloads = tracker.reference.downloads
    assert sorted(downloads_of(other)) == sorted(records)
    for family in FAMILIES:
        source = global_address(5, family)
        connection_id = other.connect(source)
        hashes = tuple(info_hash_of(number) for number in range(70))
        # The reference knows the counts.
        assert other.exchange(ScrapeRequest(connection_id, 1, hashes), source)


def downloads_of(tracker: SimulatedTracker) -> list[bytes]:
    record_bytes = 30
    found: list[bytes] = []
    cursor, records = tracker.swarm.export_downloads(0)
    while cursor >= 0:
        found.extend(records[start : start + record_bytes] for start in range(0, len(records), record_bytes))
        cursor, records = tracker.swarm.export_downloads(cursor)
    assert len(set(found)) == len(found)
    return found


@pytest.mark.heavy
def test_an_export_of_downloads_does_not_let_segments_merge_under_one_of_torrents() -> None:
    tracker = SimulatedTracker(Setup(batch_datagrams=128))
    tracker.is_exact = False
    random = Random(11)
    tracker.set_time(10)
    source = global_address(1)
    tracker.connect(source)
    # More than two hundred torrents a shard, in several segments of its table.
    passing = [random.randbytes(20) for _ in range(50_000)]
    deliver_all(tracker, [(announce_of(tracker, info_hash, source), source) for info_hash in passing])
    lasting = passing[:1500]
    tracker.set_time(700)
    tracker.connect(source)
    deliver_all(tracker, [(announce_of(tracker, info_hash, source), source) for info_hash in lasting])
    cursor, lines = tracker.swarm.export_torrents(0)
    downloads_of(tracker)
    tracker.set_time(820)
    tracker.clean()
    tracker.clean()
    found: list[str] = []
    while cursor >= 0:
        found.extend(line.split()[1] for line in lines.decode().splitlines())
        cursor, lines = tracker.swarm.export_torrents(cursor)
    assert len(set(found)) == len(found)
    assert {info_hash.hex() for info_hash in lasting} <= set(found)
