from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.counters cimport Counters
from aquatic.abi.datagram cimport Batch, Datagram, Response
from aquatic.abi.limits cimport BATCH_DATAGRAMS_MAX
from aquatic.abi.swarm cimport AccessList, Delta, Store
from aquatic.abi.udp_wire cimport Request, Verdict
from aquatic.dataplane.siphash cimport HashKey

# Constant after start.
cdef struct AnswerRules:
    uint32_t announce_interval_seconds
    uint32_t peers_max[2]  # by family: the configured cap, less where an answer would not fit
    uint32_t scrape_torrents_max
    uint32_t connection_age_seconds_max

# One worker's. Nobody else writes it; the arrays hold the batch between the stages.
cdef struct Handler:
    Store* store
    Counters* counters
    HashKey key
    AnswerRules rules
    uint64_t random
    uint32_t now_seconds
    uint32_t tick
    const AccessList* access
    uint64_t cpu_start_ns  # the thread's CPU time when the batch was begun, where locks are measured
    uint8_t* out  # where the next answer goes
    Request requests[BATCH_DATAGRAMS_MAX]
    uint64_t hashes[BATCH_DATAGRAMS_MAX]
    Verdict verdicts[BATCH_DATAGRAMS_MAX]
    uint8_t answered[BATCH_DATAGRAMS_MAX]

cdef void handle(Handler* handler, Batch* batch) noexcept nogil
cdef void make_delta(const Datagram* datagram, const Request* request, Delta* delta) noexcept nogil

cdef void admit(Handler* handler, const Datagram* datagram, uint32_t index) noexcept nogil
cdef bint has_valid_connection(Handler* handler, const Datagram* datagram, const Request* request) noexcept nogil
cdef uint32_t answer(Handler* handler, const Datagram* datagram, uint32_t index) noexcept nogil
cdef uint32_t answer_connect(Handler* handler, const Datagram* datagram, const Request* request) noexcept nogil
cdef uint32_t answer_announce(
    Handler* handler, const Datagram* datagram, const Request* request, uint64_t hash
) noexcept nogil
cdef uint32_t answer_scrape(Handler* handler, const Datagram* datagram, const Request* request) noexcept nogil
cdef uint32_t answer_refusal(
    Handler* handler, const Datagram* datagram, const Request* request, Verdict verdict
) noexcept nogil
cdef uint32_t wanted_peers(Handler* handler, const Datagram* datagram, const Request* request) noexcept nogil
cdef void note(Handler* handler, const Datagram* datagram, uint32_t counter) noexcept nogil
