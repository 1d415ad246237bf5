"""Shapes of swarms: how many peers each torrent has."""

from array import array
from itertools import chain, repeat
from random import Random
from typing import TypeAlias

# Four bytes an item, as the compiled side reads them.
TorrentSizes: TypeAlias = "array[int]"
_TYPE_CODE = "I"


def uniform(torrents: int, peers: int) -> TorrentSizes:
    """As even as can be: sizes differ by one at most."""
    _check(torrents, peers)
    size, larger = divmod(peers, torrents)
    return array(_TYPE_CODE, repeat(size + 1, larger)) + array(_TYPE_CODE, repeat(size, torrents - larger))


def scattered(torrents: int, peers: int, seed: int = 0) -> TorrentSizes:
    """Each peer in a torrent chosen evenly: sizes follow the Poisson distribution, so some are 0."""
    _check(torrents, peers)
    sizes = array(_TYPE_CODE, bytes(4 * torrents))
    for torrent in Random(seed).choices(range(torrents), k=peers):
        sizes[torrent] += 1
    return sizes


def zipf(torrents: int, peers: int, exponent: float = 1.0) -> TorrentSizes:
    """One peer for each torrent, the rest in proportion to 1 / rank ** exponent; the largest comes first."""
    _check(torrents, peers)
    if peers < torrents:
        raise ValueError(f"{torrents} torrents need at least as many peers, not {peers}")
    weights = [rank**-exponent for rank in range(1, torrents + 1)]
    scale = (peers - torrents) / sum(weights)
    sizes = array(_TYPE_CODE)
    weight_so_far, taken = 0.0, 0
    # Rounding the running total instead of each size gives the exact sum.
    for weight in weights[:-1]:
        weight_so_far += weight
        reached = round(weight_so_far * scale)
        sizes.append(1 + reached - taken)
        taken = reached
    sizes.append(1 + peers - torrents - taken)
    return sizes


def gamma(torrents: int, peers: int, shape: float = 0.2, scale: float = 100.0, seed: int = 0) -> TorrentSizes:
    """Each peer in a torrent whose number follows the gamma distribution, as in the Rust load testers; those beyond
    the last are in that. Of these defaults, two fifths of the peers are in the first torrent.
    """
    _check(torrents, peers)
    if shape <= 0 or scale <= 0:
        raise ValueError("the gamma distribution's shape and scale are greater than 0")
    draw = Random(seed).gammavariate
    last = torrents - 1
    sizes = array(_TYPE_CODE, bytes(4 * torrents))
    for _ in range(peers):
        sizes[min(int(draw(shape, scale)), last)] += 1
    return sizes


def capped(sizes: TorrentSizes, most: int) -> TorrentSizes:
    """The same number of peers, but at most so many in a torrent: what is beyond goes to the next ones with room."""
    if sum(sizes) > most * len(sizes):
        raise ValueError(
            f"{len(sizes)} torrents are too few for {sum(sizes)} peers, with {most} each at most"
        )
    made = array(_TYPE_CODE, sizes)
    beyond = 0
    # What the last ones leave goes to the first.
    for torrent in chain(range(len(made)), range(len(made))):
        peers = made[torrent] + beyond
        made[torrent] = min(peers, most)
        beyond = peers - made[torrent]
    return made


def _check(torrents: int, peers: int) -> None:
    if torrents < 1 or peers < 1:
        raise ValueError("at least one torrent and one peer")
