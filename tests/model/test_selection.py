"""Who is chosen for an answer: the rules, and that nobody is chosen much more often than others."""

from collections import Counter
from itertools import product
from random import Random
from typing import Literal

import pytest

from aquatic.testing.swarm import Swarm
from tests.support.addresses import global_address, info_hash_of
from tests.support.reference_swarm import CheckedSwarm

HASH = info_hash_of(1)
SIZES = (5, 20, 100, 500, 3000)
WANTED = (1, 2, 3, 7, 8, 30, 50, 200)
# How often each peer is chosen on average in a sample: three times as often is then twenty deviations away.
CHOSEN_MEAN = 100


def swarm_of(peers: int, seeders: int, family: Literal[4, 6], seed: int = 1) -> Swarm:
    swarm = Swarm(seed=seed)
    for number in range(peers):
        flags = ["seeder"] if number < seeders else []
        swarm.announce(HASH, *global_address(number, family), flags, 0)
    return swarm


def chosen_counts(
    swarm: Swarm, asker: int, is_seeder: bool, wanted: int, family: Literal[4, 6], answers: int
) -> Counter[tuple[bytes, int]]:
    counts: Counter[tuple[bytes, int]] = Counter()
    flags = ["seeder"] if is_seeder else []
    for _ in range(answers):
        counts.update(swarm.announce(HASH, *global_address(asker, family), flags, wanted)[2])
    return counts


@pytest.mark.parametrize(
    ("family", "peers", "wanted"),
    [
        (family, peers, wanted)
        for family, sizes in ((4, SIZES), (6, (20, 1200)))
        for peers, wanted in product(sizes, WANTED)
        if wanted < peers - 1
    ],
)
def test_no_peer_is_chosen_more_than_three_times_as_often_as_the_mean(
    family: Literal[4, 6], peers: int, wanted: int
) -> None:
    # All leechers, as for a seeder's answer: one table, whose peers are all alike.
    swarm = swarm_of(peers, 0, family)
    answers = min(CHOSEN_MEAN * peers // wanted, 50_000) + 1
    counts = chosen_counts(swarm, 0, False, wanted, family, answers)
    mean = answers * wanted / (peers - 1)
    assert counts.total() == answers * wanted
    assert max(counts.values()) <= 3 * mean
    # Nobody is left out: of a hundred chances a peer had at least a few.
    assert len(counts) == peers - 1
    assert min(counts.values()) >= mean / 10


@pytest.mark.parametrize("wanted", [1, 2, 7, 8, 30, 50])
@pytest.mark.parametrize(("peers", "seeders"), [(100, 50), (500, 150), (3000, 1500)])
def test_both_roles_are_chosen_alike_where_there_are_many_of_both(
    peers: int, seeders: int, wanted: int
) -> None:
    swarm = swarm_of(peers, seeders, 4)
    answers = CHOSEN_MEAN * peers // wanted
    counts = chosen_counts(swarm, peers - 1, False, wanted, 4, answers)
    mean = answers * wanted / (peers - 1)
    assert counts.total() == answers * wanted
    assert max(counts.values()) <= 3 * mean
    of_seeders = sum(counts[global_address(number)] for number in range(seeders))
    assert of_seeders / counts.total() == pytest.approx(seeders / peers, rel=0.3)


def test_a_swarm_that_has_just_lost_most_peers_still_chooses_evenly() -> None:
    swarm = swarm_of(500, 0, 4)
    for number in range(100, 500):
        swarm.announce(HASH, *global_address(number), ["stopped"])
    for wanted in (1, 7, 8, 30, 50):
        answers = 100 * 100 // wanted
        counts = chosen_counts(swarm, 0, False, wanted, 4, answers)
        assert counts.total() == answers * wanted
        assert max(counts.values()) <= 3 * answers * wanted / 99


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("seeders", "leechers"), [(0, 1), (1, 0), (2, 1), (12, 38), (25, 26), (49, 2), (50, 1)]
)
def test_everybody_is_told_of_when_the_others_fit_the_answer(
    seeders: int, leechers: int, family: Literal[4, 6]
) -> None:
    for is_seeder in (True, False):
        for seed in range(20):
            checked = CheckedSwarm(Swarm(seed=seed))
            for number in range(seeders + leechers):
                flags = ["seeder"] if number < seeders else []
                checked.announce(HASH, global_address(number, family), flags)
            asker = 0 if is_seeder and seeders else seeders
            flags = ["seeder"] if is_seeder else []
            others = seeders + leechers - (asker < seeders + leechers)
            # CheckedSwarm compares the choice with all others.
            checked.announce(HASH, global_address(asker, family), flags, others)


def test_the_extra_peer_makes_up_for_an_asker_who_is_not_stored() -> None:
    swarm = Swarm(peers_max=20)
    for number in range(20):
        swarm.announce(HASH, *global_address(number))
    seeders, leechers, chosen = swarm.announce(HASH, *global_address(99), wanted=20)
    assert (seeders, leechers, len(set(chosen))) == (0, 20, 20)


