"""Who is told of an offer: other peers of the torrent, each as likely as any other, however the tables lie.

Where nearly all are wanted, all are looked through. Otherwise places are drawn, of all that the tables could have,
until enough of them hold a peer: a place is as likely as any other, and so is what lies there.
"""

from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.ws_swarm import WS_PEER_SLOT_BYTES, WsPeer
from cython.cimports.aquatic.dataplane.swarm.selection import random_below
from cython.cimports.aquatic.dataplane.swarm.table import (
    is_segmented,
    segment_slots,
    table_count,
    table_segment,
    table_segments,
)
from cython.cimports.libc.stdint import uint32_t

# With fewer peers than this for each that is wanted, the same ones would be drawn again too often.
SCANNED_FOR_EACH = declare(uint32_t, 4)
# About one place in ten holds a peer at the least.
DRAWS_FOR_EACH = declare(uint32_t, 128)
# What a segment of a large table can have: BLOCK_BYTES_MAX // WS_PEER_SLOT_BYTES.
SEGMENT_PLACES_MAX = declare(uint32_t, 1365)


def choose_receivers(choice):
    """Choose `wanted` of the peers, or all that there are."""
    peers = declare(uint32_t, 0)
    index = declare(uint32_t)
    choice.count = 0
    for index in range(choice.tables_count):
        peers += table_count(choice.layout, address(choice.tables[index]))
    if peers <= SCANNED_FOR_EACH * choice.wanted:
        scan(choice)
    else:
        draw(choice)


def may_receive(choice, peer):
    """Not the asker itself, nor who is silent for too long and will go at the next look of its connection."""
    if not peer.worker_mark or peer == choice.asker:
        return False
    # A worker whose clock is a little ahead may have heard of it.
    return peer.second >= choice.second or choice.second - peer.second <= choice.age_seconds_max


def scan(choice):
    seen = declare(uint32_t, 0)
    index = declare(uint32_t)
    segment = declare(uint32_t)
    for index in range(choice.tables_count):
        table = address(choice.tables[index])
        for segment in range(table_segments(choice.layout, table)):
            seen = scan_segment(choice, table_segment(choice.layout, table, segment), seen)


def scan_segment(choice, segment, seen):
    """Keep each peer with the probability with which it belongs to a choice out of those seen so far."""
    slots = segment_slots(choice.layout, segment)
    index = declare(uint32_t)
    for index in range(slots.capacity if slots.count else 0):
        peer = cast(pointer(WsPeer), slots.base + index * WS_PEER_SLOT_BYTES)
        if not may_receive(choice, peer):
            continue
        seen += 1
        if choice.count < choice.wanted:
            choice.chosen[choice.count] = peer
            choice.count += 1
        else:
            place = declare(uint32_t, random_below(choice.random, seen))
            if place < choice.wanted:
                choice.chosen[place] = peer
    return seen


def draw(choice):
    places = declare(uint32_t[2])
    total = declare(uint32_t, 0)
    index = declare(uint32_t)
    for index in range(choice.tables_count):
        places[index] = places_of(choice.layout, address(choice.tables[index]))
        total += places[index]
    for index in range(DRAWS_FOR_EACH * choice.wanted):
        table = choice.tables
        place = declare(uint32_t, random_below(choice.random, total))
        if place >= places[0]:
            place -= places[0]
            table = address(choice.tables[1])
        peer = peer_at(choice.layout, table, place)
        if peer != NULL and may_receive(choice, peer) and not was_chosen(choice, peer):
            choice.chosen[choice.count] = peer
            choice.count += 1
            if choice.count == choice.wanted:
                return


def was_chosen(choice, peer):
    index = declare(uint32_t)
    for index in range(choice.count):
        if choice.chosen[index] == peer:
            return True
    return False


def places_of(layout, table):
    """How many places a table could have, with segments of one size."""
    return SEGMENT_PLACES_MAX * table_segments(layout, table) if is_segmented(table) else table.capacity


def peer_at(layout, table, place):
    """What lies at a place, or NULL where a segment is smaller."""
    index = declare(uint32_t, place)
    segment = table
    if is_segmented(table):
        segment = table_segment(layout, table, place // SEGMENT_PLACES_MAX)
        index = place % SEGMENT_PLACES_MAX
        if index >= segment.capacity:
            return NULL
    return cast(pointer(WsPeer), segment_slots(layout, segment).base + index * WS_PEER_SLOT_BYTES)
