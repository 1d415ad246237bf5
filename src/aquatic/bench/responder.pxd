"""A server that parses nothing: one answer for whatever arrives. What it costs is the kernel's share of HTTP."""
from libc.stdint cimport uint8_t

cdef enum:
    EVENTS_MAX = 256
    RECEIVE_BYTES_MAX = 65536

# What is sent to everybody, and whether the connection ends with it.
cdef struct Answer:
    const uint8_t* bytes
    size_t length
    bint closes

cdef int serve(int listener, const Answer* answer) noexcept nogil
cdef void welcome(int epoll, int listener) noexcept nogil
cdef void answer_one(int connection, const Answer* answer) noexcept nogil