def test_a_seeder_is_told_of_leechers_only_and_nobody_with_stopped() -> None:
    swarm = swarm_of(200, 150, 4)
    for wanted in WANTED:
        chosen = swarm.announce(HASH, *global_address(0), ["seeder"], wanted)[2]
        assert len(chosen) == min(wanted, 50)
        assert set(chosen) <= {global_address(number) for number in range(150, 200)}
    assert swarm.announce(HASH, *global_address(0), ["stopped", "seeder"], 50) == (149, 50, [])
    assert swarm.announce(HASH, *global_address(199), ["stopped"], 50) == (149, 49, [])


def test_a_partial_seed_is_told_of_those_who_want_something_and_nobody_who_does_not_of_it() -> None:
    swarm = swarm_of(200, 50, 4)
    for number in range(50, 150):
        swarm.announce(HASH, *global_address(number), ["paused"], 0)
    for flags in (["paused"], ["seeder"]):
        for wanted in WANTED:
            chosen = swarm.announce(HASH, *global_address(300), flags, wanted)[2]
            assert len(chosen) == min(wanted, 50)
            assert set(chosen) <= {global_address(number) for number in range(150, 200)}
    # A leecher is told of anybody, and a partial seed that goes on downloading is one again.
    assert len(swarm.announce(HASH, *global_address(199), wanted=300)[2]) == 200
    assert swarm.last_counts() == (100, 0)
    assert len(swarm.announce(HASH, *global_address(149), wanted=300)[2]) == 200
    assert swarm.last_counts() == (99, 0)
    chosen = swarm.announce(HASH, *global_address(300), ["seeder"], 300)[2]
    assert set(chosen) == {global_address(number) for number in range(149, 200)}


def test_expired_peers_are_never_chosen_even_where_they_are_nearly_all() -> None:
    for peers, wanted in product((3, 20, 300, 3000), (1, 7, 8, 50)):
        swarm = swarm_of(peers, peers // 2, 4)
        swarm.set_time(101)
        swarm.announce(HASH, *global_address(peers))
        chosen = swarm.announce(HASH, *global_address(peers + 1), wanted=wanted)[2]
        assert set(chosen) <= {global_address(peers)}


SCOPES = {
    "global": [b"\x08\x08\x08\x08", bytes.fromhex("2a00") + bytes(13) + b"\x01"],
    "private": [
        bytes((10, 1, 2, 3)),
        bytes((172, 16, 0, 1)),
        bytes((172, 31, 255, 255)),
        bytes((192, 168, 0, 9)),
        bytes((100, 64, 0, 1)),
        bytes((169, 254, 3, 4)),
        bytes((0, 1, 2, 3)),
        bytes((224, 0, 0, 1)),
        bytes((255, 255, 255, 255)),
        bytes.fromhex("fc00") + bytes(13) + b"\x01",
        bytes.fromhex("fdff") + bytes(13) + b"\x01",
        bytes.fromhex("fe80") + bytes(13) + b"\x01",
        bytes.fromhex("ff02") + bytes(13) + b"\x01",
    ],
    "loopback": [bytes((127, 0, 0, 1)), bytes((127, 255, 0, 1)), bytes(15) + b"\x01"],
}
NEIGHBOURS = [
    *[
        bytes(ip)
        for ip in ((11, 0, 0, 1), (172, 15, 0, 1), (172, 32, 0, 1), (192, 167, 0, 1), (100, 63, 0, 1))
    ],
    *[
        bytes(ip)
        for ip in ((100, 128, 0, 1), (169, 253, 0, 1), (126, 0, 0, 1), (128, 0, 0, 1), (223, 0, 0, 1))
    ],
    *[bytes.fromhex(head) + bytes(13) + b"\x01" for head in ("fbff", "2001", "3fff")],
]


@pytest.mark.parametrize("crowd", [0, 20, 1000])
def test_peers_of_narrow_scope_are_told_only_to_askers_of_the_same(crowd: int) -> None:
    for asker_scope, peer_scope in product(SCOPES, SCOPES):
        for asker, peer in product(SCOPES[asker_scope], SCOPES[peer_scope]):
            if len(asker) != len(peer) or (crowd and asker is not SCOPES[asker_scope][0]):
                continue
            swarm = swarm_of(crowd, 0, 4)
            swarm.announce(HASH, peer, 7)
            chosen = swarm.announce(HASH, asker, 9, wanted=crowd + 2)[2]
            assert ((peer, 7) in chosen) == (peer_scope in ("global", asker_scope))


@pytest.mark.parametrize("peer", NEIGHBOURS)
def test_addresses_next_to_those_of_narrow_scope_are_told_to_all(peer: bytes) -> None:
    swarm = Swarm()
    swarm.announce(HASH, peer, 7)
    asker = SCOPES["global"][0 if len(peer) == 4 else 1]
    assert swarm.announce(HASH, asker, 9)[2] == [(peer, 7)]


def test_choices_are_right_while_a_swarm_of_both_roles_grows_and_shrinks() -> None:
    random = Random(1)
    checked = CheckedSwarm(Swarm())
    numbers = list(range(700))
    for number in numbers:
        flags = random.choice([["seeder"], []])
        checked.announce(HASH, global_address(number), flags, random.choice(WANTED) if number % 5 == 0 else 0)
    random.shuffle(numbers)
    for number in numbers:
        wanted = random.choice(WANTED) if number % 10 == 0 else 0
        checked.announce(HASH, global_address(random.choice(numbers)), [], wanted)
        checked.announce(HASH, global_address(number), ["stopped"])
    checked.check_counts()
