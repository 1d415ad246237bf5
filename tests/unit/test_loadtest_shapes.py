from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatic.loadtest import shapes


@given(torrents=st.integers(1, 50), peers=st.integers(1, 500))
def test_uniform_sizes_differ_by_one_at_most(torrents: int, peers: int) -> None:
    sizes = shapes.uniform(torrents, peers)
    assert (len(sizes), sum(sizes)) == (torrents, peers)
    assert max(sizes) - min(sizes) <= 1


@given(torrents=st.integers(1, 50), peers=st.integers(1, 500))
def test_scattered_peers_are_all_there(torrents: int, peers: int) -> None:
    sizes = shapes.scattered(torrents, peers)
    assert (len(sizes), sum(sizes)) == (torrents, peers)


def test_scattered_sizes_vary_as_chance_has_them() -> None:
    sizes = shapes.scattered(10_000, 40_000)
    # Poisson with a mean of 4: 1.8 % of the torrents are empty and 2.1 % have nine peers or more.
    assert 130 < sizes.count(0) < 240
    assert 160 < sum(size >= 9 for size in sizes) < 270


@given(torrents=st.integers(1, 50), more_peers=st.integers(0, 500), exponent=st.floats(0, 3))
def test_zipf_sizes_fall_and_add_up(torrents: int, more_peers: int, exponent: float) -> None:
    sizes = shapes.zipf(torrents, torrents + more_peers, exponent)
    assert (len(sizes), sum(sizes)) == (torrents, torrents + more_peers)
    assert min(sizes) >= 1
    # Rounding the running total may put one peer on the wrong side.
    assert all(later <= earlier + 1 for earlier, later in pairwise(sizes))


def test_zipf_halves_from_the_first_torrent_to_the_second() -> None:
    first, second, third, *_ = shapes.zipf(1000, 100_000)
    assert first - 1 == pytest.approx(2 * (second - 1), abs=3)
    assert first - 1 == pytest.approx(3 * (third - 1), abs=4)


def test_shapes_refuse_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="at least"):
        shapes.uniform(0, 1)
    with pytest.raises(ValueError, match="at least"):
        shapes.zipf(3, 2)


@given(torrents=st.integers(1, 50), peers=st.integers(1, 500))
def test_gamma_peers_are_all_there(torrents: int, peers: int) -> None:
    sizes = shapes.gamma(torrents, peers)
    assert (len(sizes), sum(sizes)) == (torrents, peers)


def test_gamma_has_two_fifths_in_the_first_torrent() -> None:
    sizes = shapes.gamma(1000, 20_000)
    assert 8000 < sizes[0] < 9500
    # A gamma variate's mean is shape times scale.
    assert 17 < sum(number * size for number, size in enumerate(sizes)) / 20_000 < 23
    assert sum(sizes[500:]) < 200


@pytest.mark.parametrize(("shape", "scale"), [(0, 1), (1, 0), (-1, 1)])
def test_gamma_wants_positive_parameters(shape: float, scale: float) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        shapes.gamma(10, 10, shape, scale)


def test_capped_keeps_all_peers_with_at_most_so_many_in_a_torrent() -> None:
    assert list(shapes.capped(array("I", [9, 0, 1, 0]), 4)) == [4, 4, 2, 0]
    assert list(shapes.capped(array("I", [0, 0, 1, 9]), 4)) == [4, 1, 1, 4]
    assert list(shapes.capped(array("I", [8, 0]), 4)) == [4, 4]
    with pytest.raises(ValueError, match="too few"):
        shapes.capped(array("I", [9, 0]), 4)
