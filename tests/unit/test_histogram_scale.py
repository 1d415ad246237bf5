from itertools import pairwise

from aquatic.dataplane.swarm.border import latency_bucket_bound_ns
from aquatic.testing.swarm import Swarm
from tests.support.addresses import global_address, info_hash_of


def bounds() -> list[int]:
    found: list[int] = []
    try:
        while True:
            found.append(latency_bucket_bound_ns(len(found)))
    except IndexError:
        return found


def test_bounds_are_exact_below_sixteen_and_within_a_sixteenth_above() -> None:
    scale = bounds()
    assert scale[:17] == list(range(17))
    assert scale[-1] == 2**35 - 1
    for lower, upper in pairwise(scale[16:]):
        assert 0 < upper - lower <= (lower + 1) / 16


def test_values_fall_into_the_bucket_whose_bound_is_next() -> None:
    swarm = Swarm()
    sizes = [*range(1, 40), 63, 64, 65, 127, 128, 129, 500, 511, 512, 513, 1500]
    for size in sizes:
        for number in range(size):
            swarm.announce(info_hash_of(size), *global_address(number), (), 0)
    for time in range(1, 40):
        while swarm.sweep(time):
            pass
    scale = bounds()
    for lower, bound in pairwise(scale):
        expected = sum(lower < size <= bound for size in sizes)
        assert swarm.peers_per_torrent(4, bound) == swarm.peers_per_torrent(4, lower + 1) == expected
