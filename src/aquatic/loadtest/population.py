"""Who is in which swarm: see population.pxd."""

import cython
from cython import address, cast, declare, sizeof
from cython.cimports.aquatic.abi.bits import multiply_fold
from cython.cimports.aquatic.loadtest.population import Member
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcpy

PORTS = declare(cython.const[uint32_t], 65535)
# Spreads a torrent's peers over the ports: without a common factor with PORTS, every port comes up once. It
# times its inverse leaves 1 when divided by PORTS.
PORT_STEP = declare(cython.const[uint32_t], 40504)
PORT_STEP_INVERSE = declare(cython.const[uint32_t], 33604)


class Population:
    def __init__(self, torrent_sizes, sources: int, seeder_share: float, seed: int) -> None:
        sizes: cython.const[cython.uint][::1] = torrent_sizes
        peer_count = sum(torrent_sizes)
        if not 0 < peer_count < 1 << 31 or not 0 < sources <= peer_count:
            raise ValueError("between 1 and 2 ** 31 - 1 peers, and at least as many as sources")
        if max(torrent_sizes) > sources * 65535:
            raise ValueError(f"{sources} sources are too few for a torrent of {max(torrent_sizes)} peers")
        layout = address(self.layout)
        layout.peer_count = peer_count
        layout.torrent_count = len(torrent_sizes)
        # Populations of other sizes share no info hash with this one.
        layout.seed = scramble(cast(uint64_t, seed & 0xFFFFFFFFFFFFFFFF), layout.peer_count)
        layout.seed = scramble(layout.seed, (cast(uint64_t, max(torrent_sizes)) << 32) + layout.torrent_count)
        layout.source_count = sources
        layout.seeder_threshold = min(int(seeder_share * (1 << 32)), (1 << 32) - 1)
        layout.all_seed = seeder_share >= 1
        if min(torrent_sizes) == max(torrent_sizes):
            layout.torrent_size = torrent_sizes[0]
        elif not index_torrents(layout, address(sizes[0])):
            raise MemoryError

    def __dealloc__(self) -> None:
        free(self.layout.first_peer)
        free(self.layout.guide)

    @property
    def peers(self) -> int:
        return self.layout.peer_count

    @property
    def torrents(self) -> int:
        return self.layout.torrent_count

    @property
    def sources(self) -> int:
        return self.layout.source_count

    def info_hash(self, torrent: int) -> bytes:
        if not 0 <= torrent < self.layout.torrent_count:
            raise IndexError(torrent)
        info_hash = bytearray(20)
        write_info_hash(address(self.layout), torrent, info_hash)
        return bytes(info_hash)

    def describe(self, peer: int) -> tuple[int, bytes, int, int, bool]:
        """(torrent, info hash, index of the source address, announced port, whether a seeder)."""
        if not 0 <= peer < self.layout.peer_count:
            raise IndexError(peer)
        layout = address(self.layout)
        member = member_of(layout, peer)
        info_hash = self.info_hash(member.torrent)
        port = announced_port(layout, member)
        return member.torrent, info_hash, peer % self.sources, port, bool(is_seeder(layout, peer))

    def contains(self, torrent: int, source: int, port: int) -> bool:
        """Whether a peer of that source address and port is in the torrent."""
        if not 0 <= torrent < self.layout.torrent_count:
            raise IndexError(torrent)
        return bool(has_peer(address(self.layout), torrent, source, port))


def index_torrents(layout, sizes):
    """Fill `first_peer` and `guide`; False when memory ran out."""
    torrent = declare(uint32_t, 0)
    guided = declare(uint64_t, 0)
    first = declare(uint64_t, 0)
    while (layout.torrent_count << layout.guide_shift) < layout.peer_count:
        layout.guide_shift += 1
    layout.first_peer = cast(cython.pointer[uint32_t], calloc(layout.torrent_count + 1, sizeof(uint32_t)))
    layout.guide = cast(
        cython.pointer[uint32_t], calloc((layout.peer_count >> layout.guide_shift) + 1, sizeof(uint32_t))
    )
    if not layout.first_peer or not layout.guide:
        return False
    for torrent in range(layout.torrent_count):
        layout.first_peer[torrent] = first
        first += sizes[torrent]
        while guided < first:
            layout.guide[guided >> layout.guide_shift] = torrent
            guided += cast(uint64_t, 1) << layout.guide_shift
    layout.first_peer[layout.torrent_count] = first
    return True


def scramble(seed, value):
    return multiply_fold(
        seed ^ cast(uint64_t, 0xA0761D6478BD642F), (value + 1) * cast(uint64_t, 0x9E3779B97F4A7C15)
    )


def member_of(layout, peer):
    member = declare(Member)
    if layout.torrent_size:
        member.torrent = peer // layout.torrent_size
        member.ordinal = peer % layout.torrent_size
        return member
    member.torrent = layout.guide[peer >> layout.guide_shift]
    while layout.first_peer[member.torrent + 1] <= peer:
        member.torrent += 1
    member.ordinal = peer - layout.first_peer[member.torrent]
    return member


def first_peer(layout, torrent):
    return torrent * layout.torrent_size if layout.torrent_size else layout.first_peer[torrent]


def torrent_size(layout, torrent):
    return (
        layout.torrent_size
        if layout.torrent_size
        else layout.first_peer[torrent + 1] - layout.first_peer[torrent]
    )


def is_seeder(layout, peer):
    return layout.all_seed or cast(uint32_t, scramble(layout.seed + 1, peer)) < layout.seeder_threshold


def port_offset(layout, torrent):
    return cast(uint32_t, scramble(layout.seed + 2, torrent)) % PORTS


def announced_port(layout, member):
    """Peers of a torrent and source differ in `ordinal // source_count`, so no port comes twice."""
    step = declare(uint64_t, member.ordinal // layout.source_count)
    return 1 + (step * PORT_STEP + port_offset(layout, member.torrent)) % PORTS


def has_peer(layout, torrent, source, port):
    """The inverse of `announced_port`."""
    ordinal = declare(int64_t)
    first = first_peer(layout, torrent)
    if port == 0 or source >= layout.source_count:
        return False
    scaled = cast(uint64_t, port - 1 + PORTS - port_offset(layout, torrent))
    ordinal = scaled * PORT_STEP_INVERSE % PORTS * layout.source_count
    ordinal += (source + layout.source_count - first % layout.source_count) % layout.source_count
    return ordinal < torrent_size(layout, torrent)


def write_info_hash(layout, torrent, to):
    word = declare(uint64_t, scramble(layout.seed + 3, torrent))
    memcpy(to, address(word), 8)
    word = scramble(layout.seed + 4, torrent)
    memcpy(to + 8, address(word), 8)
    word = scramble(word, torrent)
    memcpy(to + 16, address(word), 4)


def write_peer_id(layout, peer, to):
    """Like a client's: its prefix and version (BEP 20), then what looks random."""
    word = declare(uint64_t, scramble(layout.seed + 5, peer))
    memcpy(to, b"-AQ0100-", 8)
    memcpy(to + 8, address(word), 8)
    word = scramble(word, peer)
    memcpy(to + 16, address(word), 4)
