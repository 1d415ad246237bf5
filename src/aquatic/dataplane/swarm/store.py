"""The swarm store: who shares what. One for all protocols whose peers can be dialled by address.

A shard is found by the top byte of the info hash's keyed hash, and everything in it happens under its lock.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.arena import ARENA_UNIT_BYTES
from cython.cimports.aquatic.abi.atomics import (
    exchange_u32,
    load_u32,
    load_u64,
    memory_order_relaxed,
    store_u32,
    store_u64,
)
from cython.cimports.aquatic.abi.bits import (
    log2_floor,
    multiply_fold,
    prefetch,
    racy_read_u32,
    racy_read_u64,
)
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.swarm import (
    DELTA_STOPPED,
    DOWNLOAD_SLOT_BYTES,
    IPV4_SLOT_BYTES,
    IPV6_SLOT_BYTES,
    LEECHERS,
    PEER_SEGMENT_SLOTS,
    RECORD_SEGMENT_SLOTS,
    RECORD_TABLES,
    SEEDERS,
    SHARDS,
    TABLE_IS_SEGMENTED,
    TAG_BYTES,
    TICK_AGE_MAX,
    TORRENT_SLOT_BYTES,
    PeerCounts,
    Store,
)
from cython.cimports.aquatic.abi.threads import (
    PTHREAD_MUTEX_ADAPTIVE_NP,
    boot_ns,
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_trylock,
    pthread_mutex_unlock,
    pthread_mutexattr_destroy,
    pthread_mutexattr_init,
    pthread_mutexattr_settype,
    pthread_mutexattr_t,
    thread_cpu_ns,
)
from cython.cimports.aquatic.dataplane.swarm.arena import arena_end, arena_init
from cython.cimports.aquatic.dataplane.swarm.change import Change, change_apply, find_torrent, is_partial_seed
from cython.cimports.aquatic.dataplane.swarm.downloads import downloads_find
from cython.cimports.aquatic.dataplane.swarm.prefixes import prefixes_create, prefixes_destroy
from cython.cimports.aquatic.dataplane.swarm.record import (
    inline_family,
    inline_slots,
    record_counts,
    tables_of,
)
from cython.cimports.aquatic.dataplane.swarm.selection import (
    Selection,
    random_below,
    scope_of,
    slots_select,
    table_select,
)
from cython.cimports.aquatic.dataplane.swarm.slot import info_hash_hash
from cython.cimports.aquatic.dataplane.swarm.store import TorrentCounts
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.libc.string import memset

# Segments that a directory block can name at most, whatever a racing reader makes of its head.
RACY_SEGMENTS_MAX = declare(uint32_t, 8190)


# Start and end


def store_create(limits, seed):
    """An empty store, or NULL without memory. `seed` keys all hashes and must be secret."""
    store = cast(pointer(Store), reserve(sizeof(Store)))
    if store == NULL:
        return NULL
    store.limits = limits[0]
    if not arena_init(address(store.arena), limits.memory_bytes_max):
        store_destroy(store)
        return NULL
    if limits.tags:
        store.prefixes = prefixes_create(multiply_fold(seed, cast(uint64_t, 0xD6E8FEB86659FD93)))
        if store.prefixes == NULL:
            store_destroy(store)
            return NULL
    layouts_init(store, seed)
    locks_init(store)
    return store


def layouts_init(store, seed):
    layout_init(store, address(store.peers[0]), IPV4_SLOT_BYTES, PEER_SEGMENT_SLOTS, seed)
    layout_init(store, address(store.peers[1]), IPV6_SLOT_BYTES, PEER_SEGMENT_SLOTS, seed)
    layout_init(store, address(store.torrents), TORRENT_SLOT_BYTES, RECORD_SEGMENT_SLOTS, seed)
    layout_init(store, address(store.downloads), DOWNLOAD_SLOT_BYTES, RECORD_SEGMENT_SLOTS, seed)
    family = declare(uint32_t)
    for family in range(2):
        store.peers[family].tag_bytes = TAG_BYTES if store.limits.tags else 0
        store.peers[family].prefixes = store.prefixes


def layout_init(store, layout, slot_bytes, segment_slots, seed):
    layout.arena = address(store.arena)
    layout.slot_bytes = slot_bytes
    layout.segment_slots = segment_slots
    layout.seed = seed


def locks_init(store):
    """Adaptive: workers share cores, but a holder is never long."""
    attributes = declare(pthread_mutexattr_t)
    pthread_mutexattr_init(address(attributes))
    pthread_mutexattr_settype(address(attributes), PTHREAD_MUTEX_ADAPTIVE_NP)
    index = declare(uint32_t)
    for index in range(cast(uint32_t, SHARDS)):
        pthread_mutex_init(address(store.shards[index].lock), address(attributes))
    pthread_mutexattr_destroy(address(attributes))


def store_destroy(store):
    """No other thread may be using it."""
    index = declare(uint32_t)
    for index in range(cast(uint32_t, SHARDS)):
        pthread_mutex_destroy(address(store.shards[index].lock))
    prefixes_destroy(store.prefixes)
    if store.arena.base:
        arena_end(address(store.arena))
    unreserve(store, sizeof(Store))


def store_start_clock(store, seconds):
    """Called once before the workers start: what has been cleaned so far is nothing, as of now."""
    index = declare(uint32_t)
    for index in range(store.limits.sweepers):
        store_u32(
            address(store.cleaned_ticks[index]),
            cast(uint32_t, seconds // store.limits.tick_seconds),
            memory_order_relaxed,
        )


def store_tick(store, seconds, previous):
    """The tick to stamp and to compare peers with; never less than the `previous` one.

    Ticks wrap in a peer's state. After a long pause the clock therefore stops at the last tick at which every peer from
    before can still be seen to be old, and goes on from there: what it would have to catch up is skipped for good, or
    peers that announce after the pause would age by that at once.
    """
    skipped = declare(uint32_t, load_u32(address(store.skipped_ticks), memory_order_relaxed))
    latest = declare(uint32_t, latest_tick(store))
    tick = declare(uint32_t, cast(uint32_t, seconds // store.limits.tick_seconds))
    tick -= min(tick, skipped)
    if tick > latest:
        # Another worker may have skipped the same pause: only one of them adds it.
        exchange_u32(address(store.skipped_ticks), address(skipped), skipped + tick - latest)
        tick = latest
    return max(tick, previous)


def latest_tick(store):
    """Beyond this one a peer that is not cleaned yet might seem to be young."""
    index = declare(uint32_t)
    oldest = declare(uint32_t, load_u32(address(store.cleaned_ticks[0]), memory_order_relaxed))
    for index in range(1, store.limits.sweepers):
        oldest = min(oldest, load_u32(address(store.cleaned_ticks[index]), memory_order_relaxed))
    return oldest + TICK_AGE_MAX - store.limits.peer_age_ticks_max


# Finding


def store_hash(store, info_hash):
    return info_hash_hash(info_hash, store.torrents.seed)


def store_shard(store, hash):
    return address(store.shards[hash >> 56])


def store_prefetch_table(store, hash):
    """First stage: bring in the shard and, unless it is small, the directory entry of the torrent's segment."""
    prefetch(store_shard(store, hash))


