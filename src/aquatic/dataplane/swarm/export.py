"""A walk over all torrents, or all download counts, a bounded piece at a time while requests go on.

A piece is one segment of a shard's table. Segments split meanwhile, and what has split off a segment since the shard
was begun is taken together with it, so nothing is met twice or missed; merges are held up.
"""

from cython import address, cast, declare, pointer
from cython.cimports.aquatic.abi.bits import log2_floor
from cython.cimports.aquatic.abi.swarm import (
    DOWNLOAD_SLOT_BYTES,
    SHARDS,
    TorrentRecord,
)
from cython.cimports.aquatic.abi.threads import pthread_mutex_lock, pthread_mutex_unlock, thread_cpu_ns
from cython.cimports.aquatic.dataplane.swarm.export import EXPORT_ENTRIES_MAX
from cython.cimports.aquatic.dataplane.swarm.record import record_counts
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied
from cython.cimports.aquatic.dataplane.swarm.store import note_longest
from cython.cimports.aquatic.dataplane.swarm.table import segment_slots, table_segment, table_segments
from cython.cimports.libc.stdint import uint32_t
from cython.cimports.libc.string import memcpy


def export_piece(store, cursor, piece, is_downloads):
    """Collect the next torrents, or the next download counts; False when there are no more.

    One export of torrents at a time.
    """
    piece.count = 0
    if cursor.shard >= cast(uint32_t, SHARDS):
        return False
    shard = address(store.shards[cursor.shard])
    layout = address(store.downloads) if is_downloads else address(store.torrents)
    table = address(shard.downloads) if is_downloads else address(shard.torrents)
    segment = declare(uint32_t)
    pthread_mutex_lock(address(shard.lock))
    started_ns = thread_cpu_ns()
    count = declare(uint32_t, table_segments(layout, table))
    if cursor.segment == 0:
        cursor.segments = count
        hold_merges(shard, is_downloads, True)
    # An export that was left alone for so long that another one ended the hold must not read beyond the table.
    if cursor.segment < count:
        collect(store, layout, table_segment(layout, table, cursor.segment), piece, is_downloads)
    for segment in range(cursor.segments, count):
        if origin_of(segment, cursor.segments) == cursor.segment:
            collect(store, layout, table_segment(layout, table, segment), piece, is_downloads)
    cursor.segment += 1
    if cursor.segment >= cursor.segments:
        hold_merges(shard, is_downloads, False)
        cursor.shard += 1
        cursor.segment = 0
    held_ns = thread_cpu_ns() - started_ns
    pthread_mutex_unlock(address(shard.lock))
    note_longest(address(store.lock_hold_ns_max), held_ns)
    return True


def hold_merges(shard, is_downloads, held):
    """Segments of download counts never merge, so their export has no say in what that of the torrents holds up."""
    if not is_downloads:
        shard.merges_held = held


def origin_of(segment, segments):
    """Which of the first `segments` segments this one has split off from."""
    while segment >= segments:
        segment -= cast(uint32_t, 1) << log2_floor(segment)
    return segment


def collect(store, layout, segment, piece, is_downloads):
    slots = segment_slots(layout, segment)
    index = declare(uint32_t)
    for index in range(slots.capacity):
        slot = slots.base + index * layout.slot_bytes
        if piece.count == cast(uint32_t, EXPORT_ENTRIES_MAX) or not is_occupied(slot, layout.slot_bytes):
            continue
        if is_downloads:
            memcpy(address(piece.downloads[piece.count]), slot, DOWNLOAD_SLOT_BYTES)
        else:
            collect_torrent(store, slot, address(piece.torrents[piece.count]))
        piece.count += 1


def collect_torrent(store, slot, entry):
    record = cast(pointer(TorrentRecord), slot)
    memcpy(entry.info_hash, record.info_hash, 20)
    record_counts(store, record, 0, address(entry.peers[0]))
    record_counts(store, record, 1, address(entry.peers[1]))
