"""Swarms and the table of torrents grow and shrink through every form that they are kept in."""

from random import Random
from typing import Literal

import pytest

from aquatic.testing.swarm import Swarm
from tests.support.addresses import global_address, info_hash_of
from tests.support.reference_swarm import CheckedSwarm

HASH = info_hash_of(1)
SLAB_BYTES = 1 << 16


def role(number: int, share: int) -> list[str]:
    if number % 10 < share:
        return ["seeder"]
    return ["paused"] if (number + share) % 3 == 0 else []


@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("seeders_of_ten", [0, 3, 10])
def test_one_swarm_grows_to_thousands_and_expires(
    family: Literal[4, 6], seeders_of_ten: int, tags: bool
) -> None:
    checked = CheckedSwarm(Swarm(tags=tags))
    time = 0.0
    for number in range(3000):
        # A second a peer, so that each cleaning finds a few that have expired.
        if number % 100 == 0:
            time = max(time, number / 40)
            checked.set_time(int(time))
            checked.sweep(time)
            checked.check_counts()
        checked.swarm.announce(HASH, *global_address(number, family), role(number, seeders_of_ten), 0)
        checked.reference.announce(
            HASH, global_address(number, family), role(number, seeders_of_ten), b"-XX0000-"
        )
    checked.check_counts()
    while checked.reference.torrents:
        time += 5
        checked.set_time(int(time))
        checked.sweep(time)
        checked.check_counts()
    assert checked.swarm.memory_bytes() == 0


@pytest.mark.parametrize("family", [4, 6])
def test_one_swarm_of_five_thousand_changes_roles_and_stops_peer_by_peer(family: Literal[4, 6]) -> None:
    random = Random(family)
    checked = CheckedSwarm(Swarm())
    numbers = list(range(5000))
    for share in (0, 1, 10, 5):
        random.shuffle(numbers)
        for number in numbers:
            flags = role(number, share)
            checked.swarm.announce(HASH, *global_address(number, family), flags, 0)
            checked.reference.announce(HASH, global_address(number, family), flags, b"-XX0000-")
        checked.check_counts()
        checked.scrape(HASH, family)
        checked.reconcile()
    time = 0.0
    while numbers:
        for number in [numbers.pop() for _ in range(250)]:
            checked.swarm.announce(HASH, *global_address(number, family), ["stopped"])
            checked.reference.announce(HASH, global_address(number, family), ["stopped"], b"")
        if random.random() < 0.5:
            time = checked.clean(time)
        checked.check_counts()
        checked.scrape(HASH, family)
    checked.clean(time)
    assert checked.swarm.memory_bytes() == 0


@pytest.mark.parametrize("tags", [False, True])
def test_a_torrent_moves_between_its_record_and_tables_again_and_again(tags: bool) -> None:
    random = Random(3)
    checked = CheckedSwarm(Swarm(tags=tags))
    peers = [global_address(number, 6 if number % 3 == 0 else 4) for number in range(9)]
    time = 0.0
    for _ in range(400):
        address = random.choice(peers)
        flags = random.choice((["stopped"], ["stopped"], [], ["paused"], ["seeder"]))
        checked.announce(HASH, address, flags, 10)
        if random.random() < 0.2:
            time = checked.clean(time)
        checked.check_counts()


def test_an_empty_torrent_takes_the_other_family_in_any_order() -> None:
    for tags in (False, True):
        for first, second in ((4, 6), (6, 4)):
            for crowd in range(1, 6):
                checked = CheckedSwarm(Swarm(tags=tags))
                families: tuple[Literal[4, 6], Literal[4, 6]] = (4, 6) if first == 4 else (6, 4)
                for number in range(crowd):
                    checked.announce(HASH, global_address(number, families[0]))
                for number in range(crowd):
                    checked.announce(HASH, global_address(number, families[0]), ["stopped"])
                for number in range(crowd):
                    checked.announce(HASH, global_address(number, families[1]), wanted=10)
                checked.check_counts()
                checked.reconcile()
                assert second in families


def test_many_torrents_come_and_go() -> None:
    checked = CheckedSwarm(Swarm(sweepers=3))
    torrents = 60_000
    for number in range(torrents):
        checked.swarm.announce(info_hash_of(number), *global_address(number), (), 0)
    grown_bytes = checked.swarm.memory_bytes()
    assert checked.swarm.counts()["torrents"] == torrents == checked.swarm.counts()["torrents_ipv4"]
    # 48 bytes a record, tables that are at least half full, and what slabs and directories need.
    assert grown_bytes < torrents * 48 * 2 + 100 * SLAB_BYTES
    for number in range(0, torrents, 97):
        assert checked.swarm.announce(info_hash_of(number), *global_address(0), (), 5)[:2] == (0, number > 0)
    time = 60.0
    checked.set_time(60)
    keep = range(0, torrents, 100)
    for number in keep:
        checked.swarm.announce(info_hash_of(number), *global_address(number), ["seeder"], 0)
    for _ in range(4):
        time += 60
        checked.set_time(int(time))
        while checked.swarm.sweep(time):
            pass
        if time < 160:
            assert checked.swarm.counts()["torrents"] == torrents
    assert checked.swarm.counts()["torrents"] == 0
    assert checked.swarm.memory_bytes() <= 0.2 * grown_bytes


def test_torrents_that_stay_are_found_while_others_go() -> None:
    swarm = Swarm()
    for number in range(20_000):
        swarm.announce(info_hash_of(number), *global_address(number), (), 0)
    swarm.set_time(90)
    for number in range(0, 20_000, 10):
        swarm.announce(info_hash_of(number), *global_address(number), ["seeder"], 0)
    time = 90.0
    for tick in (101, 120, 140, 160, 180):
        swarm.set_time(tick)
        for _ in range(4):
            time += 10
            while swarm.sweep(time):
                pass
        assert swarm.counts()["torrents"] == 2_000
        assert all(swarm.scrape(info_hash_of(number), 4) == (1, 0, 0, 0) for number in range(0, 20_000, 10))
    assert swarm.peers_per_torrent(4, 1) == 2_000
