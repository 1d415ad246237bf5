"""Counting what happens to a connection. Inlined."""
from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.connection cimport Connection, StreamWorker
from aquatic.abi.counters cimport bump

cdef inline void note(
    StreamWorker* worker, const Connection* connection, uint32_t counter, uint64_t amount
) noexcept nogil:
    bump(&worker.counters.values[connection.family][counter], amount)
