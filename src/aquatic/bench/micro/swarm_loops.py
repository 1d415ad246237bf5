"""See swarm_loops.pxd; what Python calls is said in swarm_loops.pyi."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import load_u64, memory_order_relaxed
from cython.cimports.aquatic.abi.bits import htobe16, htobe32, write_u32
from cython.cimports.aquatic.abi.swarm import (
    ACCESS_ALLOW,
    DELTA_SEEDER,
    DELTA_STOPPED,
    LEECHERS,
    Delta,
    StoreLimits,
)
from cython.cimports.aquatic.bench.micro.loop import next_piece
from cython.cimports.aquatic.bench.micro.swarm_loops import (
    MEMORY_BYTES_MAX,
    NEWCOMERS_FROM,
    SEEDER_EVERY,
    STORE_SEED,
    AccessState,
    SwarmState,
)
from cython.cimports.aquatic.dataplane.swarm.access_list import (
    access_list_create,
    access_list_destroy,
    is_allowed,
)
from cython.cimports.aquatic.dataplane.swarm.change import find_torrent
from cython.cimports.aquatic.dataplane.swarm.record import tables_of
from cython.cimports.aquatic.dataplane.swarm.selection import Selection, scope_of, table_select
from cython.cimports.aquatic.dataplane.swarm.store import (
    Answer,
    store_announce,
    store_create,
    store_destroy,
    store_hash,
    store_scrape,
    store_shard,
    store_start_clock,
)
from cython.cimports.aquatic.dataplane.swarm.sweep import sweep_due, sweeper_init
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset

PEERS_WANTED = 50
PEER_AGE_TICKS_MAX = declare(uint32_t, 100)
CLEANING_NS = declare(uint64_t, 1_000_000_000)


def bench_store(peer_age_ticks_max):
    """An empty store whose hashes are the same each time; to be destroyed."""
    limits = declare(StoreLimits)
    memset(address(limits), 0, sizeof(limits))
    limits.torrents_max = 1 << 40
    limits.peers_max = 1 << 40
    limits.downloads_max = 1 << 40
    limits.memory_bytes_max = MEMORY_BYTES_MAX
    limits.peer_age_ticks_max = peer_age_ticks_max
    limits.tick_seconds = 1
    limits.sweepers = 1
    store = store_create(address(limits), STORE_SEED)
    if store == NULL:
        raise MemoryError("the address space for a swarm could not be reserved")
    store_start_clock(store, 0)
    return store


class SwarmLoop:
    def __dealloc__(self):
        if self.swarm.store != NULL:
            store_destroy(self.swarm.store)

    def fill(self, torrents, size, family, newcomers):
        """Let each torrent have its peers, and then so many of who comes and goes."""
        swarm = address(self.swarm)
        self.state = swarm
        swarm.store = bench_store(PEER_AGE_TICKS_MAX)
        swarm.random = STORE_SEED
        swarm.torrents = torrents
        swarm.size = size
        swarm.family = family
        torrent = declare(uint32_t)
        peer = declare(uint32_t)
        for torrent in range(torrents):
            for peer in range(size):
                announce(swarm, torrent, peer)
            for peer in range(newcomers):
                announce(swarm, torrent, NEWCOMERS_FROM + peer)
        swarm.wanted = PEERS_WANTED
        return True


def make_delta(swarm, torrent, peer, delta):
    """A public address that is one peer's, and an info hash that is one torrent's."""
    memset(delta, 0, sizeof(delta[0]))
    write_u32(address(delta.info_hash[0]), torrent)
    write_u32(address(delta.info_hash[8]), torrent * cast(uint32_t, 0x9E3779B1))
    delta.ip[0] = 0x20
    delta.ip[1] = 0x01
    write_u32(address(delta.ip[12 if swarm.family else 0]), htobe32(0x20000000 + peer))
    delta.port = htobe16(6881)
    delta.family = swarm.family
    delta.flags = swarm.flags
    if peer % SEEDER_EVERY == 0:
        delta.flags |= DELTA_SEEDER


def announce(swarm, torrent, peer):
    """Returns how many peers the torrent has besides, and how many of these were given."""
    delta = declare(Delta)
    answer = declare(Answer)
    answer.cpu_start_ns = 0
    answer.wants_completed = False
    make_delta(swarm, torrent, peer, address(delta))
    store_announce(
        swarm.store,
        address(delta),
        store_hash(swarm.store, delta.info_hash),
        swarm.tick,
        swarm.wanted,
        swarm.out,
        address(swarm.random),
        address(answer),
    )
    return answer.counts.seeders + answer.counts.leechers + answer.peers


def next_turn(swarm, peers):
    """In every torrent the same peer, then the next one."""
    swarm.torrent += 1
    if swarm.torrent == swarm.torrents:
        swarm.torrent = 0
        swarm.peer = swarm.peer + 1 if swarm.peer + 1 < peers else 0


def announce_newcomer(state):
    swarm = cast(pointer(SwarmState), state)
    done = announce(swarm, swarm.torrent, NEWCOMERS_FROM + swarm.peer)
    next_turn(swarm, NEWCOMERS_FROM)
    return done


def announce_again(state):
    swarm = cast(pointer(SwarmState), state)
    done = announce(swarm, swarm.torrent, swarm.peer)
    next_turn(swarm, swarm.size)
    return done


def select_peers(state):
    """Of a torrent's leechers, for a seeder."""
    swarm = cast(pointer(SwarmState), state)
    delta = declare(Delta)
    make_delta(swarm, swarm.torrent, NEWCOMERS_FROM, address(delta))
    next_turn(swarm, swarm.size)
    hash = declare(uint64_t, store_hash(swarm.store, delta.info_hash))
    record = find_torrent(swarm.store, store_shard(swarm.store, hash), delta.info_hash, hash)
    layout = address(swarm.store.peers[swarm.family])
    tables = tables_of(swarm.store, record, swarm.family)
    selection = declare(Selection)
    selection.asker = delta.ip
    selection.scope = scope_of(delta.ip, layout.slot_bytes)
    selection.tick = swarm.tick
    selection.age_ticks_max = PEER_AGE_TICKS_MAX
    selection.downloaders_only = True
    selection.out = swarm.out
    selection.random = address(swarm.random)
    return table_select(layout, address(tables[LEECHERS]), address(selection), swarm.wanted)


