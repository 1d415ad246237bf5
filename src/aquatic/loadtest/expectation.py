"""What a tracker may answer: see expectation.pxd."""

from cython import address, cast, declare
from cython.cimports.aquatic.abi.bits import be16toh, be32toh, read_u16
from cython.cimports.aquatic.loadtest.population import has_peer, member_of, scramble, torrent_size
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, memcpy


def scraped_torrent(terms, draw, index):
    """That of a peer drawn evenly, so that torrents are scraped by their popularity."""
    drawn = cast(uint32_t, scramble(draw, index))
    return member_of(terms.layout, (cast(uint64_t, drawn) * terms.layout.peer_count) >> 32).torrent


def counts_possible(terms, torrent, seeders, leechers):
    size = torrent_size(terms.layout, torrent)
    # No sum of two that are within the size overflows.
    return terms.foreign_peers or (seeders <= size and leechers <= size - seeders)


def peer_possible(terms, torrent, peer):
    """Whether the address is one of ours and the peer of that address and port is in the torrent."""
    last = declare(uint32_t)
    first = declare(uint32_t)
    head_bytes = terms.address_bytes - 4
    if memcmp(peer, terms.first_source, head_bytes) != 0:
        return False
    memcpy(address(last), peer + head_bytes, 4)
    memcpy(address(first), terms.first_source + head_bytes, 4)
    port = be16toh(read_u16(peer + terms.address_bytes))
    return has_peer(terms.layout, torrent, be32toh(last) - be32toh(first), port)


def too_many_peers(terms, peers):
    return 0 < terms.peers_wanted <= 0x7FFFFFFF and peers > terms.peers_wanted
