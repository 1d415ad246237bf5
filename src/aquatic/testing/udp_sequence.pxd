from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport Store, StoreLimits
from aquatic.abi.udp_wire cimport ANNOUNCE_REQUEST_BYTES
from aquatic.dataplane.swarm.export cimport ExportCursor, ExportPiece
from aquatic.dataplane.udp.backend.memory cimport Memory
from aquatic.dataplane.udp.border cimport UdpWorkers
from aquatic.dataplane.udp.worker cimport Worker
from aquatic.testing.udp_expectation cimport SOURCES, Expectation

cdef enum:
    WORKERS = 2
    HASHES = 768  # info hashes to choose from, of which
    CROWDED_HASHES = 512  # fall into one shard
    EXPECTED_MAX = 2048  # answers of a turn

# How the first byte of an input sets the tracker up, and what is done at the end.
cdef enum Options:
    WITH_TAGS = 1
    FEW_ALLOWED = 2  # small bounds on torrents and peers
    LITTLE_MEMORY = 4
    SMALL_BATCHES = 8
    SHORT_ANSWERS = 16
    ALL_CONNECTED = 32  # every source has a connection id from the start
    ALL_EXPIRE = 64  # in the end nothing may be left

cdef enum StepKind:
    STEP_CONNECT
    STEP_ANNOUNCE
    STEP_ANNOUNCE_PORTS  # one torrent, a row of ports
    STEP_ANNOUNCE_TORRENTS  # one peer, a row of torrents
    STEP_SCRAPE
    STEP_RAW
    STEP_RAW_CONNECTED  # bytes behind a valid connection id
    STEP_DAMAGED  # an announce of another length, with a byte changed
    STEP_TURN
    STEP_TIME
    STEP_FAIL_ALLOCATION
    STEP_FULL_SEND_BUFFER
    STEP_ACCESS_LIST
    STEP_CLEAN
    STEP_EXPORT
    STEP_DELTAS

# One input being played. Only one at a time: the workers and their networks are used again.
cdef struct Sequence:
    const uint8_t* next_byte
    const uint8_t* end
    const char* failure  # the first thing that was wrong
    Worker* workers
    Store* store
    StoreLimits limits
    ExportPiece* piece
    ExportCursor cursor
    bint is_exporting
    bint exports_downloads
    uint64_t clock_ns
    uint64_t clock_ns_max
    uint32_t packets_left  # so that no input takes long
    uint32_t cleanings_left
    uint32_t transaction
    uint64_t received
    uint64_t answered
    Expectation expectation
    uint8_t hashes[HASHES][20]
    uint8_t* expected[EXPECTED_MAX]  # Packets, in the order in which they are to be answered

# Plays an input; what was wrong, or NULL. The fuzzer's entry, found by its name.
cdef const char* run_input(const uint8_t* data, size_t length) noexcept nogil

cdef Sequence* sequence_create(UdpWorkers workers) except NULL
cdef void choose_hashes(Sequence* sequence) noexcept nogil
cdef void begin(Sequence* sequence, uint32_t options) noexcept nogil
cdef void begin_workers(Sequence* sequence, uint32_t options) noexcept nogil
cdef void end(Sequence* sequence, uint32_t options) noexcept nogil
cdef void expire_all(Sequence* sequence) noexcept nogil
cdef void destroy(Sequence* sequence) noexcept nogil
cdef void fail(Sequence* sequence, const char* text) noexcept nogil

cdef uint32_t take_u8(Sequence* sequence) noexcept nogil
cdef uint32_t take_u16(Sequence* sequence) noexcept nogil
cdef Memory* network(Sequence* sequence, uint32_t index) noexcept nogil
cdef void set_clock(Sequence* sequence, uint64_t clock_ns) noexcept nogil

cdef void step(Sequence* sequence) noexcept nogil
cdef void step_request(Sequence* sequence, uint32_t kind, uint32_t source) noexcept nogil
cdef void step_world(Sequence* sequence, uint32_t kind, uint32_t source) noexcept nogil
cdef void connect(Sequence* sequence, uint32_t source) noexcept nogil
cdef void connect_all(Sequence* sequence) noexcept nogil
cdef void announce(
    Sequence* sequence, uint32_t source, uint32_t torrent, uint32_t port, uint32_t manner, uint32_t wanted
) noexcept nogil
cdef void make_announce(
    Sequence* sequence, uint8_t* packet, uint32_t source, uint32_t torrent, uint32_t port, uint32_t manner,
    uint32_t wanted
) noexcept nogil
cdef uint32_t peers_wanted(uint32_t chosen) noexcept nogil
cdef void announce_ports(Sequence* sequence, uint32_t source) noexcept nogil
cdef void announce_torrents(Sequence* sequence, uint32_t source) noexcept nogil
cdef void announce_damaged(Sequence* sequence, uint32_t source) noexcept nogil
cdef void scrape(Sequence* sequence, uint32_t source) noexcept nogil
cdef void send_raw(Sequence* sequence, uint32_t source, bint is_connected) noexcept nogil
cdef void send(Sequence* sequence, uint32_t source, const uint8_t* packet, uint32_t length) noexcept nogil
cdef void change_time(Sequence* sequence) noexcept nogil
cdef void change_access_list(Sequence* sequence) noexcept nogil
cdef void clean(Sequence* sequence) noexcept nogil
cdef void export_pieces(Sequence* sequence, uint32_t count) noexcept nogil
cdef void apply_deltas(Sequence* sequence, uint32_t source) noexcept nogil
cdef void turn(Sequence* sequence, uint32_t index) noexcept nogil
cdef uint32_t expect_answers(Sequence* sequence, uint32_t index) noexcept nogil
cdef const char* answers_fault(Sequence* sequence, uint32_t index, uint32_t expected_count) noexcept nogil
cdef const char* counters_fault(Sequence* sequence) noexcept nogil