def scrape(state):
    swarm = cast(pointer(SwarmState), state)
    delta = declare(Delta)
    make_delta(swarm, swarm.torrent, 0, address(delta))
    next_turn(swarm, swarm.size)
    hash = declare(uint64_t, store_hash(swarm.store, delta.info_hash))
    counts = store_scrape(swarm.store, delta.info_hash, hash, swarm.family)
    return counts.seeders + counts.leechers


def clean(state):
    """All of the store once; returns how many peers are left."""
    swarm = cast(pointer(SwarmState), state)
    cleanings = declare(uint64_t, load_u64(address(swarm.store.cleanings[0]), memory_order_relaxed))
    swarm.now_ns += CLEANING_NS
    while load_u64(address(swarm.store.cleanings[0]), memory_order_relaxed) == cleanings:
        sweep_due(address(swarm.sweeper), swarm.now_ns, swarm.tick)
    return peers_in(swarm.store)


def clean_expired(state):
    """All of the store once; returns how many peers have gone."""
    swarm = cast(pointer(SwarmState), state)
    before = peers_in(swarm.store)
    return before - clean(state)


def peers_in(store):
    return load_u64(address(store.peers_total), memory_order_relaxed)


def newcomers(torrents: int, size: int, family: int = 4):
    loop = SwarmLoop()
    loop.fill(torrents, size, family == 6, 0)
    loop.call = announce_newcomer
    return loop


def announces(torrents: int, size: int, family: int = 4):
    loop = SwarmLoop()
    loop.fill(torrents, size, family == 6, 0)
    loop.call = announce_again
    return loop


def stops(torrents: int, size: int, newcomers: int):
    loop = SwarmLoop()
    loop.fill(torrents, size, 0, newcomers)
    loop.swarm.flags = DELTA_STOPPED
    loop.call = announce_newcomer
    return loop


def selections(torrents: int, size: int):
    loop = SwarmLoop()
    loop.fill(torrents, size, 0, 0)
    loop.call = select_peers
    return loop


def scrapes(torrents: int, size: int):
    loop = SwarmLoop()
    loop.fill(torrents, size, 0, 0)
    loop.call = scrape
    return loop


def cleanings(torrents: int, size: int, expired: bool):
    loop = SwarmLoop()
    loop.fill(torrents, size, 0, 0)
    swarm = address(loop.swarm)
    sweeper_init(address(swarm.sweeper), swarm.store, 0, CLEANING_NS)
    # It takes this for the beginning.
    swarm.now_ns = CLEANING_NS
    swarm.tick = 2 * PEER_AGE_TICKS_MAX if expired else 0
    sweep_due(address(swarm.sweeper), swarm.now_ns, swarm.tick)
    loop.call = clean_expired if expired else clean
    loop.operations = torrents * size
    return loop


class AccessLoop:
    def __dealloc__(self):
        access_list_destroy(self.looked.access)


def look_up(state):
    looked = cast(pointer(AccessState), state)
    return 1 + is_allowed(looked.access, looked.pieces.at[next_piece(looked.pieces)])


def look_ups(listed: bytes, asked: list):
    loop = AccessLoop()
    loop.take(asked)
    looked = address(loop.looked)
    hashes = cast(pointer(uint8_t), listed)
    looked.access = access_list_create(ACCESS_ALLOW, hashes, len(listed) // 20, STORE_SEED)
    if looked.access == NULL:
        raise MemoryError
    looked.pieces = address(loop.pieces)
    loop.call = look_up
    loop.state = looked
    return loop
