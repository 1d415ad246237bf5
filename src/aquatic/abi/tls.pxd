"""What TLS connections of all workers share: the keys of session tickets. Types only."""
from libc.stdint cimport uint8_t, uint64_t

from aquatic.abi.threads cimport pthread_mutex_t

cdef enum:
    TICKET_KEYS = 2
    TICKET_NAME_BYTES = 16
    TICKET_KEY_BYTES = 32

# A ticket names the key that it was sealed with. After twice the rotation a key is of no use to anybody.
cdef struct TicketKey:
    uint8_t name[TICKET_NAME_BYTES]
    uint8_t cipher[TICKET_KEY_BYTES]
    uint8_t mac[TICKET_KEY_BYTES]
    uint64_t made_ns  # 0: there is none

# Written under the lock, by whichever worker first needs a key that is not there.
cdef struct TicketKeys:
    pthread_mutex_t lock
    uint64_t rotation_ns
    void* cipher  # EVP_CIPHER, looked up once: OpenSSL would look it up again for every ticket
    TicketKey keys[TICKET_KEYS]  # the newest first
