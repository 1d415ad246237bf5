"""Sequences of packets, time and trouble through the whole UDP worker. What is checked is said in udp_sequence.pyi.

An input is a byte of options and then steps: a byte with the kind (low half) and the source (high half), and the step's
operands. What an input lacks at its end reads as zeros. No Python runs for an input, so that a fuzzer may try thousands
a second; everything random is the same each time, so that an input always does the same.
"""

from ipaddress import ip_address

from cython import NULL, address, cast, declare, nogil, pointer, sizeof
from cython.cimports.aquatic.abi.arena import SLAB_BYTES
from cython.cimports.aquatic.abi.atomics import (
    load_pointer,
    load_u64,
    memory_order_relaxed,
    store_pointer,
)
from cython.cimports.aquatic.abi.bits import htobe16, htobe32, htobe64, write_u16, write_u32, write_u64
from cython.cimports.aquatic.abi.counters import (
    ERRORS_CONNECTION_ID_EXPIRED,
    ERRORS_MALFORMED,
    REQUESTS_CONNECT,
    REQUESTS_SCRAPE,
    RESPONSES_CONNECT,
    RESPONSES_ERROR,
)
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV4, FAMILY_IPV6, Source
from cython.cimports.aquatic.abi.limits import REQUEST_BYTES_MAX, SCRAPE_TORRENTS_MAX
from cython.cimports.aquatic.abi.memory import poison, reserve, unpoison
from cython.cimports.aquatic.abi.swarm import ACCESS_OFF, AccessList, Delta
from cython.cimports.aquatic.abi.udp_wire import (
    ACTION_ANNOUNCE,
    ACTION_CONNECT,
    ACTION_SCRAPE,
    ANNOUNCE_REQUEST_BYTES,
    CONNECT_REQUEST_BYTES,
)
from cython.cimports.aquatic.dataplane.swarm.access_list import access_list_create, access_list_destroy
from cython.cimports.aquatic.dataplane.swarm.export import export_piece
from cython.cimports.aquatic.dataplane.swarm.slot import info_hash_hash
from cython.cimports.aquatic.dataplane.swarm.store import (
    store_apply,
    store_create,
    store_destroy,
    store_start_clock,
)
from cython.cimports.aquatic.dataplane.swarm.sweep import sweeper_init
from cython.cimports.aquatic.dataplane.udp.backend.memory import (
    MEMORY_DATAGRAMS_MAX,
    Memory,
    Packet,
    memory_deliver,
    memory_init,
)
from cython.cimports.aquatic.dataplane.udp.border import UdpWorkers
from cython.cimports.aquatic.dataplane.udp.worker import worker_turn
from cython.cimports.aquatic.testing.consistency import store_fault, totals_fault
from cython.cimports.aquatic.testing.udp_expectation import (
    NO_ANSWER,
    SOURCE_PORT_FIRST,
    SOURCES,
    answer_fault,
    expected_action,
)
from cython.cimports.aquatic.testing.udp_sequence import (
    ALL_CONNECTED,
    ALL_EXPIRE,
    CROWDED_HASHES,
    FEW_ALLOWED,
    HASHES,
    LITTLE_MEMORY,
    SHORT_ANSWERS,
    SMALL_BATCHES,
    STEP_ACCESS_LIST,
    STEP_ANNOUNCE,
    STEP_ANNOUNCE_PORTS,
    STEP_ANNOUNCE_TORRENTS,
    STEP_CLEAN,
    STEP_CONNECT,
    STEP_DAMAGED,
    STEP_EXPORT,
    STEP_FAIL_ALLOCATION,
    STEP_FULL_SEND_BUFFER,
    STEP_RAW_CONNECTED,
    STEP_SCRAPE,
    STEP_TIME,
    STEP_TURN,
    WITH_TAGS,
    WORKERS,
    Sequence,
)
from cython.cimports.libc.stdint import INT32_MAX, UINT32_MAX, UINT64_MAX, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset

