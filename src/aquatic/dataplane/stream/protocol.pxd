from libc.stdint cimport uint32_t

from aquatic.abi.connection cimport Connection, ConnectionEnd, StreamWorker
from aquatic.abi.stream cimport Exchange, StreamProtocol

cdef void protocol_begin(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void protocol_serve(
    StreamWorker* worker, Connection* connection, uint32_t offset, uint32_t length
) noexcept nogil
cdef void protocol_look(StreamWorker* worker, Connection* connection, bint is_last) noexcept nogil
cdef bint protocol_switch(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void protocol_end(StreamWorker* worker, Connection* connection, ConnectionEnd how) noexcept nogil

cdef Exchange* fill_in(StreamWorker* worker, Connection* connection) noexcept nogil

cdef inline StreamProtocol* protocol_of(const StreamWorker* worker, const Connection* connection) noexcept nogil:
    """What the connection speaks."""
    cdef StreamProtocol* first = worker.listeners[connection.listener].protocol
    return first.successor if connection.has_switched else first
