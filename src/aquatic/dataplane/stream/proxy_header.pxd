from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.datagram cimport Source

cdef enum:
    PROXY_LINE_BYTES_MAX = 107  # of version 1, by its specification
    # Of version 2: addresses, and what proxies are known to add. The format would allow 64 KiB.
    PROXY_HEADER_BYTES_MAX = 2048
    PROXY_SIGNATURE_BYTES = 12
    PROXY_FIXED_BYTES = 16

cdef enum ProxyVerdict:
    PROXY_COMPLETE = 0
    PROXY_PARTIAL = 1
    PROXY_BAD = 2

cdef struct ProxyHeader:
    uint32_t length
    bint has_source  # or the connection is the proxy's own, or of a kind that has no such address
    Source source

cdef ProxyVerdict proxy_decode(const uint8_t* bytes, uint32_t length, ProxyHeader* header) noexcept nogil

cdef ProxyVerdict decode_text(const uint8_t* bytes, uint32_t length, ProxyHeader* header) noexcept nogil
cdef uint32_t line_end(const uint8_t* bytes, uint32_t length) noexcept nogil
cdef ProxyVerdict decode_addresses(
    const uint8_t* bytes, uint32_t end, int family, ProxyHeader* header
) noexcept nogil
cdef uint32_t read_word(const uint8_t* bytes, uint32_t place, uint32_t end, char* text) noexcept nogil
cdef int read_port(const char* text) noexcept nogil
cdef ProxyVerdict decode_binary(const uint8_t* bytes, uint32_t length, ProxyHeader* header) noexcept nogil
cdef ProxyVerdict decode_binary_addresses(
    const uint8_t* bytes, uint32_t addresses_bytes, ProxyHeader* header
) noexcept nogil
