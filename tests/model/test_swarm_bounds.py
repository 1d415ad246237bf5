"""Bounds on torrents, peers, downloads and memory: they hold, and what strangers make up pushes out only its like."""

from random import Random

import pytest

from aquatic.control import model
from aquatic.testing.swarm import Swarm
from tests.support.addresses import global_address, info_hash_of
from tests.support.reference_swarm import Family, counted, parse_slots, stored_counts

BOUNDS = {"torrents_max": 2000, "peers_max": 5000}
HEALTHY = [info_hash_of(number) for number in range(100)]


def bounded(bounds: dict[str, int], tags: bool = False) -> Swarm:
    no_bounds = {"torrents_max": 1 << 40, "peers_max": 1 << 40, "memory_bytes_max": 1 << 28}
    limits = no_bounds | bounds
    return Swarm(
        torrents_max=limits["torrents_max"],
        peers_max=limits["peers_max"],
        memory_bytes_max=limits["memory_bytes_max"],
        tags=tags,
    )


def with_healthy_swarms(swarm: Swarm, peers: int) -> dict[bytes, set[tuple[bytes, int]]]:
    """Hundred torrents of so many peers of either family and role."""
    members: dict[bytes, set[tuple[bytes, int]]] = {}
    for place, info_hash in enumerate(HEALTHY):
        family: Family = 6 if place % 5 == 0 else 4
        addresses = [global_address(place * 100 + number, family) for number in range(peers)]
        for number, address in enumerate(addresses):
            swarm.announce(info_hash, *address, ["seeder"] if number % 2 else [], 0)
        members[info_hash] = set(addresses)
    return members


def members_of(swarm: Swarm, info_hash: bytes) -> set[tuple[bytes, int]]:
    return {address for family in (4, 6) for address in parse_slots(swarm.peers(info_hash, family) or [])}


def flood(swarm: Swarm, random: Random, announces: int) -> list[bytes]:
    hashes = [random.randbytes(20) for _ in range(announces)]
    for info_hash in hashes:
        ip = b"\x09" + random.randbytes(3)
        swarm.announce(info_hash, ip, 1 + random.randrange(65535), random.choice(([], ["seeder"])), 0)
    return hashes


@pytest.mark.parametrize("peers", [2, 3, 4, 30])
@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize("bound", ["torrents_max", "peers_max", "memory_bytes_max"])
def test_a_flood_of_random_hashes_leaves_healthy_swarms_whole(bound: str, tags: bool, peers: int) -> None:
    unbounded = Swarm(tags=tags)
    with_healthy_swarms(unbounded, peers)
    bounds = BOUNDS | {"memory_bytes_max": unbounded.memory_bytes() + (2 << 16)}
    bounds = {bound: bounds[bound]}
    swarm = bounded(bounds, tags)
    members = with_healthy_swarms(swarm, peers)
    assert swarm.counts()["peers"] == 100 * peers
    hashes = flood(swarm, Random(peers), 6000)
    counts = swarm.counts()
    assert counts["evicted_torrents"] + counts["refused_torrents"] + counts["refused_peers"] > 0
    assert counts["torrents"] <= bounds.get("torrents_max", 10**9)
    assert counts["peers"] <= bounds.get("peers_max", 10**9)
    assert swarm.memory_bytes() <= bounds.get("memory_bytes_max", 10**9)
    for info_hash in HEALTHY:
        assert members_of(swarm, info_hash) == members[info_hash]
    assert counted(swarm) == stored_counts(swarm, HEALTHY + hashes)


def newcomers_stored(swarm: Swarm) -> int:
    stored = 0
    for place, info_hash in enumerate(HEALTHY):
        newcomer = global_address(50_000 + place)
        swarm.announce(info_hash, *newcomer)
        stored += newcomer in members_of(swarm, info_hash)
    return stored


@pytest.mark.parametrize("bound", BOUNDS)
def test_healthy_swarms_go_on_growing_during_a_flood(bound: str) -> None:
    swarm = bounded({bound: BOUNDS[bound]})
    with_healthy_swarms(swarm, 10)
    random = Random(1)
    flood(swarm, random, 12_000)
    # A swarm whose neighbours in the table are all healthy may have to wait; there are few of these.
    assert newcomers_stored(swarm) >= 95


def test_memory_is_left_for_the_peers_of_healthy_swarms_where_it_is_the_only_bound() -> None:
    derived = model.Swarm(memory_bytes_max=4 << 20).bounded(0)
    swarm = Swarm(
        torrents_max=derived.torrents_max,
        peers_max=derived.peers_max,
        memory_bytes_max=derived.memory_bytes_max,
    )
    with_healthy_swarms(swarm, 10)
    flood(swarm, Random(7), 60_000)
    peers = swarm.counts()["peers"]
    for place, info_hash in enumerate(HEALTHY):
        for number in range(50):
            swarm.announce(info_hash, *global_address(100_000 + 50 * place + number), (), 0)
    assert swarm.counts()["peers"] == peers + 5000


