from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.http_wire cimport HttpRequest, HttpResource

cdef enum:
    NAME_BYTES_MAX = 16  # of parameters that are known; a longer name is another's
    NOT_HEXADECIMAL = 16  # no bit of it is in a digit's value
    TEXT_BYTES_MAX = 32  # of events and numbers; what is longer is none

# What of the query has not been read yet.
cdef struct Cursor:
    const uint8_t* at
    const uint8_t* end

cdef void decode_target(const uint8_t* target, uint32_t length, HttpRequest* request) noexcept nogil

cdef uint32_t path_start(const uint8_t* target, uint32_t length) noexcept nogil
cdef HttpResource resource_of(const uint8_t* path, uint32_t length) noexcept nogil
cdef void decode_parameters(Cursor* cursor, HttpRequest* request) noexcept nogil
cdef void decode_parameter(
    Cursor* cursor, const uint8_t* name, uint32_t name_bytes, HttpRequest* request
) noexcept nogil
cdef bint is_name(const uint8_t* name, uint32_t name_bytes, const char* known, uint32_t known_bytes) noexcept nogil
cdef void read_info_hash(Cursor* cursor, HttpRequest* request) noexcept nogil
cdef uint32_t read_event(Cursor* cursor) noexcept nogil
cdef int32_t read_port(Cursor* cursor) noexcept nogil
cdef int32_t read_peers_wanted(Cursor* cursor) noexcept nogil
cdef uint64_t read_bytes_left(Cursor* cursor) noexcept nogil
cdef bint read_compact(Cursor* cursor) noexcept nogil
cdef uint32_t read_text(Cursor* cursor, uint8_t stop, uint8_t* out, uint32_t capacity) noexcept nogil
cdef bint read_number(const uint8_t* text, uint32_t length, uint64_t* number) noexcept nogil
cdef uint32_t hexadecimal(uint8_t byte) noexcept nogil