from aquatic.dataplane.swarm.border import Swarm, SwarmSettings
from aquatic.dataplane.udp.border import UdpSettings

PACKETS_MAX = declare(uint32_t, 8192)
CLEANINGS_MAX = declare(uint32_t, 8)
SEED = declare(uint64_t, 1)
NS = declare(uint64_t, 1_000_000_000)
START_SECONDS = declare(uint64_t, 1_000_000)
# Far below 2**32, where the handler's seconds end after 136 years of uptime.
CLOCK_NS_MAX = declare(uint64_t, cast(uint64_t, 1_000_000_000) * 2_000_000_000)
PEER_AGE_SECONDS = declare(uint32_t, 3600)
CLEANING_SECONDS = declare(uint32_t, 60)
BATCHES_A_TURN = declare(uint32_t, 16)
EXPIRY_CYCLES_MAX = declare(uint32_t, 8)
TURNS_MAX = declare(uint32_t, 512)
# Global and private addresses, several in each scope, so that there is whom to hand out.
IPV4_ADDRESSES = b"".join(
    ip_address(network + host).packed
    for network in ("198.51.100.", "203.0.113.", "10.0.0.", "127.0.0.")
    for host in "12"
)
IPV6_ADDRESSES = b"".join(
    ip_address(network + host).packed
    for network in ("2001:db8::", "2001:db8:1::", "fd00::", "fe80::")
    for host in "12"
)
SWARM = Swarm(
    SwarmSettings(
        workers=WORKERS,
        peer_age_seconds_max=PEER_AGE_SECONDS,
        cleaning_interval_seconds=CLEANING_SECONDS,
        torrents_max=0,  # the store's bounds are each input's
        peers_max=0,
        memory_bytes_max=1 << 20,
    )
)
UDP_WORKERS = UdpWorkers(
    SWARM,
    UdpSettings(
        workers=WORKERS,
        announce_interval_seconds=120,
        response_peers_max=1 << 16,
        scrape_torrents_max=70,
        connection_age_seconds_max=120,
        poll_timeout_ms=0,
        resend_responses_max=0,
    ),
)


def sequence_create(workers):
    """The one sequence, which uses these workers, each with a network in memory, but stores of its own."""
    sequence = cast(pointer(Sequence), reserve(sizeof(Sequence)))
    if sequence == NULL:
        raise MemoryError
    sequence.workers = workers.workers
    sequence.piece = workers.swarm.piece
    sequence.limits = workers.swarm.store.limits
    for index in range(WORKERS):
        if not memory_init(address(sequence.workers[cast(uint32_t, index)].backend), 1):
            raise MemoryError
    choose_hashes(sequence)
    return sequence


def choose_hashes(sequence):
    """Most of them in one shard, so that one shard's table of torrents grows."""
    number = declare(uint32_t, 0)
    index = declare(uint32_t, 0)
    while index < HASHES:
        hash = address(sequence.hashes[index][0])
        memset(hash, 0xA5, 20)
        write_u32(hash, number)
        number += 1
        if index >= CROWDED_HASHES or info_hash_hash(hash, SEED) >> 56 == 0:
            index += 1


SEQUENCE = declare(pointer(Sequence), sequence_create(UDP_WORKERS))
SOURCE_IPV4 = declare(uint8_t[8 * 4])
SOURCE_IPV6 = declare(uint8_t[8 * 16])
memcpy(SOURCE_IPV4, cast(pointer(uint8_t), cast(bytes, IPV4_ADDRESSES)), 8 * 4)
memcpy(SOURCE_IPV6, cast(pointer(uint8_t), cast(bytes, IPV6_ADDRESSES)), 8 * 16)


# Begin and end


def run(data: bytes):
    content = cast(pointer(uint8_t), data)
    length = declare(uint32_t, min(len(data), UINT32_MAX))
    with nogil:
        failure = run_input(content, length)
    return cast(bytes, failure).decode() if failure else None


