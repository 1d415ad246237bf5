"""Ticks: expiry to the tick, their wrap, long pauses, and a clock that goes back."""

from random import Random

import pytest

from aquatic.testing.swarm import Swarm
from tests.support.addresses import global_address, info_hash_of
from tests.support.reference_swarm import CheckedSwarm

HASH = info_hash_of(1)
TICKS = 1 << 12
TICK_AGE_MAX = TICKS // 2 - 1


@pytest.mark.parametrize("crowd", [1, 3, 40, 700])
def test_a_peer_lives_for_its_age_and_not_a_tick_longer(crowd: int) -> None:
    checked = CheckedSwarm(Swarm())
    checked.set_time(50)
    for number in range(crowd):
        checked.announce(HASH, global_address(number))
    checked.set_time(150)
    assert len(checked.announce(HASH, global_address(crowd), wanted=crowd)) == crowd
    time = checked.clean(150)
    assert len(checked.reference.torrents[HASH].peers[4]) == crowd + 1
    checked.set_time(151)
    assert checked.announce(HASH, global_address(crowd + 1), wanted=crowd) == [global_address(crowd)]
    checked.clean(time)
    assert len(checked.reference.torrents[HASH].peers[4]) == 2


@pytest.mark.parametrize("peer_age_ticks_max", [1, 100, 700])
def test_ticks_wrap_many_times(peer_age_ticks_max: int) -> None:
    random = Random(peer_age_ticks_max)
    checked = CheckedSwarm(
        Swarm(peer_age_ticks_max=peer_age_ticks_max, cleaning_interval_seconds=200), peer_age_ticks_max
    )
    seconds = 0
    while seconds < 3 * TICKS:
        seconds += random.randrange(200)
        checked.set_time(seconds)
        assert checked.reference.tick == seconds
        for _ in range(5):
            info_hash = info_hash_of(random.randrange(5))
            wanted = random.choice((3, 40))
            checked.announce(info_hash, global_address(random.randrange(60)), wanted=wanted)
        checked.sweep(seconds)
        checked.check_counts()


@pytest.mark.parametrize("pause", [101, 1500, 2047, 2048, 4095, 4096, 4097, 100_000, 10_000_000])
def test_after_a_pause_of_any_length_nobody_old_is_chosen_or_kept(pause: int) -> None:
    checked = CheckedSwarm(Swarm())
    checked.set_time(7)
    for number in range(200):
        checked.announce(info_hash_of(number % 3), global_address(number))
    checked.set_time(7 + pause)
    for torrent in range(3):
        assert checked.announce(info_hash_of(torrent), global_address(1000), wanted=50) == []
    checked.clean(7.0 + pause)
    assert all(len(torrent.peers[4]) == 1 for torrent in checked.reference.torrents.values())


@pytest.mark.parametrize("pause", [2000, 4096, 100_000, 10_000_000])
@pytest.mark.parametrize("sweepers", [1, 3])
def test_after_a_pause_of_any_length_those_who_come_back_stay(pause: int, sweepers: int) -> None:
    """The clock used to catch up by up to half its range whenever a cleaning ended, and aged them by that."""
    checked = CheckedSwarm(Swarm(sweepers=sweepers))
    checked.set_time(7)
    checked.announce(HASH, global_address(0))
    start = 7 + pause
    for second in range(start, start + 90):
        checked.set_time(second)
        checked.announce(HASH, global_address(second))
        checked.sweep(second)
    assert checked.swarm.cleanings() > 3
    checked.set_time(start + 90)
    assert len(checked.announce(HASH, global_address(1), wanted=100)) == 90
    checked.clean(start + 90.0)
    assert len(checked.reference.torrents[HASH].peers[4]) == 91
    # And time goes on.
    checked.set_time(start + 90 + 100)
    assert checked.announce(HASH, global_address(2), wanted=100) == [global_address(1)]


def test_a_clock_that_goes_back_stands_still() -> None:
    checked = CheckedSwarm(Swarm())
    checked.set_time(1000)
    checked.announce(HASH, global_address(1))
    checked.set_time(10)
    assert checked.reference.tick == 1000
    checked.announce(HASH, global_address(2))
    checked.sweep(10)
    checked.set_time(1100)
    assert len(checked.announce(HASH, global_address(3), wanted=5)) == 2
    checked.set_time(1101)
    assert checked.announce(HASH, global_address(3), wanted=5) == []


def test_a_delta_is_as_old_as_it_says() -> None:
    swarm = Swarm(tick_seconds=10, peer_age_ticks_max=10)
    swarm.set_time(1000)
    ages = (0, 9, 10, 99, 100, 109, 110, 10**6)
    assert swarm.apply([(HASH, *global_address(age), [], age, b"-XX0000-") for age in ages]) == 6
    for seconds, fresh in ((1000, 6), (1009, 6), (1010, 4), (1090, 3), (1100, 2), (1110, 0)):
        swarm.set_time(seconds)
        assert len(swarm.announce(HASH, *global_address(5000), ["stopped"])[2]) == 0
        asker = global_address(6000)
        assert len(swarm.announce(info_hash_of(1), *asker, (), 50)[2]) == fresh, seconds
        swarm.announce(info_hash_of(1), *asker, ["stopped"])
