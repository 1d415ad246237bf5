from libc.stdint cimport uint32_t

from aquatic.abi.connection cimport Connection, StreamWorker
from aquatic.abi.datagram cimport Source

cdef bint make_room(StreamWorker* worker, uint32_t listener, const Source* source) noexcept nogil

cdef Connection* first_to_go(StreamWorker* worker) noexcept nogil
cdef bint is_under_way(StreamWorker* worker, Connection* connection) noexcept nogil
cdef bint has_waited(const StreamWorker* worker, const Connection* connection) noexcept nogil
