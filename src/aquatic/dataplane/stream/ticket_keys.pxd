from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.openssl cimport EVP_CIPHER_CTX, EVP_MAC_CTX, SSL
from aquatic.abi.tls cimport TicketKey, TicketKeys

cdef bint ticket_keys_init(TicketKeys* keys, uint64_t rotation_ns) noexcept nogil
cdef void ticket_keys_end(TicketKeys* keys) noexcept nogil
cdef int ticket_key_callback(
    SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypts
) noexcept nogil

cdef bint newest_key(TicketKeys* keys, uint64_t now_ns, TicketKey* key) noexcept nogil
cdef bint rotate(TicketKeys* keys, uint64_t now_ns) noexcept nogil
cdef int find_key(TicketKeys* keys, uint64_t now_ns, const uint8_t* name, TicketKey* key) noexcept nogil
cdef bint use_key(
    const TicketKeys* keys, TicketKey* key, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
    int encrypts
) noexcept nogil
