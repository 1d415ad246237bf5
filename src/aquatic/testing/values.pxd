from libc.stdint cimport uint8_t

from aquatic.abi.datagram cimport Source

cdef uint8_t* copied(bytes data) except NULL
cdef bint read_source(bytes ip, int port, Source* source) except -1
cdef bytes ip_of(const Source* source)
cdef int port_of(const Source* source)