def run_input(data, length):
    sequence = SEQUENCE
    sequence.next_byte = data
    sequence.end = data + length
    sequence.failure = NULL
    options = take_u8(sequence)
    begin(sequence, options)
    if sequence.failure:
        return sequence.failure
    while sequence.next_byte < sequence.end and not sequence.failure:
        step(sequence)
    end(sequence, options)
    destroy(sequence)
    return sequence.failure


def begin(sequence, options):
    limits = address(sequence.limits)
    limits.torrents_max = 24 if options & FEW_ALLOWED else 100_000
    limits.peers_max = 96 if options & FEW_ALLOWED else 100_000
    limits.downloads_max = 8 if options & FEW_ALLOWED else 100_000
    limits.memory_bytes_max = (8 if options & LITTLE_MEMORY else 1024) * SLAB_BYTES
    limits.tags = (options & WITH_TAGS) != 0
    sequence.store = store_create(limits, SEED)
    if sequence.store == NULL:
        fail(sequence, b"the address space for a store could not be reserved")
        return
    store_start_clock(sequence.store, START_SECONDS)
    sequence.is_exporting = False
    sequence.packets_left = PACKETS_MAX
    sequence.cleanings_left = CLEANINGS_MAX
    sequence.transaction = 0
    sequence.received = 0
    sequence.answered = 0
    sequence.expectation.issued_count = 0
    sequence.expectation.may_refuse = False
    memset(sequence.expectation.connection_ids, 0, sizeof(sequence.expectation.connection_ids))
    begin_workers(sequence, options)
    sequence.clock_ns_max = 0
    set_clock(sequence, START_SECONDS * NS)
    if options & ALL_CONNECTED:
        connect_all(sequence)


def begin_workers(sequence, options):
    index = declare(uint32_t)
    for index in range(cast(uint32_t, WORKERS)):
        worker = address(sequence.workers[index])
        memset(address(worker.upkeep), 0, sizeof(worker.upkeep))
        worker.upkeep.store = sequence.store
        sweeper_init(address(worker.upkeep.sweeper), sequence.store, index, CLEANING_SECONDS * NS)
        worker.upkeep.sweeper.counts_torrents = True
        worker.batch_datagrams = 3 if options & SMALL_BATCHES else 64
        memset(address(worker.counters), 0, sizeof(worker.counters))
        handler = address(worker.handler)
        handler.store = sequence.store
        handler.random = SEED + index
        handler.key.low = SEED
        handler.key.high = SEED
        handler.rules.peers_max[0] = 24 if options & SHORT_ANSWERS else 230
        handler.rules.peers_max[1] = 24 if options & SHORT_ANSWERS else 76
        memory = network(sequence, index)
        memory.batch_datagrams = worker.batch_datagrams
        memory.sends_until_full = UINT32_MAX
        memory.incoming_first = 0
        memory.incoming_count = 0
        memory.outgoing_count = 0
    sequence.expectation.rules = sequence.workers[0].handler.rules


def end(sequence, options):
    """With all trouble over: what still waits is answered, the store is consistent, and peers that stay away expire."""
    index = declare(uint32_t)
    sequence.store.arena.allocations_until_failure = UINT64_MAX
    while sequence.is_exporting:
        export_pieces(sequence, UINT32_MAX)
    for index in range(cast(uint32_t, WORKERS)):
        network(sequence, index).sends_until_full = UINT32_MAX
        while network(sequence, index).incoming_count and not sequence.failure:
            turn(sequence, index)
    fail(sequence, store_fault(sequence.store))
    if options & ALL_EXPIRE and not sequence.failure:
        expire_all(sequence)
        fail(sequence, store_fault(sequence.store))


def expire_all(sequence):
    """The clock may have to wait for cleanings before it may go on: see store_tick."""
    cycle = declare(uint32_t)
    sequence.clock_ns = sequence.clock_ns_max
    for cycle in range(EXPIRY_CYCLES_MAX):
        set_clock(sequence, sequence.clock_ns + (PEER_AGE_SECONDS + 2 * CLEANING_SECONDS) * NS)
        sequence.cleanings_left = 1
        clean(sequence)
        if not load_u64(address(sequence.store.torrents_total), memory_order_relaxed):
            return
    fail(sequence, b"a torrent is left after all has expired")


