"""Load tests that end by a condition."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aquatic.loadtest.run import LoadTest
from tests.support.processes import wait_until


@contextmanager
def stopped_once(test: LoadTest, is_seen: Callable[[dict[str, int]], object]) -> Iterator[None]:
    """What runs in it is stopped when this is true of the counters, as SIGINT would."""

    def stop() -> None:
        try:
            wait_until(lambda: is_seen(test.sample().counters))
        finally:
            test.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        yield
    finally:
        thread.join()
