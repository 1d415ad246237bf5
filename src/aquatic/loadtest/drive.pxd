"""What the generators of all protocols have in common: counters, latencies, the plan of a run and the loop."""
from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u32, atomic_u64, load_u64, memory_order_relaxed, store_u64
from aquatic.loadtest.expectation cimport Terms
from aquatic.loadtest.mix cimport Mix
from aquatic.loadtest.population cimport Population

cdef enum:
    # A turn with as much to do does not wait for more.
    BATCH_MAX = 64
    STALL_NS = 500 * 1000
    # Latencies are counted by powers of two with so many steps each.
    LATENCY_STEPS_LOG2 = 5
    LATENCY_BUCKETS = (64 - 5 + 1) * 32
    COUNTERS_MAX = 48

# In the order of COMMON_COUNTER_NAMES. A protocol's own follow.
cdef enum:
    ERRORS  # the tracker says that it refuses
    WRONG_LENGTH
    WRONG_CONTENT  # counts that cannot be, peers that nobody announced
    LOST  # no answer in time
    LATE  # answers to those
    BYTES_SENT
    BYTES_RECEIVED
    PEERS_RECEIVED
    SOCKET_ERRORS
    TURNS
    STALLS  # turns of more than STALL_NS, in which nothing else was sent or received
    BUSY_NS  # of turns that sent or received
    DUE  # at a set rate: requests that should have been sent by now
    NOT_SENT  # of those, so far
    COMMON_COUNTERS

cdef enum Mode:
    MODE_GREET  # a connection id, or an open connection, for everything that needs one
    MODE_CLOSED  # a new request for each answer
    MODE_OPEN  # at a set rate, whatever comes back
    MODE_FILL  # every peer announces once, again if it is not answered
    MODE_DRAIN  # only receive
    MODE_HOLD  # connections stay open, and nothing is asked for

# What is to end, for good.
cdef enum Stopping:
    STOPPING_NOTHING
    STOPPING_LOAD  # all modes but MODE_DRAIN
    STOPPING_ALL

cdef struct Plan:
    Mode mode
    uint64_t start_ns
    uint64_t end_ns
    double interval_ns  # between two requests, at a set rate
    uint64_t issued  # in a closed loop or at a set rate
    uint64_t requests_max  # of these; 0: no bound
    # At a set rate, what the counters were told.
    uint64_t due
    uint64_t not_sent

# What the loop calls. `state` is the generator of the protocol.
cdef struct Verbs:
    uint32_t (*turn)(void* state) noexcept nogil  # returns what was sent and received
    # Of greeting and filling; in every other mode: nothing is under way.
    bint (*aim_reached)(void* state) noexcept nogil
    void (*sweep)(void* state, uint64_t now_ns) noexcept nogil  # gives up what was not answered in time

cdef struct Drive:
    void* state  # NULL: there is no generator yet
    Verbs verbs
    Plan plan
    uint64_t idle_sleep_ns  # 0: spin
    uint64_t sweep_interval_ns
    # Written by the generator's thread, read by others.
    atomic_u64 counters[COUNTERS_MAX]
    atomic_u64 latency[LATENCY_BUCKETS]
    atomic_u32 stopping  # Stopping; written by others

# The base of a protocol's generator, which sets `drive.state`, `drive.verbs` and `own_names`.
cdef class LoadGenerator:
    cdef Drive drive
    cdef Terms terms
    cdef Mix mix
    cdef Population population
    cdef tuple own_names

cdef inline void bump(Drive* drive, uint32_t counter, uint64_t amount) noexcept nogil:
    """Only one thread writes a counter, so nothing is lost between the load and the store."""
    value = load_u64(&drive.counters[counter], memory_order_relaxed)
    store_u64(&drive.counters[counter], value + amount, memory_order_relaxed)

cdef inline bint take_due(Plan* plan, uint64_t now_ns, uint64_t* due_ns) noexcept nogil:
    """Whether a request is to be sent now, and when it should have been: later than that, at a set rate."""
    due_ns[0] = now_ns
    if plan.mode == MODE_DRAIN or (plan.requests_max and plan.issued >= plan.requests_max):
        return False
    if plan.mode == MODE_OPEN:
        due_ns[0] = plan.start_ns + <uint64_t>(<double>plan.issued * plan.interval_ns)
        if due_ns[0] > now_ns:
            return False
    plan.issued += 1
    return True

cdef void note_latency(Drive* drive, uint64_t latency_ns) noexcept nogil
cdef bint run_plan(Drive* drive) noexcept nogil
cdef bint is_stopped(Drive* drive) noexcept nogil
cdef void note_due(Drive* drive, uint64_t now_ns) noexcept nogil
cdef bint plan_aim_reached(Drive* drive) noexcept nogil
cdef uint32_t latency_bucket(uint64_t latency_ns) noexcept nogil