def destroy(sequence):
    access = load_pointer(address(sequence.store.access_list), memory_order_relaxed)
    access_list_destroy(cast(pointer(AccessList), access))
    store_destroy(sequence.store)
    sequence.store = NULL


def fail(sequence, text):
    """Note what was wrong, if it is the first; NULL is nothing."""
    if not sequence.failure:
        sequence.failure = text


# What steps read and change


def take_u8(sequence):
    if sequence.next_byte == sequence.end:
        return 0
    value = declare(uint32_t, sequence.next_byte[0])
    sequence.next_byte += 1
    return value


def take_u16(sequence):
    low = take_u8(sequence)
    return low | take_u8(sequence) << 8


def network(sequence, index):
    return cast(pointer(Memory), sequence.workers[index].backend.state)


def set_clock(sequence, clock_ns):
    index = declare(uint32_t)
    sequence.clock_ns = min(clock_ns, CLOCK_NS_MAX)
    sequence.clock_ns_max = max(sequence.clock_ns_max, sequence.clock_ns)
    for index in range(cast(uint32_t, WORKERS)):
        network(sequence, index).clock_ns = sequence.clock_ns


# Steps


def step(sequence):
    first = take_u8(sequence)
    kind = declare(uint32_t, first & 15)
    source = declare(uint32_t, first >> 4)
    if kind < STEP_TURN:
        step_request(sequence, kind, source)
    else:
        step_world(sequence, kind, source)


def step_request(sequence, kind, source):
    if kind == STEP_CONNECT:
        connect(sequence, source)
    elif kind == STEP_ANNOUNCE:
        torrent = take_u8(sequence)
        port = take_u8(sequence)
        manner = take_u8(sequence)
        announce(sequence, source, torrent, port, manner, peers_wanted(take_u8(sequence)))
    elif kind == STEP_ANNOUNCE_PORTS:
        announce_ports(sequence, source)
    elif kind == STEP_ANNOUNCE_TORRENTS:
        announce_torrents(sequence, source)
    elif kind == STEP_SCRAPE:
        scrape(sequence, source)
    elif kind == STEP_DAMAGED:
        announce_damaged(sequence, source)
    else:
        send_raw(sequence, source, kind == STEP_RAW_CONNECTED)


def step_world(sequence, kind, source):
    """The source's bits serve as an operand."""
    count = declare(uint32_t)
    if kind == STEP_TURN:
        for count in range((source >> 1) + 1):
            turn(sequence, source & 1)
    elif kind == STEP_TIME:
        change_time(sequence)
    elif kind == STEP_FAIL_ALLOCATION:
        sequence.store.arena.allocations_until_failure = source if source < 15 else UINT64_MAX
    elif kind == STEP_FULL_SEND_BUFFER:
        network(sequence, source & 1).sends_until_full = source >> 1 if source < 14 else UINT32_MAX
    elif kind == STEP_ACCESS_LIST:
        change_access_list(sequence)
    elif kind == STEP_CLEAN:
        clean(sequence)
    elif kind == STEP_EXPORT:
        if not sequence.is_exporting:
            sequence.exports_downloads = source & 1
        export_pieces(sequence, 16 * source + 1)
    else:
        apply_deltas(sequence, source)


def connect(sequence, source):
    packet = declare(uint8_t[CONNECT_REQUEST_BYTES])
    write_u64(packet, htobe64(cast(uint64_t, 0x41727101980)))
    write_u32(packet + 8, htobe32(ACTION_CONNECT))
    write_u32(packet + 12, sequence.transaction)
    send(sequence, source, packet, CONNECT_REQUEST_BYTES)


