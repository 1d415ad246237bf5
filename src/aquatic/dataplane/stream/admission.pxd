from libc.stdint cimport uint32_t

from aquatic.abi.connection cimport Connection, StreamWorker

cdef uint32_t admit(StreamWorker* worker, Connection* connection) noexcept nogil
