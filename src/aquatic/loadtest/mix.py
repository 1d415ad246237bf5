"""Who asks for what next: see mix.pxd."""

from cython import cast, declare
from cython.cimports.aquatic.abi.bits import multiply_fold
from cython.cimports.libc.stdint import uint32_t, uint64_t


def draw(walk):
    walk.random += cast(uint64_t, 0x9E3779B97F4A7C15)
    return multiply_fold(walk.random, walk.random ^ cast(uint64_t, 0xE7037ED1A0B428DB))


def drawn_peer(mix, walk, random):
    row = cast(uint32_t, (cast(uint64_t, random) * mix.row_count) >> 32)
    peer = peer_of_row(mix, walk, row)
    # The last row may be incomplete.
    return peer - mix.layout.source_count if peer >= mix.layout.peer_count else peer


def next_unfilled(mix, walk, peer):
    """A peer whose announce was lost, or the next in an order that jumps about."""
    if walk.retry_count:
        walk.retry_count -= 1
        peer[0] = walk.retries[walk.retry_count]
        return True
    while walk.filled < mix.row_count:
        row = declare(uint32_t, cast(uint64_t, walk.filled) * mix.row_step % mix.row_count)
        walk.filled += 1
        peer[0] = peer_of_row(mix, walk, row)
        if peer[0] < mix.layout.peer_count:
            return True
    return False


def put_back(walk, peer):
    walk.retries[walk.retry_count] = peer
    walk.retry_count += 1


def walk_ended(mix, walk):
    return walk.filled == mix.row_count and walk.retry_count == 0


def peer_of_row(mix, walk, row):
    return (mix.first_row + row) * mix.layout.source_count + walk.source
