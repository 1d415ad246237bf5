"""The connection server's data: connections, their slots, timers and limits, and the worker that has them. Types only.

Everything belongs to one worker, a thread, and is written by it alone, except where a field says otherwise. An idle
connection is a record of 96 bytes, a slot of eight, what its protocol keeps, and its TLS state if it has one: what it
has received or has to send lies in blocks only while a request is incomplete or the kernel takes no more.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.arena cimport Arena, BlockRef
from aquatic.abi.atomics cimport atomic_pointer
from aquatic.abi.datagram cimport Source
from aquatic.abi.inbox cimport Inbox
from aquatic.abi.limits cimport WORKERS_MAX
from aquatic.abi.sockets cimport epoll_event
from aquatic.abi.stream cimport Exchange, StreamProtocol
from aquatic.abi.stream_backend cimport StreamBackend
from aquatic.abi.stream_counters cimport StreamCounters
from aquatic.abi.upkeep cimport Upkeep

cdef struct StreamWorker

cdef enum:
    LISTENERS_MAX = 16
    EVENTS_MAX = 128
    # The scratch buffers, and the most that a connection keeps of either: a block of the arena.
    REQUEST_BYTES_LIMIT = 1 << 16
    OUTPUT_BYTES_LIMIT = 1 << 16
    CONNECTIONS_LIMIT = 1 << 20
    NO_CONNECTION = 0xFFFFFFFF

# What a connection waits for, and so which time limit it is under.
cdef enum ConnectionPhase:
    PHASE_PROXY_HEADER = 0
    PHASE_HANDSHAKE = 1  # of TLS
    PHASE_HEADER = 2  # the first request, or the rest of one of which a part is there
    PHASE_IDLE = 3  # the next request
    PHASE_SENDING = 4  # all that there is to send to be sent; nothing is read
    PHASE_LINGERING = 5  # the peer to end its side after we did: a close with unread input would destroy our last words

cdef enum ConnectionEnd:
    END_NOT_YET = 0
    END_AT_ONCE = 1
    END_LINGERING = 2

cdef struct Connection:
    Source source  # by the socket, or by a PROXY header
    int socket
    uint32_t slot
    uint32_t timer_tick  # of the wheel's list that it is in; 0: in none
    uint32_t timer_next  # slots, or NO_CONNECTION
    uint32_t timer_previous
    uint32_t deadline_tick  # may be later than `timer_tick`: a timer that fires too early is set again
    uint32_t look_tick  # when its protocol looks at it; 0: never
    BlockRef input
    uint32_t input_bytes
    BlockRef output  # what waits to be sent, with `output_sent` of its bytes done
    uint32_t output_bytes
    uint32_t output_sent
    uint32_t output_due  # while it is sending, how much of what waits the time limit is for
    uint32_t outbox_place  # in the worker's outbox, from 1 on; 0: it is not there
    BlockRef kept  # of its protocol
    void* tls  # SSL, or NULL
    uint8_t phase
    uint8_t family  # by the socket: the row of counters
    uint8_t listener
    uint8_t events  # watched: EPOLLIN, EPOLLOUT
    uint8_t is_from_proxy
    uint8_t is_counted  # in the table of addresses, by `source`
    uint8_t end  # when the output has been sent: a ConnectionEnd
    uint8_t has_switched  # to its listener's protocol's successor

# A connection is named by worker, slot and generation. Records may move; slots stay.
cdef struct ConnectionSlot:
    uint32_t generation  # 0: free
    BlockRef record  # or, where free, the next free slot + 1

cdef struct ConnectionSlab:
    Arena arena  # of records and buffers
    ConnectionSlot* slots
    uint32_t slots_max
    uint32_t slots_fresh  # slots from here on were never used
    uint32_t free_head  # slot + 1
    uint32_t generation  # of the last connection; counts all of this worker's, so a slot never sees one again
    uint32_t active

cdef enum:
    TIMER_BUCKETS = 512  # a little over two minutes ahead; later deadlines are set again on the way
    TIMER_TICK_MS = 250

cdef struct TimerWheel:
    uint32_t tick  # everything before is done
    uint32_t heads[TIMER_BUCKETS]  # slots, or NO_CONNECTION

cdef enum:
    ADDRESS_PROBES = 16

# Who has connections, or had a new one a moment ago: an IPv4 address or an IPv6 /64.
cdef struct AddressUse:
    uint32_t tag  # of the keyed hash; 0: free
    uint32_t connections
    uint64_t due_ns  # token bucket as one number: when it will be full again

# At least twice as many places as connections; an address is in one of ADDRESS_PROBES neighbours.
cdef struct AddressTable:
    AddressUse* uses
    uint32_t capacity  # a power of two
    uint32_t connections  # of all in it
    bint is_used  # since its memory was given back
    uint64_t due_ns  # when the last bucket will be full again
    uint64_t key_low
    uint64_t key_high

# Constant after start. Seconds are at most a day; a limit by address of 0 is none.
cdef struct StreamLimits:
    uint32_t connections_max
    uint64_t memory_bytes_max  # of records and buffers together; 0: what an arena can name
    uint32_t connections_per_address_max
    uint32_t connections_per_address_second_max
    uint32_t connections_per_address_burst_max  # at once, after a while without; at least 1
    uint32_t handshake_seconds_max  # of TLS, with the PROXY header
    uint32_t linger_seconds_max
    uint32_t inbox_bytes_max  # of messages from other workers

cdef enum:
    TRUSTED_NETWORKS_MAX = 256

# The first `prefix_bits` of an address of the family; bits beyond are zero.
cdef struct Network:
    uint8_t ip[16]
    uint8_t prefix_bits
    uint8_t family

# Constant after start, shared by all workers.
cdef struct TrustedNetworks:
    uint32_t count
    Network networks[TRUSTED_NETWORKS_MAX]

# The socket belongs to who opened it.
cdef struct StreamListener:
    int socket
    StreamProtocol* protocol
    atomic_pointer tls_context  # SSL_CTX, or NULL for plain connections; swapped by the control plane
    TrustedNetworks* trusted  # NULL: nobody is
    bint has_proxy_protocol  # connections from trusted networks begin with a PROXY header
    bint has_proxy_address_header  # requests from trusted networks carry the client's address in a header

# Connections that have something to send before this turn of the loop ends: as many places as connections.
cdef struct Outbox:
    uint32_t* slots
    uint32_t places
    uint32_t count

# What the callbacks of OpenSSL need to know.
cdef struct TlsWork:
    void* method  # BIO_METHOD
    Connection* connection  # in whose name OpenSSL is being called
    uint32_t events  # that the last call which could not go on waits for
    bint more_follows  # what is written need not leave at once
    uint32_t receives_left
    bint has_ended  # the peer's side, in this call
    int error_number  # of the backend, in this call
    uint32_t active
    uint32_t peak  # the most of them since it was last looked whether memory can be given back
    uint32_t held  # how many have memory in the allocator's heap, whether they are there or not
    uint32_t handshakes_left  # in this turn

# The workers whose connections send each other messages. Constant after start.
cdef struct WorkerGroup:
    uint32_t count
    StreamWorker* workers[WORKERS_MAX]

# One thread's world, but for the inbox. The control plane sets limits, listeners and so on before it runs, and reads
# the counters.
cdef struct StreamWorker:
    Upkeep upkeep
    StreamBackend backend
    StreamLimits limits
    StreamCounters counters
    WorkerGroup* group
    uint32_t index  # in the group
    int poll_timeout_ms
    bint measures_latency
    uint32_t listener_count
    StreamListener listeners[LISTENERS_MAX]
    Inbox inbox
    # From here on the worker's own.
    ConnectionSlab connections
    TimerWheel timers
    AddressTable addresses
    TlsWork tls
    Outbox outbox
    uint32_t next_slot_for_newcomer  # where the next look for who gives way begins
    bint has_messages_left  # in the inbox, for the next turn
    uint64_t now_ns
    uint32_t second  # the same, in whole seconds
    uint32_t gave_back_second
    uint64_t accepts_again_ns  # 0 unless accepting is paused
    int error_number  # why it broke, for the message that ends the process
    const char* error_step
    Exchange exchange
    epoll_event events[EVENTS_MAX]
    uint8_t input[REQUEST_BYTES_LIMIT]
    uint8_t output[OUTPUT_BYTES_LIMIT]
