"""Sockets that ask a UDP tracker: see udp_generator.pxd."""

import cython
from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.bits import be32toh, htobe32, log2_floor
from cython.cimports.aquatic.abi.sockets import (
    CMSG_LEN,
    MSG_DONTWAIT,
    SOL_UDP,
    UDP_SEGMENT,
    recvmmsg,
    sendmmsg,
)
from cython.cimports.aquatic.abi.threads import boot_ns
from cython.cimports.aquatic.abi.udp_wire import (
    ACTION_ANNOUNCE,
    ACTION_CONNECT,
    ACTION_SCRAPE,
    ANNOUNCE_RESPONSE_HEAD_BYTES,
    INFO_HASH_BYTES,
)
from cython.cimports.aquatic.loadtest.drive import (
    BATCH_MAX,
    BYTES_RECEIVED,
    BYTES_SENT,
    ERRORS,
    LATE,
    LOST,
    MODE_CLOSED,
    MODE_FILL,
    MODE_GREET,
    PEERS_RECEIVED,
    SOCKET_ERRORS,
    WRONG_CONTENT,
    WRONG_LENGTH,
    LoadGenerator,
    bump,
    note_latency,
    take_due,
)
from cython.cimports.aquatic.loadtest.expectation import (
    FINDING_ERROR,
    FINDING_RIGHT,
    FINDING_WRONG_CONTENT,
    FINDING_WRONG_KIND,
)
from cython.cimports.aquatic.loadtest.mix import draw, drawn_peer, next_unfilled, put_back, walk_ended
from cython.cimports.aquatic.loadtest.udp_exchange import Slot, check_response, write_request
from cython.cimports.aquatic.loadtest.udp_generator import (
    KINDS,
    RECEIVE_BYTES_MAX,
    RIGHT_CONNECT,
    SEGMENTED_BYTES_MAX,
    SENT_CONNECT,
    WRONG_ACTION,
    WRONG_TRANSACTION,
    Generator,
    Link,
    Segmentation,
)
from cython.cimports.libc.errno import EAGAIN, errno
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcpy

OWN_COUNTER_NAMES = (
    "sent_connect",
    "sent_announce",
    "sent_scrape",
    "right_connect",
    "right_announce",
    "right_scrape",
    "wrong_action",
    "wrong_transaction",
)


class UdpGenerator(LoadGenerator):
    def __init__(self, population, sockets, terms) -> None:
        LoadGenerator.__init__(self, population, terms)
        self.own_names = OWN_COUNTER_NAMES
        self.sockets = list(sockets)
        if len(self.sockets) != population.sources:
            raise ValueError("one socket for each source address of the population")
        self.generator = cast(pointer[Generator], calloc(1, sizeof(Generator)))
        if self.generator == NULL:
            raise MemoryError
        generator = self.generator
        generator.drive = address(self.drive)
        generator.terms = address(self.terms)
        generator.mix = address(self.mix)
        generator.timeout_ns = int(terms.timeout_seconds * 1e9)
        generator.connection_age_ns = int(terms.connection_age_seconds * 1e9)
        generator.segmenting = terms.segmenting
        generator.additional_threshold = int(terms.additional_request_probability * 0xFFFFFFFF)
        if not prepare(generator, len(self.sockets), terms.window):
            raise MemoryError
        i = declare(cython.Py_ssize_t)
        for i in range(len(self.sockets)):
            generator.links[i].fd = self.sockets[i].fileno()
            generator.links[i].walk.random = terms.random_seed + i

    def __dealloc__(self) -> None:
        if self.generator != NULL:
            release(self.generator)


def prepare(generator, link_count, window):
    """Take the memory of all links and batches; False without it. `release` gives back what was taken."""
    i = declare(uint32_t)
    generator.link_count = link_count
    generator.slots_per_link = window
    generator.drive.sweep_interval_ns = generator.timeout_ns // 8
    generator.drive.verbs.turn = turn
    generator.drive.verbs.aim_reached = aim_reached
    generator.drive.verbs.sweep = sweep
    generator.drive.state = generator
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
        generator.links[i].walk.source = i
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
    link.walk.retries = cast(pointer[uint32_t], calloc(window, sizeof(uint32_t)))
    if not link.slots or not link.free_slots or not link.walk.retries:
        return False
    for i in range(window):
        link.free_slots[i] = i
    link.free_count = window
    link.allowed = 1
    return True


