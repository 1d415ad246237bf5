"""What the UDP tracker has to answer, stated a second time and simply, from nothing but the packets exchanged."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from aquatic.dataplane.udp.backend.memory cimport Packet
from aquatic.dataplane.udp.handle cimport AnswerRules

cdef enum:
    ISSUED_MAX = 2048
    NO_ANSWER = 255
    SOURCES = 16
    SOURCE_PORT_FIRST = 6881

# A connection id that was given to a source. Sources are told apart by their port: see SOURCE_PORT_FIRST.
cdef struct Issued:
    uint64_t id
    uint32_t source
    uint32_t seconds

cdef struct Expectation:
    AnswerRules rules
    bint may_refuse  # an access list is in force
    uint32_t issued_count
    Issued issued[ISSUED_MAX]
    uint64_t connection_ids[SOURCES]  # the last one that each source was given

cdef uint32_t source_of(const Packet* packet) noexcept nogil
# The action of the answer that this packet must get (or an error), or NO_ANSWER.
cdef uint32_t expected_action(Expectation* expected, const Packet* request, uint32_t now_seconds) noexcept nogil
# What is wrong with an answer to a request that must get one; NULL if nothing is.
cdef const char* answer_fault(
    Expectation* expected, const Packet* request, const Packet* answer, uint32_t now_seconds
) noexcept nogil

cdef bint is_valid_id(Expectation* expected, const Packet* request, uint32_t now_seconds) noexcept nogil
cdef const char* connect_fault(
    Expectation* expected, const Packet* request, const Packet* answer, uint32_t now_seconds
) noexcept nogil
cdef const char* error_fault(
    Expectation* expected, const Packet* request, uint32_t action, const Packet* answer
) noexcept nogil
cdef const char* announce_fault(Expectation* expected, const Packet* request, const Packet* answer) noexcept nogil
cdef const char* peers_fault(
    const Packet* request, const uint8_t* peers, uint32_t count, uint32_t stride
) noexcept nogil
cdef const char* scrape_fault(Expectation* expected, const Packet* request, const Packet* answer) noexcept nogil
