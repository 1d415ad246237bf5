"""Sockets that ask a UDP tracker as fast as it answers, or at a set rate, and count what comes back."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u32, atomic_u64, load_u64, memory_order_relaxed, store_u64
from aquatic.abi.sockets cimport cmsghdr, iovec, mmsghdr
from aquatic.loadtest.exchange cimport Slot, Terms
from aquatic.loadtest.population cimport Population

cdef enum:
    BATCH_MAX = 64
    STALL_NS = 500 * 1000
    RECEIVE_BYTES_MAX = 2048
    # Latencies are counted by powers of two with so many steps each.
    LATENCY_STEPS_LOG2 = 5
    LATENCY_BUCKETS = (64 - 5 + 1) * 32
    # Connect, announce and scrape; requests of one kind have one length.
    KINDS = 3
    # What fits one datagram before the kernel cuts it into segments, less the longest request.
    SEGMENTED_BYTES_MAX = 63000

# In the order of COUNTER_NAMES. The first three of each kind are by action.
cdef enum:
    SENT_CONNECT
    SENT_ANNOUNCE
    SENT_SCRAPE
    RIGHT_CONNECT
    RIGHT_ANNOUNCE
    RIGHT_SCRAPE
    ERRORS
    WRONG_ACTION
    WRONG_LENGTH
    WRONG_CONTENT
    WRONG_TRANSACTION  # or shorter than any response
    LOST  # no answer in time
    LATE  # answers to those
    BYTES_SENT
    BYTES_RECEIVED
    PEERS_RECEIVED
    SOCKET_ERRORS
    TURNS
    STALLS  # turns of more than STALL_NS, in which nothing else was sent or received
    BUSY_NS  # of turns that sent or received
    COUNTERS

cdef enum Mode:
    MODE_GREET  # a connection id for every socket
    MODE_CLOSED  # a new request for each answer
    MODE_OPEN  # at a set rate, whatever comes back
    MODE_FILL  # every peer announces once, again if it is not answered
    MODE_DRAIN  # only receive

# One socket, bound to one source address and connected to the tracker.
cdef struct Link:
    int fd
    uint32_t index
    uint64_t connection_id  # as the tracker sent it
    bint connected
    uint64_t asked_ns  # when a connection id was last asked for; 0: not yet, or in vain
    Slot* slots
    uint32_t* free_slots  # a stack
    uint32_t free_count
    uint32_t* retries  # fill: peers whose announce was lost, a stack
    uint32_t retry_count
    uint32_t filled  # fill: rows taken so far
    uint64_t random

# Control message by which the kernel cuts what is sent into datagrams of so many bytes each. Sending a batch so costs
# a third of sending its datagrams one by one.
cdef struct Segmentation:
    cmsghdr head
    uint16_t datagram_bytes

cdef struct Plan:
    Mode mode
    uint64_t start_ns
    uint64_t end_ns
    double interval_ns  # between two requests, at a set rate
    uint64_t issued

cdef struct Generator:
    Terms terms
    Plan plan
    Link* links
    uint32_t link_count
    uint32_t slots_per_link
    uint32_t slot_bits  # of a transaction id
    uint32_t connect_threshold  # of 32 random bits: below, a connect
    uint32_t scrape_threshold  # below, a scrape
    uint32_t first_row  # rows of peers, one for each source, that are this generator's
    uint32_t row_count
    uint32_t row_step  # fill goes through the rows by this, which has no factor in common with row_count
    uint64_t timeout_ns
    uint64_t connection_age_ns
    uint64_t idle_sleep_ns  # 0: spin
    uint32_t request_stride
    mmsghdr received[BATCH_MAX]
    iovec received_parts[BATCH_MAX]
    bint segmenting
    mmsghdr sent[BATCH_MAX]
    iovec requests[KINDS][BATCH_MAX]  # by action
    uint32_t request_counts[KINDS]
    Segmentation segmentations[KINDS]
    uint8_t* receive_bytes
    uint8_t* send_bytes
    # Written by the generator's thread, read by others.
    atomic_u64 counters[COUNTERS]
    atomic_u64 latency[LATENCY_BUCKETS]
    atomic_u32 stopping

cdef class UdpGenerator:
    cdef Generator* generator
    cdef Population population
    cdef object sockets

cdef inline void bump(atomic_u64* counter, uint64_t amount) noexcept nogil:
    """Only one thread writes a counter, so nothing is lost between the load and the store."""
    store_u64(counter, load_u64(counter, memory_order_relaxed) + amount, memory_order_relaxed)

cdef bint prepare(Generator* generator, uint32_t link_count, uint32_t window) noexcept nogil
cdef void prepare_messages(Generator* generator) noexcept nogil
cdef bint prepare_link(Link* link, uint32_t window) noexcept nogil
cdef void release(Generator* generator) noexcept nogil
cdef bint run_plan(Generator* generator) noexcept nogil
cdef bint aim_reached(const Generator* generator) noexcept nogil
cdef uint32_t turn(Generator* generator, Link* link) noexcept nogil
cdef uint32_t receive(Generator* generator, Link* link) noexcept nogil
cdef void take_response(
    Generator* generator, Link* link, const uint8_t* response, uint32_t length, uint64_t now_ns
) noexcept nogil
cdef void take_finding(
    Generator* generator, Link* link, const Slot* slot, const uint8_t* response, uint32_t length
) noexcept nogil
cdef uint32_t generations_behind(const Generator* generator, const Slot* slot, uint32_t generation) noexcept nogil
cdef uint32_t generation_mask(const Generator* generator) noexcept nogil
cdef void retry(const Generator* generator, Link* link, const Slot* slot) noexcept nogil
cdef void free_slot(Link* link, Slot* slot) noexcept nogil
cdef uint32_t send(Generator* generator, Link* link) noexcept nogil
cdef uint32_t write_next(Generator* generator, Link* link, uint32_t index, uint8_t* to) noexcept nogil
cdef uint32_t gather(Generator* generator) noexcept nogil
cdef void gather_segmented(Generator* generator, uint32_t kind, mmsghdr* message) noexcept nogil
cdef void transmit(Generator* generator, const Link* link, uint32_t count) noexcept nogil
cdef bint choose(Generator* generator, Link* link, Slot* slot, uint64_t now_ns) noexcept nogil
cdef bint is_aged(const Generator* generator, const Link* link, uint64_t now_ns) noexcept nogil
cdef bint ask_connection(Link* link, Slot* slot, uint64_t now_ns) noexcept nogil
cdef void choose_by_mix(const Generator* generator, Link* link, Slot* slot, uint64_t now_ns) noexcept nogil
cdef uint32_t peer_of_row(const Generator* generator, const Link* link, uint32_t row) noexcept nogil
cdef bint choose_unfilled(const Generator* generator, Link* link, Slot* slot) noexcept nogil
cdef void sweep(Generator* generator, uint64_t now_ns) noexcept nogil
cdef uint32_t latency_bucket(uint64_t latency_ns) noexcept nogil
