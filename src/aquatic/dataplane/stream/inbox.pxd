from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.inbox cimport Inbox, InboxMessage
from aquatic.abi.stream_backend cimport StreamBackend

cdef enum PostOutcome:
    POST_DONE = 0
    POST_CLOSED = 1  # the worker does not run any more
    POST_FULL = 2

cdef bint inbox_init(Inbox* inbox, uint32_t bytes_max) noexcept nogil
cdef void inbox_end(Inbox* inbox) noexcept nogil
cdef void inbox_set_open(Inbox* inbox, bint is_open) noexcept nogil
cdef PostOutcome inbox_post(
    Inbox* inbox, const StreamBackend* backend, uint64_t connection, const uint8_t* message, uint32_t length
) noexcept nogil
cdef const uint8_t* inbox_next(Inbox* inbox, InboxMessage* message) noexcept nogil
cdef bint inbox_has_more(const Inbox* inbox) noexcept nogil
cdef void inbox_trim(Inbox* inbox) noexcept nogil

cdef void change_places(Inbox* inbox) noexcept nogil