def test_torrents_that_were_left_do_not_keep_peers_out() -> None:
    swarm = Swarm(peers_max=5000)
    with_healthy_swarms(swarm, 10)
    random = Random(6)
    hashes = [random.randbytes(20) for _ in range(4000)]
    for flags in ([], ["stopped"]):
        for info_hash in hashes:
            swarm.announce(info_hash, *global_address(7), flags)
    flood(swarm, random, 4000)
    assert swarm.counts()["peers"] == 5000
    assert newcomers_stored(swarm) >= 95


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_longest_silent_go_first_and_new_torrents_get_in(bound: str) -> None:
    swarm = bounded({bound: BOUNDS[bound]})
    random = Random(2)
    old = flood(swarm, random, 5000)
    swarm.set_time(50)
    new = flood(swarm, random, 400)
    assert sum(swarm.scrape(info_hash, 4) != (0, 0, 0, 0) for info_hash in new) >= 390
    survivors = sum(swarm.scrape(info_hash, 4) != (0, 0, 0, 0) for info_hash in old)
    assert survivors <= BOUNDS[bound] - 390


def test_a_full_store_of_healthy_swarms_refuses_and_says_so() -> None:
    swarm = Swarm(torrents_max=100, peers_max=200)
    members = with_healthy_swarms(swarm, 2)
    assert swarm.announce(info_hash_of(1000), *global_address(1)) == (0, 0, [])
    assert swarm.counts()["refused_torrents"] == 1
    seeders, leechers, chosen = swarm.announce(HEALTHY[1], *global_address(1))
    assert (seeders, leechers, len(chosen)) == (1, 1, 2)
    assert swarm.counts()["refused_peers"] == 1
    assert all(members_of(swarm, info_hash) == members[info_hash] for info_hash in HEALTHY)
    # Those who are in stay in, and may change.
    address = min(members[HEALTHY[1]])
    assert swarm.announce(HEALTHY[1], *address, ["seeder"])[:2] == (1, 0)
    assert counted(swarm) == stored_counts(swarm, [*HEALTHY, info_hash_of(1000)])


def test_peers_may_come_where_others_have_stopped() -> None:
    swarm = Swarm(peers_max=10)
    for number in range(10):
        swarm.announce(info_hash_of(1), *global_address(number))
    for number in range(10, 100):
        swarm.announce(info_hash_of(1), *global_address(number))
        assert global_address(number) not in members_of(swarm, info_hash_of(1))
        swarm.announce(info_hash_of(1), *global_address(number - 10), ["stopped"])
        swarm.announce(info_hash_of(1), *global_address(number))
        assert global_address(number) in members_of(swarm, info_hash_of(1))
    assert swarm.counts()["peers"] == 10


def complete(swarm: Swarm, info_hash: bytes, number: int) -> None:
    swarm.announce(info_hash, *global_address(number), ["seeder", "completed"], 0)


def test_downloads_outlive_peers_and_count_once_a_peer_and_family() -> None:
    swarm = Swarm()
    for number in range(50):
        for _ in range(3):
            complete(swarm, info_hash_of(1), number)
            swarm.announce(info_hash_of(1), *global_address(number), ["completed"], 0)
    swarm.announce(info_hash_of(1), *global_address(1, 6), ["completed"], 0)
    assert swarm.scrape(info_hash_of(1), 4) == (0, 50, 50, 0)
    assert swarm.scrape(info_hash_of(1), 6) == (0, 1, 1, 0)
    swarm.set_time(101)
    for time in range(101, 141, 5):
        while swarm.sweep(time):
            pass
    assert swarm.counts()["torrents"] == 0
    assert swarm.scrape(info_hash_of(1), 4) == (0, 50, 0, 0)


def test_made_up_downloads_push_out_each_other_and_not_what_is_downloaded() -> None:
    swarm = Swarm(downloads_max=2000)
    for info_hash in HEALTHY:
        for number in range(3):
            complete(swarm, info_hash, number)
    random = Random(4)
    for _ in range(10_000):
        complete(swarm, random.randbytes(20), 1)
    assert swarm.counts()["downloads"] == 2000
    assert sum(swarm.scrape(info_hash, 4)[1] == 3 for info_hash in HEALTHY) >= 99


def test_client_prefixes_beyond_the_table_are_counted_as_others() -> None:
    swarm = Swarm(tags=True, peers_max=200_000)
    random = Random(5)
    peers = 80_000
    for number in range(peers):
        swarm.announce(info_hash_of(number % 1000), *global_address(number), (), 0, random.randbytes(8))
    prefixes = swarm.prefixes()
    assert sum(prefixes.values()) == peers
    assert prefixes[b""] >= peers - (1 << 16)
    # Those already known go on being told apart.
    known = next(prefix for prefix in prefixes if prefix)
    swarm.announce(info_hash_of(1), *global_address(peers), (), 0, known)
    assert swarm.prefixes()[known] == prefixes[known] + 1
    for number in range(peers):
        swarm.announce(info_hash_of(number % 1000), *global_address(number), ["stopped"])
    assert swarm.prefixes() == {known: 1}
