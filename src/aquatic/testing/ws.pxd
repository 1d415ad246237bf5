from libc.stdint cimport uint8_t

from aquatic.abi.ws_wire cimport WsRequest

cdef uint8_t* copied(bytes data) except NULL
cdef dict announce_fields(const WsRequest* request, bytes message)
