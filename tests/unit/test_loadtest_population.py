from array import array
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population


def described(population: Population) -> list[tuple[int, bytes, int, int, bool]]:
    return [population.describe(peer) for peer in range(population.peers)]


@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=30), sources=st.integers(1, 9), seed=st.integers()
)
def test_every_torrent_gets_its_peers_and_knows_them(sizes: list[int], sources: int, seed: int) -> None:
    if sum(sizes) < sources:
        sizes.append(sources)
    population = Population(array("I", sizes), sources, 0.5, seed)
    members: dict[int, set[tuple[int, int]]] = defaultdict(set)
    hashes: dict[int, bytes] = {}
    for torrent, info_hash, source, port, _ in described(population):
        members[torrent].add((source, port))
        assert hashes.setdefault(torrent, info_hash) == info_hash
        assert 0 < port < 1 << 16
        assert population.contains(torrent, source, port)
    assert [len(members[torrent]) for torrent in range(len(sizes))] == sizes
    assert len(set(hashes.values())) == len(hashes)


def test_a_torrent_knows_only_its_peers() -> None:
    population = Population(array("I", [5, 11, 3]), 4, 0.5, 1)
    members = {(torrent, source, port) for torrent, _, source, port, _ in described(population)}
    for torrent in range(3):
        found = {
            (torrent, source, port)
            for source in range(6)
            for port in range(1 << 16)
            if population.contains(torrent, source, port)
        }
        assert found == {member for member in members if member[0] == torrent}


def test_a_torrent_may_use_every_port_of_every_source() -> None:
    population = Population(array("I", [2 * 65535, 2 * 65535]), 2, 0.5, 1)
    peers = {(torrent, source, port) for torrent, _, source, port, _ in described(population)}
    assert len(peers) == population.peers


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_share_of_seeders_is_as_asked(share: float) -> None:
    population = Population(shapes.uniform(100, 20_000), 4, share, 1)
    seeders = sum(seeder for *_, seeder in described(population))
    assert seeders / population.peers == pytest.approx(share, abs=0.02)


def test_another_seed_or_shape_shares_no_info_hash() -> None:
    populations = [
        Population(shapes.uniform(100, 400), 4, 0.5, 1),
        Population(shapes.uniform(100, 400), 4, 0.5, 2),
        Population(shapes.zipf(100, 400), 4, 0.5, 1),
        Population(shapes.uniform(100, 500), 4, 0.5, 1),
    ]
    hashes = [{info_hash for _, info_hash, *_ in described(population)} for population in populations]
    assert len(set.union(*hashes)) == 400


@pytest.mark.parametrize(("sizes", "sources"), [([], 1), ([0, 0], 1), ([3], 4), ([65536], 1), ([1], 0)])
def test_populations_that_cannot_be_are_refused(sizes: list[int], sources: int) -> None:
    with pytest.raises(ValueError, match=r"sources|empty|peers"):
        Population(array("I", sizes), sources, 0.5, 1)
