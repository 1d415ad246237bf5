from libc.stdint cimport int64_t, uint32_t

from aquatic.abi.connection cimport Connection, StreamWorker
from aquatic.dataplane.stream.proxy_header cimport ProxyHeader

cdef uint32_t open_connection(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void opening_event(StreamWorker* worker, Connection* connection) noexcept nogil

cdef void read_proxy_header(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void take_proxy_header(
    StreamWorker* worker, Connection* connection, const ProxyHeader* header
) noexcept nogil
cdef bint begin(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void shake_hands(StreamWorker* worker, Connection* connection) noexcept nogil