def release(generator):
    i = declare(uint32_t)
    if generator.links != NULL:
        for i in range(generator.link_count):
            free(generator.links[i].slots)
            free(generator.links[i].free_slots)
            free(generator.links[i].walk.retries)
    free(generator.links)
    free(generator.receive_bytes)
    free(generator.send_bytes)
    free(generator)


def turn(state):
    i = declare(uint32_t)
    done = declare(uint32_t, 0)
    generator = cast(pointer[Generator], state)
    for i in range(generator.link_count):
        done += receive(generator, address(generator.links[i]))
        done += send(generator, address(generator.links[i]))
    return done


def aim_reached(state):
    i = declare(uint32_t)
    generator = cast(pointer[Generator], state)
    mode = generator.drive.plan.mode
    for i in range(generator.link_count):
        link = address(generator.links[i])
        if mode == MODE_GREET and not link.connected:
            return False
        if mode != MODE_GREET and link.free_count < generator.slots_per_link:
            return False
        if mode == MODE_FILL and not walk_ended(generator.mix, address(link.walk)):
            return False
    return True


def receive(generator, link):
    i = declare(cython.int)
    received = recvmmsg(link.fd, generator.received, BATCH_MAX, MSG_DONTWAIT, NULL)
    if received <= 0:
        # The error that an earlier datagram earned, such as "port unreachable", comes up here.
        if received < 0 and errno != EAGAIN:
            bump(generator.drive, SOCKET_ERRORS, 1)
        return 0
    now_ns = boot_ns()
    for i in range(received):
        response = generator.receive_bytes + i * RECEIVE_BYTES_MAX
        take_response(generator, link, response, generator.received[i].msg_len, now_ns)
    return received


def take_response(generator, link, response, length, now_ns):
    """Find the request that was answered by the transaction id."""
    transaction_id = declare(uint32_t)
    bump(generator.drive, BYTES_RECEIVED, length)
    if length < 8:
        bump(generator.drive, WRONG_TRANSACTION, 1)
        return
    memcpy(address(transaction_id), response + 4, 4)
    transaction_id = be32toh(transaction_id)
    number = transaction_id & ((cast(uint32_t, 1) << generator.slot_bits) - 1)
    index = number - link.index * generator.slots_per_link
    if index >= generator.slots_per_link:
        bump(generator.drive, WRONG_TRANSACTION, 1)
        return
    slot = address(link.slots[index])
    behind = generations_behind(generator, slot, transaction_id >> generator.slot_bits)
    if slot.due_ns == 0 or behind:
        under_way = declare(uint32_t, slot.due_ns != 0)
        late = declare(cython.bint, behind >= under_way and behind < slot.losses + under_way)
        bump(generator.drive, LATE if late else WRONG_TRANSACTION, 1)
        return
    note_latency(generator.drive, now_ns - slot.due_ns)
    slot.losses = 0
    allow_more(generator, link)
    take_finding(generator, link, slot, response, length)
    free_slot(link, slot)


def generations_behind(generator, slot, generation):
    """How many uses of the slot ago this was its transaction id."""
    return (slot.generation - generation) & generation_mask(generator)


def generation_mask(generator):
    return (cast(uint64_t, 1) << (32 - generator.slot_bits)) - 1 & 0xFFFF


