"""Sockets that ask a UDP tracker: see generator.pxd."""

import math

import cython
from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import load_u32, load_u64, memory_order_relaxed, store_u32
from cython.cimports.aquatic.abi.bits import be32toh, htobe32, log2_floor, multiply_fold, relax
from cython.cimports.aquatic.abi.sockets import (
    CMSG_LEN,
    MSG_DONTWAIT,
    SOL_UDP,
    UDP_SEGMENT,
    recvmmsg,
    sendmmsg,
)
from cython.cimports.aquatic.abi.threads import boot_ns, sleep_ns
from cython.cimports.aquatic.abi.udp_wire import (
    ACTION_ANNOUNCE,
    ACTION_CONNECT,
    ACTION_SCRAPE,
    ANNOUNCE_RESPONSE_HEAD_BYTES,
    INFO_HASH_BYTES,
)
from cython.cimports.aquatic.loadtest.exchange import (
    FINDING_ERROR,
    FINDING_RIGHT,
    FINDING_WRONG_ACTION,
    Slot,
    check_response,
    write_request,
)
from cython.cimports.aquatic.loadtest.generator import (
    BATCH_MAX,
    BUSY_NS,
    BYTES_RECEIVED,
    BYTES_SENT,
    ERRORS,
    KINDS,
    LATE,
    LATENCY_BUCKETS,
    LATENCY_STEPS_LOG2,
    LOST,
    MODE_CLOSED,
    MODE_DRAIN,
    MODE_FILL,
    MODE_GREET,
    MODE_OPEN,
    PEERS_RECEIVED,
    RECEIVE_BYTES_MAX,
    RIGHT_CONNECT,
    SEGMENTED_BYTES_MAX,
    SENT_CONNECT,
    SOCKET_ERRORS,
    STALL_NS,
    STALLS,
    TURNS,
    WRONG_ACTION,
    WRONG_TRANSACTION,
    Generator,
    Link,
    Segmentation,
    bump,
)
from cython.cimports.libc.errno import EAGAIN, errno
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcpy

COUNTER_NAMES = (
    "sent_connect",
    "sent_announce",
    "sent_scrape",
    "right_connect",
    "right_announce",
    "right_scrape",
    "errors",
    "wrong_action",
    "wrong_length",
    "wrong_content",
    "wrong_transaction",
    "lost",
    "late",
    "bytes_sent",
    "bytes_received",
    "peers_received",
    "socket_errors",
    "turns",
    "stalls",
    "busy_ns",
)
MODES = ("greet", "closed", "open", "fill", "drain")


