"""Long random runs of the store beside the reference: every answer, every counter, every stored peer."""

from collections.abc import Sequence
from random import Random

import pytest

from aquatic.testing.swarm import Swarm
from tests.support.reference_swarm import FAMILIES, Address, CheckedSwarm

PREFIXES = [b"-qB4250-", b"-TR3000-", b"-DE13F0-", b"M7-11-0-"]
WANTED = (0, 1, 2, 3, 7, 8, 30, 50, 200)


def an_address(random: Random, spread: int) -> Address:
    """Few addresses with few ports, so that peers return, and some that are not global."""
    number = random.randrange(spread)
    port = 1 + random.randrange(3)
    first = random.choice((8, 8, 8, 10, 127))
    if random.random() < 0.4:
        head = {8: b"\x2a\x00", 10: b"\xfd\x00", 127: b"\0\0"}[first]
        tail = number.to_bytes(14) if first != 127 else (1).to_bytes(14)
        return head + tail, port + (number if first == 127 else 0)
    return bytes((first,)) + number.to_bytes(3), port


def flags_of(random: Random) -> Sequence[str]:
    flags = [name for name in ("seeder", "completed", "paused") if random.random() < 0.3]
    return ["stopped"] if random.random() < 0.2 else flags


def one_step(checked: CheckedSwarm, random: Random, hashes: list[bytes], spread: int) -> None:
    info_hash = random.choice(hashes)
    if random.random() < 0.05:
        records = [
            (random.choice(hashes), an_address(random, spread), flags_of(random), random.randrange(150))
            for _ in range(random.randrange(6))
        ]
        checked.apply(records)
    elif random.random() < 0.05:
        checked.scrape(info_hash, random.choice(FAMILIES))
    else:
        wanted = random.choice(WANTED)
        prefix = random.choice(PREFIXES)
        checked.announce(info_hash, an_address(random, spread), flags_of(random), wanted, prefix)


@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize(("torrents", "spread"), [(4, 2), (30, 20), (3, 400), (800, 5)])
@pytest.mark.parametrize("seed", range(2))
def test_the_store_does_as_the_reference(seed: int, torrents: int, spread: int, tags: bool) -> None:
    random = Random(f"{seed} {torrents} {spread} {tags}")
    checked = CheckedSwarm(Swarm(seed=seed + 1, tags=tags, sweepers=1 + seed))
    hashes = [random.randbytes(20) for _ in range(torrents)]
    seconds = 0.0
    for _ in range(60):
        for _ in range(random.randrange(50)):
            one_step(checked, random, hashes, spread)
        checked.check_counts()
        seconds += random.choice((0, 0.5, 2, 5, 30))
        checked.set_time(int(seconds))
        checked.sweep(seconds)
        checked.check_counts()
    checked.set_time(int(seconds) + 101)
    checked.clean(seconds + 101)
    assert checked.reference.torrents == {}
    checked.check_counts()
