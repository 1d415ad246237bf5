"""Messages from one worker to another's connections: a bounded buffer, and a call to the worker that may be asleep.

Many messages make one call. None is missed: the call is made, and noted under the lock as made, with the first message
after the halves have changed places, and the halves change places after each call.
"""

from cython import NULL, address, bint, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.inbox import InboxMessage
from cython.cimports.aquatic.abi.memory import MADV_DONTNEED, madvise, reserve, unreserve
from cython.cimports.aquatic.abi.threads import (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
)
from cython.cimports.aquatic.dataplane.stream.inbox import POST_CLOSED, POST_DONE, POST_FULL
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memcpy, memset

# Memory of a half that stays after a burst.
WARM_BYTES_MAX = declare(uint32_t, 1 << 16)


def inbox_init(inbox, bytes_max):
    """Take the addresses for two halves of so many bytes; False if they can't be had."""
    memset(inbox, 0, sizeof(inbox[0]))
    inbox.halves = cast(pointer(uint8_t), reserve(2 * bytes_max))
    if inbox.halves == NULL:
        return False
    inbox.half_bytes = bytes_max
    inbox.filled = inbox.halves
    inbox.taken = inbox.halves + bytes_max
    pthread_mutex_init(address(inbox.lock), NULL)
    return True


def inbox_end(inbox):
    if inbox.halves != NULL:
        unreserve(inbox.halves, 2 * inbox.half_bytes)
        inbox.halves = NULL
        pthread_mutex_destroy(address(inbox.lock))


def inbox_set_open(inbox, is_open):
    """After it has been closed nobody calls the worker any more."""
    pthread_mutex_lock(address(inbox.lock))
    inbox.is_open = is_open
    pthread_mutex_unlock(address(inbox.lock))


# Other workers' end


def inbox_post(inbox, backend, connection, message, length):
    """Leave a message, and wake the worker unless it will look anyway."""
    head = declare(InboxMessage)
    head.connection = connection
    head.length = length
    outcome = POST_DONE
    pthread_mutex_lock(address(inbox.lock))
    if not inbox.is_open:
        outcome = POST_CLOSED
    elif length > inbox.half_bytes or inbox.half_bytes - length < inbox.filled_bytes + sizeof(InboxMessage):
        outcome = POST_FULL
    else:
        place = inbox.filled + inbox.filled_bytes
        memcpy(place, address(head), sizeof(InboxMessage))
        memcpy(place + sizeof(InboxMessage), message, length)
        inbox.filled_bytes += sizeof(InboxMessage) + length
        if not inbox.has_called:
            inbox.has_called = True
            # Under the lock, since the worker takes the backend down once it has closed the inbox.
            backend.wake(backend.state)
    pthread_mutex_unlock(address(inbox.lock))
    return outcome


# The worker's end


def inbox_next(inbox, message):
    """Return the next message and how long it is and whose, until the next call; NULL when there is none."""
    if inbox.taken_first == inbox.taken_bytes:
        if not inbox.is_called:
            return NULL
        change_places(inbox)
        if not inbox.taken_bytes:
            return NULL
    memcpy(message, inbox.taken + inbox.taken_first, sizeof(InboxMessage))
    content = inbox.taken + inbox.taken_first + sizeof(InboxMessage)
    inbox.taken_first += sizeof(InboxMessage) + message.length
    return content


def change_places(inbox):
    """Take what is there; the next message is a reason to call again."""
    inbox.is_called = False
    pthread_mutex_lock(address(inbox.lock))
    filled = inbox.filled
    inbox.taken_bytes = inbox.filled_bytes
    inbox.filled = inbox.taken
    inbox.filled_bytes = 0
    inbox.has_called = False
    pthread_mutex_unlock(address(inbox.lock))
    inbox.taken = filled
    inbox.taken_first = 0
    inbox.touched_bytes = max(inbox.touched_bytes, inbox.taken_bytes)


def inbox_has_more(inbox):
    return inbox.is_called or inbox.taken_first < inbox.taken_bytes


def inbox_trim(inbox):
    """Give back the memory of a burst, when there is nothing to be taken."""
    if inbox.touched_bytes <= WARM_BYTES_MAX or inbox_has_more(inbox):
        return
    pthread_mutex_lock(address(inbox.lock))
    is_empty = declare(bint, not inbox.filled_bytes)
    if is_empty:
        madvise(inbox.halves, 2 * inbox.half_bytes, MADV_DONTNEED)
    pthread_mutex_unlock(address(inbox.lock))
    if is_empty:
        inbox.touched_bytes = 0
