from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.ws_wire cimport WsRequest

cdef dict announce_fields(WsRequest* request, bytes message)
cdef uint8_t* guarded(uint32_t size) except NULL
cdef bytes written(uint8_t* room, const uint8_t* end, uint32_t size)
