from aquatic.abi.openssl cimport SSL, SSL_CTX
from aquatic.abi.tls cimport TicketKeys

cdef class TlsTicketKeys:
    cdef TicketKeys keys

cdef class TlsContext:
    cdef SSL_CTX* context
    cdef readonly TlsTicketKeys ticket_keys

    cdef bint set_up(self) except -1

cdef object reason_of_failure(object subject)
cdef int choose_protocol(
    SSL* ssl, const unsigned char** out, unsigned char* out_length, const unsigned char* offered,
    unsigned int offered_length, void* data
) noexcept nogil
cdef int refuse_password(char* buffer, int size, int writes, void* data) noexcept nogil