def connect_all(sequence):
    source = declare(uint32_t)
    for source in range(cast(uint32_t, SOURCES)):
        connect(sequence, source)
    for source in range(cast(uint32_t, WORKERS)):
        turn(sequence, source)


def peers_wanted(chosen):
    """Few, many, and what is negative."""
    if chosen < 192:
        return chosen
    if chosen == 254:
        return INT32_MAX
    return UINT32_MAX if chosen == 255 else cast(uint32_t, 0x80000000) + chosen


def make_announce(sequence, packet, source, torrent, port, manner, wanted):
    """`manner`: three bits of event, then a seeder, a negative `left`, and three bits of client."""
    memset(packet, 0, ANNOUNCE_REQUEST_BYTES)
    write_u64(packet, htobe64(sequence.expectation.connection_ids[source]))
    write_u32(packet + 8, htobe32(ACTION_ANNOUNCE))
    write_u32(packet + 12, sequence.transaction)
    memcpy(packet + 16, sequence.hashes[torrent % HASHES], 20)
    memset(packet + 36, manner >> 5, 20)
    if not manner & 8:
        memset(packet + 64, 0xFF if manner & 16 else 1, 8)
    write_u32(packet + 80, htobe32(manner & 7))
    write_u32(packet + 92, htobe32(wanted))
    write_u16(packet + 96, htobe16(port))


def announce(sequence, source, torrent, port, manner, wanted):
    packet = declare(uint8_t[ANNOUNCE_REQUEST_BYTES])
    make_announce(sequence, packet, source, torrent, port, manner, wanted)
    send(sequence, source, packet, ANNOUNCE_REQUEST_BYTES)


def announce_ports(sequence, source):
    torrent = take_u8(sequence)
    port = take_u16(sequence)
    count = declare(uint32_t, take_u8(sequence))
    manner = take_u8(sequence)
    index = declare(uint32_t)
    for index in range(count):
        # To choose many peers takes long: only the last asks for that.
        wanted = declare(uint32_t, count if index + 1 == count else 1)
        announce(sequence, source, torrent, (port + index) & 0xFFFF, manner, wanted)


def announce_torrents(sequence, source):
    torrent = take_u16(sequence)
    count = declare(uint32_t, take_u8(sequence))
    port = take_u8(sequence)
    manner = take_u8(sequence)
    index = declare(uint32_t)
    for index in range(count):
        announce(sequence, source, torrent + index, port, manner, 1)


def announce_damaged(sequence, source):
    packet = declare(uint8_t[256])
    memset(packet, 2, 256)
    place = declare(uint32_t, take_u8(sequence))
    change = declare(uint32_t, take_u8(sequence))
    length = take_u8(sequence)
    make_announce(sequence, packet, source, place, 1, 0, 1)
    packet[place] ^= change
    send(sequence, source, packet, length)


def scrape(sequence, source):
    packet = declare(uint8_t[REQUEST_BYTES_MAX])
    torrent = take_u16(sequence)
    count = declare(uint32_t, min(take_u8(sequence), cast(uint32_t, SCRAPE_TORRENTS_MAX)))
    index = declare(uint32_t)
    write_u64(packet, htobe64(sequence.expectation.connection_ids[source]))
    write_u32(packet + 8, htobe32(ACTION_SCRAPE))
    write_u32(packet + 12, sequence.transaction)
    for index in range(count):
        memcpy(packet + 16 + 20 * index, sequence.hashes[(torrent + index) % HASHES], 20)
    send(sequence, source, packet, 16 + 20 * count)


def send_raw(sequence, source, is_connected):
    packet = declare(uint8_t[8 + 256])
    length = declare(uint32_t, take_u8(sequence))
    index = declare(uint32_t)
    write_u64(packet, htobe64(sequence.expectation.connection_ids[source]))
    start = declare(uint32_t, 8 if is_connected else 0)
    for index in range(length):
        packet[start + index] = take_u8(sequence)
    send(sequence, source, packet, start + length)


