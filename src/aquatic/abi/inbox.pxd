"""What other workers have for the connections of a worker. Types only.

Two halves of one size: into one the others write, from the other the worker takes. When that is empty they change
places, so the lock is held for one message's copy, and the order of what one worker sends is kept.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.threads cimport pthread_mutex_t

# In front of each message.
cdef struct InboxMessage:
    uint64_t connection
    uint32_t length

cdef struct Inbox:
    uint8_t padding_before[64]
    pthread_mutex_t lock
    # Under the lock.
    bint is_open  # while its worker runs
    bint has_called  # the worker has been woken since the halves last changed places, so it will look
    uint8_t* filled
    uint32_t filled_bytes
    # Constant after start.
    uint32_t half_bytes
    uint8_t* halves
    # The worker's own.
    bint is_called
    uint8_t* taken
    uint32_t taken_bytes
    uint32_t taken_first  # what comes before is done
    uint32_t touched_bytes  # of either half since memory was last given back
    uint8_t padding_after[64]