def store_prefetch_record(store, hash):
    """Second stage: bring in the torrent's home slot.

    Without the lock, so what is read may be half changed. Nothing follows from it but prefetches, whose addresses may
    be anything; and the two reads through a directory stay inside the arena, whose pages are always readable.
    """
    shard = store_shard(store, hash)
    entry = declare(uint64_t, racy_read_u64(address(shard.torrents)))
    block = declare(uint64_t, (entry & cast(uint64_t, 0xFFFFFFFF)) * ARENA_UNIT_BYTES)
    if (entry >> 48) == TABLE_IS_SEGMENTED:
        directory = store.arena.base + block
        count = declare(uint32_t, racy_read_u32(directory + 4))
        index = declare(uint32_t, racy_segment(hash, count))
        entry = racy_read_u64(directory + 16 + 8 * index)
        block = (entry & cast(uint64_t, 0xFFFFFFFF)) * ARENA_UNIT_BYTES
    home = declare(uint64_t, ((hash & cast(uint64_t, 0xFFFFFFFF)) * (entry >> 48)) >> 32)
    slot = store.arena.base + block + home * TORRENT_SLOT_BYTES
    prefetch(slot)
    prefetch(slot + TORRENT_SLOT_BYTES - 1)


def racy_segment(hash, segments):
    """As table.segment_of, for a segment count that may be garbage."""
    segments = min(max(segments, 1), RACY_SEGMENTS_MAX)
    level = declare(uint32_t, cast(uint32_t, 1) << log2_floor(segments))
    index = declare(uint32_t, cast(uint32_t, hash >> 32) & (2 * level - 1))
    return index if index < segments else index & (level - 1)


