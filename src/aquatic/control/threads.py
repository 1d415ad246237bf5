"""Threads of the control plane and their signals."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

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
        try:
            value = function()
        except BaseException as error:
            failure = error
            deliver(lambda: finished.set_exception(failure))
        else:
            deliver(lambda: finished.set_result(value))

    with signals_blocked():
        threading.Thread(target=run, name=name, daemon=True).start()
    return await finished
