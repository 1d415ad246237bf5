"""Connections that ask an HTTP tracker as fast as it answers, or at a set rate, and count what comes back."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.loadtest.drive cimport COMMON_COUNTERS, Drive, LoadGenerator
from aquatic.loadtest.expectation cimport Finding, Terms
from aquatic.loadtest.http_exchange cimport HttpKind, Script, Text
from aquatic.loadtest.mix cimport Mix, Walk
from aquatic.loadtest.wire cimport SocketAddress, Wire, Wires

cdef enum:
    EVENTS_MAX = 64
    # What comes without a pause after an answer that is to be the last.
    ENDING_NS = 100 * 1000 * 1000
    SWEEP_NS_MAX = 50 * 1000 * 1000

# In the order of OWN_COUNTER_NAMES. The first two of each kind are by kind of request.
cdef enum:
    SENT_ANNOUNCE = COMMON_COUNTERS
    SENT_SCRAPE
    RIGHT_ANNOUNCE
    RIGHT_SCRAPE
    WRONG_STATUS
    WRONG_SHAPE  # not HTTP, or not the bencode that was asked for
    CONNECTIONS_OPENED
    CONNECTIONS_FAILED
    CONNECTIONS_REFUSED  # of those, because nobody listens
    CONNECTIONS_CUT  # with a request under way
    HANDSHAKES
    HANDSHAKES_RESUMED

cdef enum Phase:
    PHASE_FREE  # closed, opening or open: it takes the next request, in the ring of those that do
    PHASE_ASKING  # opening, or the request is sent in part
    PHASE_WAITING
    PHASE_OVERDUE  # its request is lost; an answer will be late
    PHASE_ENDING  # the tracker is to close it
    PHASE_RESTING  # it failed; not at once again

cdef struct Connection:
    Wire wire
    Phase phase
    bint greeted  # has been open
    HttpKind kind
    uint32_t subject
    uint32_t sent_bytes  # of the request
    uint64_t due_ns  # when the request was chosen or, at a set rate, should have been
    uint64_t since_ns  # of the phase; asking and waiting are one
    uint8_t* kept  # of a response that has not come whole
    uint32_t kept_bytes

cdef struct Generator:
    Drive* drive
    const Terms* terms
    const Mix* mix
    Script script
    Wires wires
    Walk* walks  # one for each source
    uint32_t source_count
    Connection* connections
    uint32_t connection_count
    uint32_t greeted_count
    uint32_t opened_count  # greeting: so many have been opened, from the first on
    double opening_interval_ns
    uint32_t* free  # a ring of connection_count
    uint32_t free_first
    uint32_t free_count
    uint32_t under_way
    uint64_t timeout_ns
    bint keep_alive
    uint8_t* received  # RESPONSE_BYTES_MAX
    uint8_t* request  # REQUEST_BYTES_MAX

cdef class HttpGenerator(LoadGenerator):
    cdef Generator* generator
    cdef object texts

cdef Text text_of(bytes encoded)
cdef int put_address(SocketAddress* to, bytes packed) except -1
cdef bint prepare(Generator* generator, bint tls) noexcept nogil
cdef void release(Generator* generator) noexcept nogil

# The verbs of the loop, whose state is the Generator.
cdef uint32_t turn(void* state) noexcept nogil
cdef bint aim_reached(void* state) noexcept nogil
cdef void sweep(void* state, uint64_t now_ns) noexcept nogil

cdef void take_event(Generator* generator, Connection* connection, uint32_t events) noexcept nogil
cdef void greet(Generator* generator, uint64_t now_ns) noexcept nogil
cdef void open_again(Generator* generator, Connection* connection) noexcept nogil
cdef void open_connection(Generator* generator, Connection* connection) noexcept nogil
cdef void go_on(Generator* generator, Connection* connection, uint32_t events) noexcept nogil
cdef uint32_t issue(Generator* generator) noexcept nogil
cdef bint choose(Generator* generator, Connection* connection, uint64_t now_ns) noexcept nogil
cdef void ask(Generator* generator, Connection* connection) noexcept nogil
cdef void receive(Generator* generator, Connection* connection, bint has_ended) noexcept nogil
cdef void take_bytes(Generator* generator, Connection* connection, uint32_t length) noexcept nogil
cdef void take_end(Generator* generator, Connection* connection) noexcept nogil
cdef bint take_response(
    Generator* generator, Connection* connection, uint32_t length, bint has_ended
) noexcept nogil
cdef void take_answer(
    Generator* generator, Connection* connection, Finding finding, uint32_t peers
) noexcept nogil
cdef void count_finding(
    Generator* generator, Connection* connection, Finding finding, uint32_t peers
) noexcept nogil
cdef bint keep(Connection* connection, const uint8_t* bytes, uint32_t length) noexcept nogil
cdef void forget(Connection* connection) noexcept nogil
cdef void lose(Generator* generator, Connection* connection) noexcept nogil
cdef void retry(Generator* generator, Connection* connection) noexcept nogil
cdef void fail(Generator* generator, Connection* connection) noexcept nogil
cdef void end(Generator* generator, Connection* connection, bint resets) noexcept nogil
cdef void set_free(Generator* generator, Connection* connection) noexcept nogil
cdef void sweep_connection(Generator* generator, Connection* connection, uint64_t now_ns) noexcept nogil
