from libc.stdint cimport uint32_t

from aquatic.abi.connection cimport Connection, StreamWorker
from aquatic.abi.datagram cimport Source

cdef uint32_t admit(StreamWorker* worker, Connection* connection) noexcept nogil
cdef bint may_be_admitted(StreamWorker* worker, uint32_t listener, const Source* source) noexcept nogil
