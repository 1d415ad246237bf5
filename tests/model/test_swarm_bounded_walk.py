"""Long random runs at the bounds, with allocations that fail now and then: what is counted is what is stored."""

from random import Random

import pytest

from aquatic.testing.swarm import Swarm
from tests.support.addresses import global_address, info_hash_of
from tests.support.reference_swarm import FAMILIES, counted, parse_slots, stored_counts

TORRENTS = 300
FLAGS = [[], ["paused"], ["seeder"], ["seeder", "completed"], ["stopped"]]
HASHES = [info_hash_of(number) for number in range(TORRENTS)]


def announce(swarm: Swarm, random: Random) -> None:
    info_hash = HASHES[int(TORRENTS * random.random() ** 3)]
    address = global_address(random.randrange(60), 6 if random.random() < 0.3 else 4)
    flags = random.choices(FLAGS, (4, 3, 2, 1, 2))[0]
    wanted = random.choice((0, 3, 50))
    _, _, chosen = swarm.announce(info_hash, *address, flags, wanted, random.choice((b"A" * 8, b"B" * 8)))
    assert len(set(chosen)) == len(chosen) <= wanted
    assert address not in chosen


def check(swarm: Swarm, tags: bool) -> None:
    assert swarm.fault() is None
    counts = counted(swarm)
    assert counts == stored_counts(swarm, HASHES)
    assert sum(swarm.prefixes().values()) == (counts["peers"] if tags else 0)
    for info_hash in HASHES[:20]:
        for family in FAMILIES:
            assert len(parse_slots(swarm.peers(info_hash, family) or [])) <= 60


@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_counters_are_right_at_the_bounds_and_without_memory(seed: int, tags: bool) -> None:
    random = Random(f"{seed} {tags}")
    torrents_max, peers_max = random.choice(((50, 10_000), (10_000, 200), (100, 400)))
    swarm = Swarm(
        torrents_max=torrents_max, peers_max=peers_max, downloads_max=40, memory_bytes_max=1 << 22, tags=tags
    )
    seconds = 0
    for _ in range(40):
        if random.random() < 0.4:
            swarm.fail_allocation(random.randrange(30))
        for _ in range(random.randrange(200)):
            announce(swarm, random)
        if random.random() < 0.6:
            swarm.fail_allocation(-1)
        seconds += random.choice((0, 1, 10, 60))
        swarm.set_time(seconds)
        while swarm.sweep(seconds):
            pass
        check(swarm, tags)
        counts = swarm.counts()
        assert counts["torrents"] <= torrents_max
        assert counts["peers"] <= peers_max
        assert counts["downloads"] <= 40
    swarm.fail_allocation(-1)
    swarm.set_time(seconds + 101)
    for later in range(seconds + 101, seconds + 150, 5):
        while swarm.sweep(later):
            pass
    check(swarm, tags)
    assert swarm.counts()["torrents"] == swarm.counts()["peers"] == 0