def take_finding(generator, link, slot, response, length):
    """Count a response by what is right or wrong with it."""
    finding = check_response(generator.terms, slot, response, length)
    if finding != FINDING_RIGHT:
        counter = declare(uint32_t, WRONG_LENGTH)
        if finding == FINDING_ERROR:
            counter = ERRORS
        elif finding == FINDING_WRONG_KIND:
            counter = WRONG_ACTION
        elif finding == FINDING_WRONG_CONTENT:
            counter = WRONG_CONTENT
        bump(generator.drive, counter, 1)
        retry(generator, link, slot)
        return
    bump(generator.drive, RIGHT_CONNECT + slot.action, 1)
    if slot.action == ACTION_CONNECT:
        memcpy(address(link.connection_id), response + 8, 8)
        link.connected = True
    elif slot.action == ACTION_ANNOUNCE:
        peers = (length - ANNOUNCE_RESPONSE_HEAD_BYTES) // (generator.terms.address_bytes + 2)
        bump(generator.drive, PEERS_RECEIVED, peers)


def retry(generator, link, slot):
    """Filling means that every peer is acknowledged in the end."""
    if generator.drive.plan.mode == MODE_FILL and slot.action == ACTION_ANNOUNCE:
        put_back(address(link.walk), slot.subject)


def allow_more(generator, link):
    """Beside the request that follows an answer another one, now and then: what was lost is made up for so."""
    lucky = declare(cython.bint, cast(uint32_t, draw(address(link.walk))) < generator.additional_threshold)
    if lucky and link.allowed < generator.slots_per_link:
        link.allowed += 1


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
        bump(generator.drive, BYTES_SENT, bytes_sent)
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
    length = write_request(generator.terms, slot, link.connection_id, htobe32(transaction_id), to)
    part = address(generator.requests[slot.action][generator.request_counts[slot.action]])
    part.iov_base = to
    part.iov_len = length
    generator.request_counts[slot.action] += 1
    bump(generator.drive, SENT_CONNECT + slot.action, 1)
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
            bump(generator.drive, SOCKET_ERRORS, 1)
            start += 1
        else:
            start += sent


def choose(generator, link, slot, now_ns):
    """What to ask next on this socket; False for nothing now."""
    mode = generator.drive.plan.mode
    if mode == MODE_GREET and link.connected:
        return False
    if not link.connected:
        return link.asked_ns == 0 and ask_connection(link, slot, now_ns)
    if mode == MODE_FILL:
        if is_aged(generator, link, now_ns):
            return ask_connection(link, slot, now_ns)
        slot.action = ACTION_ANNOUNCE
        slot.due_ns = now_ns
        if next_unfilled(generator.mix, address(link.walk), address(slot.subject)):
            return True
        slot.due_ns = 0
        return False
    due_ns = declare(uint64_t)
    if not may_send(generator, link) or not take_due(address(generator.drive.plan), now_ns, address(due_ns)):
        return False
    choose_by_mix(generator, link, slot, now_ns)
    slot.due_ns = due_ns
    return True


def may_send(generator, link):
    """Whether fewer are under way than a closed loop allows now."""
    if generator.drive.plan.mode != MODE_CLOSED:
        return True
    return generator.slots_per_link - link.free_count < link.allowed


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
    random = draw(address(link.walk))
    kind = cast(uint32_t, random)
    subject = cast(uint32_t, random >> 32)
    if kind < generator.mix.connect_threshold or is_aged(generator, link, now_ns):
        ask_connection(link, slot, now_ns)
    elif kind < generator.mix.scrape_threshold:
        slot.action = ACTION_SCRAPE
        slot.subject = subject
    else:
        slot.action = ACTION_ANNOUNCE
        slot.subject = drawn_peer(generator.mix, address(link.walk), subject)


def sweep(state, now_ns):
    """Give up requests that were not answered in time."""
    i = declare(uint32_t)
    j = declare(uint32_t)
    generator = cast(pointer[Generator], state)
    for i in range(generator.link_count):
        link = address(generator.links[i])
        for j in range(generator.slots_per_link):
            slot = address(link.slots[j])
            if slot.due_ns == 0 or now_ns - slot.sent_ns < generator.timeout_ns:
                continue
            bump(generator.drive, LOST, 1)
            if slot.losses < 255:
                slot.losses += 1
            if slot.action == ACTION_CONNECT:
                link.asked_ns = 0
            if link.allowed > 1:
                link.allowed -= 1
            retry(generator, link, slot)
            free_slot(link, slot)
