"""Sockets that ask a UDP tracker as fast as it answers, or at a set rate, and count what comes back."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.sockets cimport cmsghdr, iovec, mmsghdr
from aquatic.loadtest.drive cimport BATCH_MAX, COMMON_COUNTERS, Drive, LoadGenerator
from aquatic.loadtest.expectation cimport Terms
from aquatic.loadtest.mix cimport Mix, Walk
from aquatic.loadtest.udp_exchange cimport Slot

cdef enum:
    RECEIVE_BYTES_MAX = 2048
    # Connect, announce and scrape; requests of one kind have one length.
    KINDS = 3
    # What fits one datagram before the kernel cuts it into segments, less the longest request.
    SEGMENTED_BYTES_MAX = 63000

# In the order of OWN_COUNTER_NAMES. The first three of each kind are by action.
cdef enum:
    SENT_CONNECT = COMMON_COUNTERS
    SENT_ANNOUNCE
    SENT_SCRAPE
    RIGHT_CONNECT
    RIGHT_ANNOUNCE
    RIGHT_SCRAPE
    WRONG_ACTION
    WRONG_TRANSACTION  # or shorter than any response

# One socket, bound to one source address and connected to the tracker.
cdef struct Link:
    int fd
    uint32_t index
    Walk walk
    uint64_t connection_id  # as the tracker sent it
    bint connected
    uint64_t asked_ns  # when a connection id was last asked for; 0: not yet, or in vain
    Slot* slots
    uint32_t* free_slots  # a stack
    uint32_t free_count
    uint32_t allowed  # closed loop: requests under way at most, 1 to the window

# Control message by which the kernel cuts what is sent into datagrams of so many bytes each. Sending a batch so costs
# a third of sending its datagrams one by one.
cdef struct Segmentation:
    cmsghdr head
    uint16_t datagram_bytes

cdef struct Generator:
    Drive* drive
    const Terms* terms
    const Mix* mix
    Link* links
    uint32_t link_count
    uint32_t slots_per_link
    uint32_t slot_bits  # of a transaction id
    uint32_t additional_threshold  # of 32 random bits: below, an answer allows one request more
    uint64_t timeout_ns
    uint64_t connection_age_ns
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

cdef class UdpGenerator(LoadGenerator):
    cdef Generator* generator
    cdef object sockets

cdef bint prepare(Generator* generator, uint32_t link_count, uint32_t window) noexcept nogil
cdef void prepare_messages(Generator* generator) noexcept nogil
cdef bint prepare_link(Link* link, uint32_t window) noexcept nogil
cdef void release(Generator* generator) noexcept nogil
# The verbs of the loop, whose state is the Generator.
cdef uint32_t turn(void* state) noexcept nogil
cdef bint aim_reached(void* state) noexcept nogil
cdef void sweep(void* state, uint64_t now_ns) noexcept nogil

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
cdef void allow_more(const Generator* generator, Link* link) noexcept nogil
cdef void free_slot(Link* link, Slot* slot) noexcept nogil
cdef uint32_t send(Generator* generator, Link* link) noexcept nogil
cdef uint32_t write_next(Generator* generator, Link* link, uint32_t index, uint8_t* to) noexcept nogil
cdef uint32_t gather(Generator* generator) noexcept nogil
cdef void gather_segmented(Generator* generator, uint32_t kind, mmsghdr* message) noexcept nogil
cdef void transmit(Generator* generator, const Link* link, uint32_t count) noexcept nogil
cdef bint choose(Generator* generator, Link* link, Slot* slot, uint64_t now_ns) noexcept nogil
cdef bint may_send(const Generator* generator, const Link* link) noexcept nogil
cdef bint is_aged(const Generator* generator, const Link* link, uint64_t now_ns) noexcept nogil
cdef bint ask_connection(Link* link, Slot* slot, uint64_t now_ns) noexcept nogil
cdef void choose_by_mix(const Generator* generator, Link* link, Slot* slot, uint64_t now_ns) noexcept nogil
