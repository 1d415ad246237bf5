"""Threads of the control plane and their signals."""

import asyncio
import contextlib
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

# Of threads that `in_thread` starts: a tenth of the share of a worker on the same core.
BACKGROUND_NICENESS = 10

_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()

# Raised by the thread's own fault. Blocked, they end the process without a handler being asked.
FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Threads started inside take no signals, from their first instruction on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - FAULTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_workers_go_first(more_niceness: int = 0) -> None:
    """From now on the calling thread does not interrupt a worker on its core when it wakes up.

    Nor does it run with the real-time priority that whoever started us may have given the process: that is for the
    workers. A system or sandbox that refuses this loses some latency, no more. Threads that it starts inherit it.
    """
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        if more_niceness:
            os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + more_niceness)


async def in_thread(name: str, function: Callable[[], T]) -> T:
    """Run `function` in a thread of its own and return what it returns or raises.

    A daemon thread, unlike those of asyncio's executor: one that a full pipe or a dead file system holds does
    not hold up the end of the process. Cancelling stops the waiting, not the thread.
    """
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[T] = loop.create_future()

    def deliver(result: Callable[[], None]) -> None:
        # The loop is gone when the process ends in the meantime: nobody waits for the result any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if finished.done() else result())

    def run() -> None:
        let_workers_go_first(BACKGROUND_NICENESS)
        try:
            value = function()
        except BaseException as error:
            failure = error
            deliver(lambda: finished.set_exception(failure))
        else:
            deliver(lambda: finished.set_result(value))

    thread = threading.Thread(target=run, name=name, daemon=True)
    _threads.add(thread)
    with signals_blocked():
        thread.start()
    return await finished


def threads_ended(timeout_seconds: float) -> bool:
    """Wait until the functions that `in_thread` runs have returned; False if some have not by then.

    Python may only end then: it aborts when a thread holds the lock of standard output or standard error.
    """
    deadline = time.monotonic() + timeout_seconds
    for thread in list(_threads):
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in _threads)