# Announce and scrape


def store_announce(store, delta, hash, tick, wanted, out, random, answer):
    """Apply an announce and answer it: counts, and up to `wanted` peers written to `out` in wire form.

    `out` needs RESPONSE_SLACK_BYTES behind the peers. A peer that stops is given none.
    """
    change = declare(Change)
    counts = declare(PeerCounts)
    memset(address(answer.counts), 0, sizeof(answer.counts))
    answer.peers = 0
    shard = store_shard(store, hash)
    lock_for_request(store, shard)
    locked_ns = declare(uint64_t, boot_ns() if store.limits.measure_locks else 0)
    record = change_apply(address(change), store, shard, delta, hash, tick)
    if record:
        record_counts(store, record, delta.family, address(counts))
        if wanted and not delta.flags & DELTA_STOPPED:
            answer.peers = select_peers(address(change), record, counts.by_role, tick, wanted, out, random)
        if change.stored:
            counts.by_role[change.role] -= 1
            counts.partial_seeds -= 1 if is_partial_seed(address(change)) else 0
        tell_peers(address(answer.counts), address(counts))
    if answer.wants_completed:
        answer.counts.completed = downloads_of(store, shard, delta.info_hash, hash, delta.family)
    if store.limits.measure_locks:
        note_hold(store, boot_ns() - locked_ns, answer.cpu_start_ns)
    pthread_mutex_unlock(address(shard.lock))


def note_hold(store, held_ns, cpu_start_ns):
    """Keep the longest hold by an announce.

    By the wall clock, unless that says more than the thread has run since: then it was taken off its core meanwhile.
    """
    if held_ns > load_u64(address(store.lock_hold_ns_max), memory_order_relaxed):
        note_longest(address(store.lock_hold_ns_max), min(held_ns, thread_cpu_ns() - cpu_start_ns))


def lock_for_request(store, shard):
    """Lock a shard, and remember how long that took at most: no clock is read unless somebody else holds it."""
    if pthread_mutex_trylock(address(shard.lock)) == 0:
        return
    if not store.limits.measure_locks:
        pthread_mutex_lock(address(shard.lock))
        return
    started_ns = boot_ns()
    pthread_mutex_lock(address(shard.lock))
    note_longest(address(store.lock_wait_ns_max), boot_ns() - started_ns)


def note_longest(longest_ns, duration_ns):
    """Keep the longer of the two. A lost race loses one reading."""
    if duration_ns > load_u64(longest_ns, memory_order_relaxed):
        store_u64(longest_ns, duration_ns, memory_order_relaxed)


def select_peers(change, record, by_role, tick, wanted, out, random):
    """Seeders are given leechers only; leechers a mix in proportion, with at least a quarter of either role.

    A partial seed (BEP 21) counts as a leecher, but is given what a seeder is, and is not given to seeders.
    """
    store = change.store
    selection = declare(Selection)
    selection.asker = address(change.slot[0])
    selection.scope = scope_of(address(change.slot[0]), change.layout.slot_bytes)
    selection.tick = tick
    selection.age_ticks_max = store.limits.peer_age_ticks_max
    selection.downloaders_only = change.role == SEEDERS or is_partial_seed(change)
    selection.out = out
    selection.random = random
    if record.kind != RECORD_TABLES:
        if inline_family(record) != change.family:
            return 0
        slots = inline_slots(store, record)
        return slots_select(change.layout, address(slots), address(selection), wanted)
    tables = tables_of(store, record, change.family)
    if tables == NULL:
        return 0
    seeders = declare(uint32_t, 0)
    if not selection.downloaders_only:
        share = declare(uint32_t, seeder_share(by_role, wanted, random))
        seeders = table_select(change.layout, address(tables[SEEDERS]), address(selection), share)
    return seeders + table_select(
        change.layout, address(tables[LEECHERS]), address(selection), wanted - seeders
    )


