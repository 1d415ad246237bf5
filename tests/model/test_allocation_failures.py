"""Every allocation fails once, in every form of growth: nothing is lost or counted wrongly, and all works after."""

from collections.abc import Callable

import pytest

from aquatic.testing.swarm import Swarm
from tests.support.addresses import global_address, info_hash_of
from tests.support.reference_swarm import FAMILIES, Family, counted, parse_slots, stored_counts

HASHES = [info_hash_of(number) for number in range(400)]
Scenario = Callable[[Swarm], None]


def crowd(swarm: Swarm) -> None:
    """One torrent of both families and roles, to several segments."""
    for number in range(1200):
        family: Family = 6 if number % 7 == 0 else 4
        swarm.announce(HASHES[0], *global_address(number, family), ["seeder"] if number % 3 else [], 3)


def changes(swarm: Swarm) -> None:
    """Roles change there and back, and half of the peers stop."""
    for flags in (["seeder"], [], ["stopped"]):
        for number in range(0, 40, 2 if flags == ["stopped"] else 1):
            swarm.announce(HASHES[1], *global_address(number), flags, 8)


def torrents(swarm: Swarm) -> None:
    """Many small torrents, that outgrow their records, with downloads."""
    for number in range(1600):
        family: Family = 6 if number % 5 == 0 else 4
        flags = ["seeder", "completed"] if number % 2 else []
        swarm.announce(HASHES[number % 400], *global_address(number, family), flags, 1)


def expiry(swarm: Swarm) -> None:
    """Most peers go, so that segments join and tables become records again."""
    crowd(swarm)
    torrents(swarm)
    swarm.set_time(60)
    for number in range(0, 1200, 50):
        swarm.announce(HASHES[0], *global_address(number, 4), [], 0)
    swarm.set_time(110)
    for time in range(110, 150, 2):
        while swarm.sweep(time):
            pass


def allocations_of(scenario: Scenario, tags: bool) -> int:
    """How many allocations the scenario makes when none fails: the least number after which nothing is refused."""
    low, high = 0, 1 << 16
    while low < high:
        middle = (low + high) // 2
        swarm = Swarm(tags=tags)
        swarm.fail_allocation(middle)
        scenario(swarm)
        counts = swarm.counts()
        if counts["refused_peers"] + counts["refused_torrents"]:
            low = middle + 1
        else:
            high = middle
    return low


def check(swarm: Swarm) -> None:
    assert counted(swarm) == stored_counts(swarm, HASHES)
    for info_hash in HASHES[:3]:
        for family in FAMILIES:
            stored = parse_slots(swarm.peers(info_hash, family) or [])
            seeders = sum(bool(state & 0x8000) for state in stored.values())
            scraped = swarm.scrape(info_hash, family)
            assert (scraped[0], scraped[2]) == (seeders, len(stored) - seeders)


@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize("scenario", [crowd, changes, torrents, expiry])
def test_the_store_survives_the_failure_of_any_allocation(scenario: Scenario, tags: bool) -> None:
    allocations = allocations_of(scenario, tags)
    assert allocations > 0
    unharmed = Swarm(tags=tags)
    scenario(unharmed)
    # Every one of the first, where forms change most, and then one of a few.
    for after in [*range(min(allocations, 24)), *range(24, allocations + 40, 1 + allocations // 16)]:
        swarm = Swarm(tags=tags)
        swarm.fail_allocation(after)
        scenario(swarm)
        check(swarm)
        swarm.fail_allocation(-1)
        time = 200
        swarm.set_time(time)
        for _ in range(12):
            time += 5
            while swarm.sweep(time):
                pass
        assert swarm.counts()["torrents"] == swarm.counts()["peers"] == 0
        assert sum(swarm.prefixes().values()) == 0
        changes(swarm)
        check(swarm)
        assert swarm.counts()["peers"] == 20


def test_peers_that_are_stored_stay_when_memory_ends() -> None:
    swarm = Swarm()
    stored = set()
    for number in range(700):
        swarm.announce(HASHES[0], *global_address(number))
        stored.add(global_address(number))
    swarm.fail_allocation(0)
    for number in range(700, 3000):
        swarm.announce(HASHES[0], *global_address(number))
    kept = set(parse_slots(swarm.peers(HASHES[0], 4) or []))
    assert stored <= kept
    assert swarm.counts()["refused_peers"] == 3000 - len(kept)
    for number in range(700):
        swarm.announce(HASHES[0], *global_address(number), ["stopped"])
    assert swarm.counts()["peers"] == len(kept) - 700
    swarm.fail_allocation(-1)
    swarm.announce(HASHES[0], *global_address(5000))
    assert global_address(5000) in parse_slots(swarm.peers(HASHES[0], 4) or [])
