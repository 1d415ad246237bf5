"""How the worker's loop reaches the network: a table of verbs, so that the same loop serves every backend."""
from libc.stdint cimport int32_t, uint32_t, uint64_t

from aquatic.abi.counters cimport Counters
from aquatic.abi.datagram cimport Batch

cdef enum:
    # What a backend that cannot go on returns; the worker then ends the process.
    BACKEND_BROKEN = -1

cdef struct Backend:
    void* state
    # Wait for datagrams at most so long; returns the sockets to receive from, one bit each, or BACKEND_BROKEN.
    int (*wait)(void* state, int timeout_ms) noexcept nogil
    # Fill the batch's requests from one socket; returns how many, or BACKEND_BROKEN. Less than a full batch: it is dry.
    int (*receive)(void* state, uint32_t socket, Batch* batch) noexcept nogil
    # Send the batch's responses on the socket that their requests came from; counts what could not be sent.
    void (*send)(void* state, uint32_t socket, Batch* batch) noexcept nogil
    # Nanoseconds that never go back: what ages and intervals are measured by.
    uint64_t (*clock)(void* state) noexcept nogil
    # Why it broke, for the message that ends the process: an errno, and what was being done.
    int error_number
    const char* error_step
