from libc.stdint cimport uint32_t

from aquatic.abi.connection cimport StreamWorker
from aquatic.abi.datagram cimport Source

cdef bint accept_batch(StreamWorker* worker, uint32_t listener) noexcept nogil
cdef bint watch_listeners(StreamWorker* worker, bint is_new) noexcept nogil
cdef void pause_accepting(StreamWorker* worker) noexcept nogil

cdef void take_up(StreamWorker* worker, uint32_t listener, int socket, const Source* source) noexcept nogil
cdef bint accept_failed(StreamWorker* worker, int error_number) noexcept nogil
