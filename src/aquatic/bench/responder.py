"""See responder.pxd."""

import os

from cython import NULL, address, cast, declare, nogil, pointer
from cython.cimports.aquatic.abi.sockets import (
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLLIN,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    accept4,
    close,
    epoll_create1,
    epoll_ctl,
    epoll_event,
    epoll_wait,
    errno,
    recv,
    send,
)
from cython.cimports.aquatic.bench.responder import EVENTS_MAX, RECEIVE_BYTES_MAX, Answer
from cython.cimports.libc.errno import EAGAIN, EINTR
from cython.cimports.libc.stdint import uint8_t


def respond(listener: int, answer: bytes, closes: bool) -> None:
    shared = declare(Answer)
    shared.bytes = cast(pointer(uint8_t), answer)
    shared.length = len(answer)
    shared.closes = closes
    descriptor = declare(int, listener)
    with nogil:
        error = declare(int, serve(descriptor, address(shared)))
    raise OSError(error, os.strerror(error))


def serve(listener, answer):
    """Return the errno of what cannot go on."""
    events = declare(epoll_event[EVENTS_MAX])
    epoll = declare(int, epoll_create1(EPOLL_CLOEXEC))
    events[0].events = EPOLLIN
    events[0].data.u64 = listener
    if epoll < 0 or epoll_ctl(epoll, EPOLL_CTL_ADD, listener, address(events[0])):
        return errno
    while True:
        count = declare(int, epoll_wait(epoll, events, EVENTS_MAX, -1))
        if count < 0 and errno != EINTR:
            return errno
        index = declare(int)
        for index in range(count):
            if cast(int, events[index].data.u64) == listener:
                welcome(epoll, listener)
            else:
                answer_one(cast(int, events[index].data.u64), answer)


def welcome(epoll, listener):
    """All that wait."""
    event = declare(epoll_event)
    event.events = EPOLLIN
    while True:
        accepted = declare(int, accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC))
        if accepted < 0:
            return
        event.data.u64 = accepted
        if epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, address(event)):
            close(accepted)


def answer_one(connection, answer):
    received = declare(uint8_t[RECEIVE_BYTES_MAX])
    if recv(connection, received, RECEIVE_BYTES_MAX, MSG_DONTWAIT) <= 0:
        # Closing takes it out of epoll. Nothing to read is no event that epoll tells of.
        close(connection)
        return
    sent = send(connection, answer.bytes, answer.length, MSG_DONTWAIT | MSG_NOSIGNAL)
    if (sent < 0 and errno != EAGAIN) or answer.closes:
        close(connection)
