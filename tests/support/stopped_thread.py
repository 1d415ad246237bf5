"""One thread of a child process that stands still, as one that hangs, while the others go on: see ptrace(2)."""

import contextlib
import ctypes
import os
from collections.abc import Iterator

import pytest

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 0x11, 0x4206, 0x4207
WALL = 0x40000000  # of waitpid: threads too

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long] * 4
_libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, thread: int) -> None:
    if _libc.ptrace(request, thread, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


@contextlib.contextmanager
def stopped_thread(thread: int) -> Iterator[None]:
    """The process is not seen to end before the context does: the end of a traced thread waits for its tracer."""
    try:
        ptrace(PTRACE_SEIZE, thread)
    except PermissionError:
        pytest.skip("this system forbids to trace a child")
    try:
        ptrace(PTRACE_INTERRUPT, thread)
        _, status = os.waitpid(thread, WALL)
        assert os.WIFSTOPPED(status)
        yield
    finally:
        try:
            ptrace(PTRACE_DETACH, thread)
        except ProcessLookupError:  # the whole process is ending
            os.waitpid(thread, WALL)