class UdpGenerator:
    def __init__(self, population, sockets, terms) -> None:
        self.population = population
        self.sockets = list(sockets)
        if len(self.sockets) != population.sources:
            raise ValueError("one socket for each source address of the population")
        self.generator = cast(pointer[Generator], calloc(1, sizeof(Generator)))
        if self.generator == NULL:
            raise MemoryError
        generator = self.generator
        self.set_terms(terms)
        if not prepare(generator, len(self.sockets), terms.window):
            raise MemoryError
        i = declare(cython.Py_ssize_t)
        for i in range(len(self.sockets)):
            generator.links[i].fd = self.sockets[i].fileno()
            generator.links[i].random = terms.random_seed + i

    def set_terms(self, terms) -> None:
        """From what Python was told to what the loop reads."""
        generator = self.generator
        generator.terms.layout = address(self.population.layout)
        generator.terms.peers_wanted = terms.peers_wanted & 0xFFFFFFFF
        generator.terms.scrape_torrents = terms.scrape_torrents
        generator.terms.event = terms.event
        generator.terms.foreign_peers = terms.foreign_peers
        first_source = cython.declare(bytes, terms.first_source)
        generator.terms.address_bytes = len(first_source)
        memcpy(generator.terms.first_source, cast(pointer[uint8_t], first_source), min(len(first_source), 16))
        weights = terms.weight_connect + terms.weight_announce + terms.weight_scrape
        generator.connect_threshold = terms.weight_connect * 0xFFFFFFFF // weights
        generator.scrape_threshold = (terms.weight_connect + terms.weight_scrape) * 0xFFFFFFFF // weights
        rows = -(-self.population.peers // self.population.sources)
        generator.first_row = rows * terms.share_index // terms.shares
        generator.row_count = rows * (terms.share_index + 1) // terms.shares - generator.first_row
        if generator.row_count == 0:
            raise ValueError("fewer rows of peers than workers")
        generator.row_step = coprime_step(generator.row_count)
        generator.timeout_ns = int(terms.timeout_seconds * 1e9)
        generator.connection_age_ns = int(terms.connection_age_seconds * 1e9)
        generator.idle_sleep_ns = terms.idle_sleep_us * 1000
        generator.segmenting = terms.segmenting

    def __dealloc__(self) -> None:
        if self.generator != NULL:
            release(self.generator)

    def run(self, mode: str, seconds: float, requests_per_second: float = 0.0) -> bool:
        generator = self.generator
        generator.plan.mode = MODES.index(mode)
        generator.plan.issued = 0
        generator.plan.interval_ns = 1e9 / requests_per_second if generator.plan.mode == MODE_OPEN else 0
        generator.plan.start_ns = boot_ns()
        generator.plan.end_ns = generator.plan.start_ns + int(seconds * 1e9)
        with cython.nogil:
            reached = run_plan(generator)
        return bool(reached)

    def stop(self) -> None:
        store_u32(address(self.generator.stopping), 1, memory_order_relaxed)

    def counters(self) -> dict[str, int]:
        generator = self.generator
        return {
            COUNTER_NAMES[i]: load_u64(address(generator.counters[i]), memory_order_relaxed)
            for i in range(len(COUNTER_NAMES))
        }

    def latency_buckets(self) -> list[int]:
        generator = self.generator
        return [load_u64(address(generator.latency[i]), memory_order_relaxed) for i in range(LATENCY_BUCKETS)]


def latency_bucket_bound_ns(index: int) -> int:
    if not 0 <= index < LATENCY_BUCKETS:
        raise IndexError(index)
    if index < 1 << LATENCY_STEPS_LOG2:
        return index
    shift = (index >> LATENCY_STEPS_LOG2) - 1
    step = (1 << LATENCY_STEPS_LOG2) + (index & ((1 << LATENCY_STEPS_LOG2) - 1))
    return ((step + 1) << shift) - 1


def latency_bucket_of(latency_ns: int) -> int:
    return latency_bucket(latency_ns)


def coprime_step(count: int) -> int:
    """A step by which a walk round `count` places visits each of them and does not stay near."""
    step = int(count * 0.6180339887) or 1
    while math.gcd(step, count) != 1:
        step += 1
    return step


def prepare(generator, link_count, window):
    """Take the memory of all links and batches; False without it. `release` gives back what was taken."""
    i = declare(uint32_t)
    generator.link_count = link_count
    generator.slots_per_link = window
    generator.slot_bits = log2_floor(cast(uint64_t, link_count) * window) + 1
    generator.request_stride = 128 + generator.terms.scrape_torrents * INFO_HASH_BYTES
    generator.links = cast(pointer[Link], calloc(link_count, sizeof(Link)))
    generator.receive_bytes = cast(pointer[uint8_t], calloc(BATCH_MAX, RECEIVE_BYTES_MAX))
    generator.send_bytes = cast(pointer[uint8_t], calloc(BATCH_MAX, generator.request_stride))
    if not generator.links or not generator.receive_bytes or not generator.send_bytes:
        return False
    prepare_messages(generator)
    for i in range(link_count):
        generator.links[i].index = i
        if not prepare_link(address(generator.links[i]), window):
            return False
    return True


def prepare_messages(generator):
    """Point the received messages at their buffers."""
    i = declare(cython.int)
    for i in range(BATCH_MAX):
        generator.received_parts[i].iov_base = generator.receive_bytes + i * RECEIVE_BYTES_MAX
        generator.received_parts[i].iov_len = RECEIVE_BYTES_MAX
        generator.received[i].msg_hdr.msg_iov = address(generator.received_parts[i])
        generator.received[i].msg_hdr.msg_iovlen = 1


def prepare_link(link, window):
    i = declare(uint32_t)
    link.slots = cast(pointer[Slot], calloc(window, sizeof(Slot)))
    link.free_slots = cast(pointer[uint32_t], calloc(window, sizeof(uint32_t)))
    link.retries = cast(pointer[uint32_t], calloc(window, sizeof(uint32_t)))
    if not link.slots or not link.free_slots or not link.retries:
        return False
    for i in range(window):
        link.free_slots[i] = i
    link.free_count = window
    return True


def release(generator):
    i = declare(uint32_t)
    if generator.links != NULL:
        for i in range(generator.link_count):
            free(generator.links[i].slots)
            free(generator.links[i].free_slots)
            free(generator.links[i].retries)
    free(generator.links)
    free(generator.receive_bytes)
    free(generator.send_bytes)
    free(generator)


def run_plan(generator):
    """Take turns until the plan's end, its aim or `stop`; whether its aim is reached."""
    i = declare(uint32_t)
    started = boot_ns()
    next_sweep = started
    while (
        started < generator.plan.end_ns
        and not load_u32(address(generator.stopping), memory_order_relaxed)
        and not aim_reached(generator)
    ):
        if started >= next_sweep:
            sweep(generator, started)
            next_sweep = started + generator.timeout_ns // 8
        active = declare(uint32_t, 0)
        for i in range(generator.link_count):
            active += turn(generator, address(generator.links[i]))
        ended = boot_ns()
        bump(address(generator.counters[TURNS]), 1)
        if active:
            bump(address(generator.counters[BUSY_NS]), ended - started)
        # A batch is worth waiting for: this is what makes an answer cheap while the tracker has enough to do.
        if generator.idle_sleep_ns and active < BATCH_MAX:
            sleep_ns(generator.idle_sleep_ns)
            ended = boot_ns()
        elif not active:
            relax()
        if ended - started > STALL_NS:
            bump(address(generator.counters[STALLS]), 1)
        started = ended
    return aim_reached(generator)


def aim_reached(generator):
    """Greeting, filling and draining have an aim; load at a rate or in a closed loop ends by time alone."""
    i = declare(uint32_t)
    mode = generator.plan.mode
    if mode in (MODE_CLOSED, MODE_OPEN):
        return False
    for i in range(generator.link_count):
        link = address(generator.links[i])
        if mode == MODE_GREET and not link.connected:
            return False
        if mode != MODE_GREET and link.free_count < generator.slots_per_link:
            return False
        if mode == MODE_FILL and (link.filled < generator.row_count or link.retry_count):
            return False
    return True


def turn(generator, link):
    received = receive(generator, link)
    return received + send(generator, link)


def receive(generator, link):
    i = declare(cython.int)
    received = recvmmsg(link.fd, generator.received, BATCH_MAX, MSG_DONTWAIT, NULL)
    if received <= 0:
        # The error that an earlier datagram earned, such as "port unreachable", comes up here.
        if received < 0 and errno != EAGAIN:
            bump(address(generator.counters[SOCKET_ERRORS]), 1)
        return 0
    now_ns = boot_ns()
    for i in range(received):
        response = generator.receive_bytes + i * RECEIVE_BYTES_MAX
        take_response(generator, link, response, generator.received[i].msg_len, now_ns)
    return received


def take_response(generator, link, response, length, now_ns):
    """Find the request that was answered by the transaction id."""
    transaction_id = declare(uint32_t)
    bump(address(generator.counters[BYTES_RECEIVED]), length)
    if length < 8:
        bump(address(generator.counters[WRONG_TRANSACTION]), 1)
        return
    memcpy(address(transaction_id), response + 4, 4)
    transaction_id = be32toh(transaction_id)
    number = transaction_id & ((cast(uint32_t, 1) << generator.slot_bits) - 1)
    index = number - link.index * generator.slots_per_link
    if index >= generator.slots_per_link:
        bump(address(generator.counters[WRONG_TRANSACTION]), 1)
        return
    slot = address(link.slots[index])
    behind = generations_behind(generator, slot, transaction_id >> generator.slot_bits)
    if slot.due_ns == 0 or behind:
        under_way = declare(uint32_t, slot.due_ns != 0)
        late = declare(cython.bint, behind >= under_way and behind < slot.losses + under_way)
        bump(address(generator.counters[LATE if late else WRONG_TRANSACTION]), 1)
        return
    bump(address(generator.latency[latency_bucket(now_ns - slot.due_ns)]), 1)
    slot.losses = 0
    take_finding(generator, link, slot, response, length)
    free_slot(link, slot)


def generations_behind(generator, slot, generation):
    """How many uses of the slot ago this was its transaction id."""
    return (slot.generation - generation) & generation_mask(generator)


def generation_mask(generator):
    return (cast(uint64_t, 1) << (32 - generator.slot_bits)) - 1 & 0xFFFF


def take_finding(generator, link, slot, response, length):
    """Count a response by what is right or wrong with it."""
    finding = check_response(address(generator.terms), slot, response, length)
    if finding != FINDING_RIGHT:
        counter = ERRORS if finding == FINDING_ERROR else WRONG_ACTION + (finding - FINDING_WRONG_ACTION)
        bump(address(generator.counters[counter]), 1)
        retry(generator, link, slot)
        return
    bump(address(generator.counters[RIGHT_CONNECT + slot.action]), 1)
    if slot.action == ACTION_CONNECT:
        memcpy(address(link.connection_id), response + 8, 8)
        link.connected = True
    elif slot.action == ACTION_ANNOUNCE:
        peers = (length - ANNOUNCE_RESPONSE_HEAD_BYTES) // (generator.terms.address_bytes + 2)
        bump(address(generator.counters[PEERS_RECEIVED]), peers)


def retry(generator, link, slot):
    """Filling means that every peer is acknowledged in the end."""
    if generator.plan.mode == MODE_FILL and slot.action == ACTION_ANNOUNCE:
        link.retries[link.retry_count] = slot.subject
        link.retry_count += 1


def free_slot(link, slot):
    slot.due_ns = 0
    link.free_slots[link.free_count] = cast(uint32_t, slot - link.slots)
    link.free_count += 1


def send(generator, link):
    """Write requests into all free slots, as the plan goes, and send them."""
    kind = declare(uint32_t)
    count = declare(uint32_t, 0)
    now_ns = boot_ns()
    bytes_sent = declare(uint64_t, 0)
    for kind in range(cast(uint32_t, KINDS)):
        generator.request_counts[kind] = 0
    while count < BATCH_MAX and link.free_count and bytes_sent < SEGMENTED_BYTES_MAX:
        index = link.free_slots[link.free_count - 1]
        if not choose(generator, link, address(link.slots[index]), now_ns):
            break
        link.free_count -= 1
        link.slots[index].sent_ns = now_ns
        bytes_sent += write_next(
            generator, link, index, generator.send_bytes + count * generator.request_stride
        )
        count += 1
    if count:
        bump(address(generator.counters[BYTES_SENT]), bytes_sent)
        transmit(generator, link, gather(generator))
    return count


def write_next(generator, link, index, to):
    """The request that was chosen for a slot; returns its length."""
    slot = address(link.slots[index])
    slot.generation += 1
    number = link.index * generator.slots_per_link + index
    transaction_id = (
        cast(uint32_t, slot.generation & generation_mask(generator)) << generator.slot_bits | number
    )
    length = write_request(address(generator.terms), slot, link.connection_id, htobe32(transaction_id), to)
    part = address(generator.requests[slot.action][generator.request_counts[slot.action]])
    part.iov_base = to
    part.iov_len = length
    generator.request_counts[slot.action] += 1
    bump(address(generator.counters[SENT_CONNECT + slot.action]), 1)
    return length


def gather(generator):
    """Make messages of the requests of all kinds; returns their number."""
    kind = declare(uint32_t)
    i = declare(uint32_t)
    messages = declare(uint32_t, 0)
    for kind in range(cast(uint32_t, KINDS)):
        if generator.segmenting and generator.request_counts[kind] > 1:
            gather_segmented(generator, kind, address(generator.sent[messages]))
            messages += 1
            continue
        for i in range(generator.request_counts[kind]):
            head = address(generator.sent[messages].msg_hdr)
            head.msg_iov = address(generator.requests[kind][i])
            head.msg_iovlen = 1
            head.msg_control = NULL
            head.msg_controllen = 0
            messages += 1
    return messages


def gather_segmented(generator, kind, message):
    segmentation = address(generator.segmentations[kind])
    segmentation.head.cmsg_level = SOL_UDP
    segmentation.head.cmsg_type = UDP_SEGMENT
    segmentation.head.cmsg_len = CMSG_LEN(sizeof(uint16_t))
    segmentation.datagram_bytes = generator.requests[kind][0].iov_len
    message.msg_hdr.msg_iov = generator.requests[kind]
    message.msg_hdr.msg_iovlen = generator.request_counts[kind]
    message.msg_hdr.msg_control = segmentation
    message.msg_hdr.msg_controllen = sizeof(Segmentation)


def transmit(generator, link, count):
    """Send all; requests that the kernel refuses are left to become lost."""
    start = declare(uint32_t, 0)
    while start < count:
        sent = sendmmsg(link.fd, address(generator.sent[start]), count - start, MSG_DONTWAIT)
        if sent < 0:
            bump(address(generator.counters[SOCKET_ERRORS]), 1)
            start += 1
        else:
            start += sent


def choose(generator, link, slot, now_ns):
    """What to ask next on this socket; False for nothing now."""
    due_ns = now_ns
    mode = generator.plan.mode
    if mode == MODE_DRAIN or (mode == MODE_GREET and link.connected):
        return False
    if not link.connected:
        return link.asked_ns == 0 and ask_connection(link, slot, now_ns)
    if mode == MODE_FILL:
        if is_aged(generator, link, now_ns):
            return ask_connection(link, slot, now_ns)
        slot.due_ns = now_ns
        return choose_unfilled(generator, link, slot)
    if mode == MODE_OPEN:
        due_ns = generator.plan.start_ns + cast(
            uint64_t, cast(cython.double, generator.plan.issued) * generator.plan.interval_ns
        )
        if due_ns > now_ns:
            return False
        generator.plan.issued += 1
    choose_by_mix(generator, link, slot, now_ns)
    slot.due_ns = due_ns
    return True


def is_aged(generator, link, now_ns):
    """Whether the connection id may soon be refused, or the request for a newer one was lost."""
    return link.asked_ns == 0 or now_ns - link.asked_ns > generator.connection_age_ns


def ask_connection(link, slot, now_ns):
    slot.action = ACTION_CONNECT
    slot.due_ns = now_ns
    link.asked_ns = now_ns
    return True


def choose_by_mix(generator, link, slot, now_ns):
    """A kind by the weights and a peer of this socket's; an old connection id is renewed first."""
    link.random += cast(uint64_t, 0x9E3779B97F4A7C15)
    random = multiply_fold(link.random, link.random ^ cast(uint64_t, 0xE7037ED1A0B428DB))
    kind = cast(uint32_t, random)
    subject = cast(uint32_t, random >> 32)
    if kind < generator.connect_threshold or is_aged(generator, link, now_ns):
        ask_connection(link, slot, now_ns)
    elif kind < generator.scrape_threshold:
        slot.action = ACTION_SCRAPE
        slot.subject = subject
    else:
        row = cast(uint32_t, (cast(uint64_t, subject) * generator.row_count) >> 32)
        slot.action = ACTION_ANNOUNCE
        slot.subject = peer_of_row(generator, link, row)
        if slot.subject >= generator.terms.layout.peer_count:
            slot.subject -= generator.link_count


def peer_of_row(generator, link, row):
    return (generator.first_row + row) * generator.link_count + link.index


def choose_unfilled(generator, link, slot):
    """A peer whose announce was lost, or the next in an order that jumps about; False after the last."""
    slot.action = ACTION_ANNOUNCE
    if link.retry_count:
        link.retry_count -= 1
        slot.subject = link.retries[link.retry_count]
        return True
    while link.filled < generator.row_count:
        row = cast(uint64_t, link.filled) * generator.row_step % generator.row_count
        link.filled += 1
        slot.subject = peer_of_row(generator, link, row)
        # The last row may be incomplete.
        if slot.subject < generator.terms.layout.peer_count:
            return True
    slot.due_ns = 0
    return False


def sweep(generator, now_ns):
    """Give up requests that were not answered in time."""
    i = declare(uint32_t)
    j = declare(uint32_t)
    for i in range(generator.link_count):
        link = address(generator.links[i])
        for j in range(generator.slots_per_link):
            slot = address(link.slots[j])
            if slot.due_ns == 0 or now_ns - slot.sent_ns < generator.timeout_ns:
                continue
            bump(address(generator.counters[LOST]), 1)
            if slot.losses < 255:
                slot.losses += 1
            if slot.action == ACTION_CONNECT:
                link.asked_ns = 0
            retry(generator, link, slot)
            free_slot(link, slot)


def latency_bucket(latency_ns):
    """Exact below 2 ** LATENCY_STEPS_LOG2, then so many steps for each power of two."""
    if latency_ns < 1 << LATENCY_STEPS_LOG2:
        return latency_ns
    shift = log2_floor(latency_ns) - LATENCY_STEPS_LOG2
    return (cast(uint32_t, shift + 1) << LATENCY_STEPS_LOG2) + (
        cast(uint32_t, latency_ns >> shift) - (1 << LATENCY_STEPS_LOG2)
    )