def seeder_share(by_role, wanted, random):
    """How many of the peers for a leecher are to be seeders."""
    seeders = declare(uint64_t, by_role[SEEDERS])
    leechers = declare(uint64_t, by_role[LEECHERS])
    quarter = declare(uint64_t, wanted // 4)
    total = declare(uint64_t, seeders + leechers)
    if total <= wanted:
        return seeders
    # Rounded up or down at random, or the smaller role would never be in an answer of one peer.
    share = declare(uint64_t, (seeders * wanted + random_below(random, total)) // total)
    share = max(share, min(seeders, quarter))
    share = min(share, wanted - min(leechers, quarter))
    # The asker is one of the leechers, so one more place may be open to a seeder.
    if leechers < wanted - share + 1:
        share = wanted + 1 - leechers if leechers else wanted
    return min(share, seeders, wanted)


def store_apply(store, deltas, count, tick):
    """Apply a run of deltas, as a snapshot or another node gives them; returns how many peers were stored or removed.

    Those older than a peer may be are passed over. Otherwise the later one in the run counts, whatever its age: who
    gives deltas puts them in order.
    """
    applied = declare(uint32_t, 0)
    index = declare(uint32_t)
    change = declare(Change)
    for index in range(count):
        delta = address(deltas[index])
        if delta.age_seconds // store.limits.tick_seconds > store.limits.peer_age_ticks_max:
            continue
        hash = declare(uint64_t, store_hash(store, delta.info_hash))
        shard = store_shard(store, hash)
        pthread_mutex_lock(address(shard.lock))
        record = change_apply(address(change), store, shard, delta, hash, tick)
        if change.stored or (record and delta.flags & DELTA_STOPPED):
            applied += 1
        pthread_mutex_unlock(address(shard.lock))
    return applied


def store_scrape(store, info_hash, hash, family):
    """Counts of the torrent's peers of one family, and its downloads; zeros where nothing is known."""
    counts = declare(TorrentCounts)
    peers = declare(PeerCounts)
    memset(address(counts), 0, sizeof(counts))
    shard = store_shard(store, hash)
    lock_for_request(store, shard)
    record = find_torrent(store, shard, info_hash, hash)
    if record:
        record_counts(store, record, family, address(peers))
        tell_peers(address(counts), address(peers))
    counts.completed = downloads_of(store, shard, info_hash, hash, family)
    pthread_mutex_unlock(address(shard.lock))
    return counts


def tell_peers(counts, peers):
    counts.seeders = peers.by_role[SEEDERS]
    counts.leechers = peers.by_role[LEECHERS]
    counts.partial_seeds = peers.partial_seeds


def downloads_of(store, shard, info_hash, hash, family):
    """Completed downloads of the torrent; the shard is locked."""
    downloads = downloads_find(store, shard, info_hash, hash)
    return downloads.completed[family] if downloads else 0


def store_counts(store, counts):
    """Add up all shards, each for itself: the sums are of no one moment."""
    memset(counts, 0, sizeof(counts[0]))
    index = declare(uint32_t)
    family = declare(uint32_t)
    for index in range(cast(uint32_t, SHARDS)):
        shard = address(store.shards[index])
        pthread_mutex_lock(address(shard.lock))
        for family in range(2):
            counts.torrents_by_family[family] += shard.torrents_by_family[family]
            counts.peers[family][LEECHERS] += shard.peers[family][LEECHERS]
            counts.peers[family][SEEDERS] += shard.peers[family][SEEDERS]
        counts.evicted_torrents += shard.evicted_torrents
        counts.refused_torrents += shard.refused_torrents
        counts.refused_peers += shard.refused_peers
        pthread_mutex_unlock(address(shard.lock))
