from libc.stdint cimport uint8_t

cdef uint8_t* copied(bytes data) except NULL