def send(sequence, source, packet, length):
    """Queue a packet at the worker that this source's flow goes to; what lies behind it must not be read."""
    memory = network(sequence, source & 1)
    sender = declare(Source)
    sequence.transaction += 1
    if sequence.packets_left == 0 or memory.incoming_count == MEMORY_DATAGRAMS_MAX:
        return
    sequence.packets_left -= 1
    memset(address(sender), 0, sizeof(sender))
    sender.port = htobe16(SOURCE_PORT_FIRST + source)
    if source < 8:
        sender.family = FAMILY_IPV4
        memcpy(sender.ip, address(SOURCE_IPV4[4 * source]), 4)
    else:
        sender.family = FAMILY_IPV6
        memcpy(sender.ip, address(SOURCE_IPV6[16 * (source - 8)]), 16)
    place = declare(uint32_t, (memory.incoming_first + memory.incoming_count) % MEMORY_DATAGRAMS_MAX)
    incoming = address(memory.incoming[place])
    unpoison(incoming.bytes, REQUEST_BYTES_MAX)
    memory_deliver(memory, address(sender), packet, length)
    poison(incoming.bytes + incoming.length, REQUEST_BYTES_MAX - incoming.length)


def change_time(sequence):
    """On, by up to days; or back by up to an hour, which only a broken machine does."""
    unit = take_u8(sequence)
    count = declare(uint64_t, take_u8(sequence))
    step_ns = declare(uint64_t, NS // 8)
    if unit & 3 == 1:
        step_ns = NS
    elif unit & 3 == 2:
        step_ns = CLEANING_SECONDS * NS // 4
    elif unit & 3 == 3 and not unit & 128:
        step_ns = PEER_AGE_SECONDS * NS // 2
    if unit & 128:
        set_clock(sequence, max(sequence.clock_ns, count * step_ns + NS) - count * step_ns)
    else:
        set_clock(sequence, sequence.clock_ns + count * step_ns)


def change_access_list(sequence):
    mode = declare(uint32_t, take_u8(sequence) % 3)
    first = declare(uint32_t, take_u16(sequence) % HASHES)
    count = declare(uint32_t, min(take_u8(sequence), HASHES - first))
    created = access_list_create(mode, sequence.hashes[first], count, SEED)
    if created == NULL:
        return
    # Neither worker is in a turn, so nobody holds the old list.
    old = load_pointer(address(sequence.store.access_list), memory_order_relaxed)
    store_pointer(address(sequence.store.access_list), created, memory_order_relaxed)
    access_list_destroy(cast(pointer(AccessList), old))
    sequence.expectation.may_refuse = mode != ACCESS_OFF


def clean(sequence):
    """A whole cleaning by both workers, with the time that it takes."""
    index = declare(uint32_t)
    turns = declare(uint32_t, 0)
    if sequence.cleanings_left == 0:
        return
    sequence.cleanings_left -= 1
    for index in range(cast(uint32_t, WORKERS)):
        turn(sequence, index)
    set_clock(sequence, sequence.clock_ns + CLEANING_SECONDS * NS)
    for index in range(cast(uint32_t, WORKERS)):
        done = load_u64(address(sequence.store.cleanings[index]), memory_order_relaxed)
        while load_u64(address(sequence.store.cleanings[index]), memory_order_relaxed) == done:
            turn(sequence, index)
            turns += 1
            if sequence.failure or turns == TURNS_MAX:
                return


def export_pieces(sequence, count):
    """Go on with the export, or begin one."""
    index = declare(uint32_t)
    if not sequence.is_exporting:
        memset(address(sequence.cursor), 0, sizeof(sequence.cursor))
        sequence.is_exporting = True
    for index in range(count):
        if not export_piece(
            sequence.store, address(sequence.cursor), sequence.piece, sequence.exports_downloads
        ):
            sequence.is_exporting = False
            return


def apply_deltas(sequence, source):
    """As a snapshot or another node gives them: peers with an age, of which no packet told."""
    delta = declare(Delta)
    memset(address(delta), 0, sizeof(delta))
    memcpy(delta.info_hash, sequence.hashes[take_u8(sequence)], 20)
    port = take_u8(sequence)
    count = declare(uint32_t, take_u8(sequence))
    delta.flags = take_u8(sequence) & 7
    delta.age_seconds = take_u8(sequence) * 16
    delta.family = FAMILY_IPV4 if source < 8 else FAMILY_IPV6
    delta.ip[0] = 192
    delta.ip[3] = source
    index = declare(uint32_t)
    for index in range(count):
        delta.port = htobe16(1 + ((port + index) & 0x1FF))
        store_apply(sequence.store, address(delta), 1, sequence.workers[0].upkeep.tick)


# Turns and what they must bring


def turn(sequence, index):
    if sequence.failure:
        return
    memory = network(sequence, index)
    waiting = declare(uint32_t, memory.incoming_count)
    expected = expect_answers(sequence, index)
    sent = declare(uint32_t, min(expected, memory.sends_until_full))
    memory.outgoing_count = 0
    if not worker_turn(address(sequence.workers[index])):
        fail(sequence, b"the backend is broken")
    sequence.received += waiting - memory.incoming_count
    sequence.answered += expected
    if memory.outgoing_count != sent:
        fail(sequence, b"not exactly the requests that deserve it were answered")
    else:
        fail(sequence, answers_fault(sequence, index, sent))
    fail(sequence, counters_fault(sequence))
    fail(sequence, totals_fault(sequence.store))


def expect_answers(sequence, index):
    """Note what the worker has to answer in its next turn; returns how many packets."""
    memory = network(sequence, index)
    now_seconds = declare(uint32_t, memory.clock_ns // NS)
    taken = declare(uint32_t, min(memory.incoming_count, BATCHES_A_TURN * memory.batch_datagrams))
    count = declare(uint32_t, 0)
    position = declare(uint32_t)
    for position in range(taken):
        request = address(memory.incoming[(memory.incoming_first + position) % MEMORY_DATAGRAMS_MAX])
        if expected_action(address(sequence.expectation), request, now_seconds) != NO_ANSWER:
            sequence.expected[count] = cast(pointer(uint8_t), request)
            count += 1
    return count


def answers_fault(sequence, index, expected_count):
    memory = network(sequence, index)
    now_seconds = declare(uint32_t, memory.clock_ns // NS)
    position = declare(uint32_t)
    for position in range(expected_count):
        request = cast(pointer(Packet), sequence.expected[position])
        fault = answer_fault(
            address(sequence.expectation), request, address(memory.outgoing[position]), now_seconds
        )
        if fault:
            return fault
    return NULL


def counters_fault(sequence):
    """Each packet is counted once, as a request or as an error, and each answer once."""
    requests = declare(uint64_t, 0)
    responses = declare(uint64_t, 0)
    errors = declare(uint64_t, 0)
    index = declare(uint32_t)
    counter = declare(uint32_t)
    for index in range(cast(uint32_t, WORKERS) * 2):
        values = address(sequence.workers[index // 2].counters.values[index % 2][0])
        for counter in range(cast(uint32_t, REQUESTS_CONNECT), cast(uint32_t, REQUESTS_SCRAPE) + 1):
            requests += load_u64(address(values[counter]), memory_order_relaxed)
        for counter in range(cast(uint32_t, RESPONSES_CONNECT), cast(uint32_t, RESPONSES_ERROR) + 1):
            responses += load_u64(address(values[counter]), memory_order_relaxed)
        for counter in range(
            cast(uint32_t, ERRORS_MALFORMED), cast(uint32_t, ERRORS_CONNECTION_ID_EXPIRED) + 1
        ):
            errors += load_u64(address(values[counter]), memory_order_relaxed)
    if requests != sequence.answered or responses != sequence.answered:
        return b"requests or responses are counted wrongly"
    if requests + errors != sequence.received:
        return b"a packet is counted twice or not at all"
    return NULL
