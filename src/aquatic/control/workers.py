"""The data plane's threads: start, cores, signs of life, end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aquatic.control.border import TrackerBorder
from aquatic.control.process_end import describe, end_process
from aquatic.control.threads import signals_blocked

NO_SOCKET = -1


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Where a worker works: its sockets' file descriptors and its core (None: any)."""

    ipv4_socket: int
    ipv6_socket: int
    core: int | None


class WorkerThreads:
    """One thread for each place. A worker that ends before `stop` ends the process."""

    def __init__(self, tracker: TrackerBorder, places: Sequence[WorkerPlace]) -> None:
        self._tracker = tracker
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, args=(index, place), name=worker_name(index), daemon=True)
            for index, place in enumerate(places)
        ]

    def start(self) -> None:
        """Start every worker."""
        with signals_blocked():
            for thread in self._threads:
                thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Let every worker answer what it has received, and wait; ends the process if one does not return."""
        self._stopping = True
        self._tracker.stop()
        deadline = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                end_process(f"{thread.name} did not stop within {timeout_seconds:g} seconds")

    def _run(self, index: int, place: WorkerPlace) -> None:
        try:
            if place.core is not None:
                os.sched_setaffinity(0, {place.core})  # 0: this thread
            self._tracker.run_worker(index, place.ipv4_socket, place.ipv6_socket)
        except BaseException as error:
            end_process(f"{worker_name(index)} ended unexpectedly: {describe(error)}")
        if not self._stopping:
            end_process(f"{worker_name(index)} ended unexpectedly")


class HeartbeatWatch:
    """Tells workers that turn their loop from one that hangs.

    Counts checks, not time: when the whole process or machine was suspended, no check was made either.
    """

    def __init__(self, tracker: TrackerBorder, workers_count: int, still_checks_max: int) -> None:
        self._tracker = tracker
        self._still_checks_max = still_checks_max
        self._beats = [-1] * workers_count
        self._still_checks = [0] * workers_count

    def check(self) -> bool:
        """Whether all workers advanced since the last check; ends the process when one hangs."""
        for index, last in enumerate(self._beats):
            beats = self._tracker.heartbeat(index)
            self._still_checks[index] = 0 if beats != last else self._still_checks[index] + 1
            self._beats[index] = beats
        longest = max(self._still_checks)
        if longest >= self._still_checks_max:
            end_process(f"{worker_name(self._still_checks.index(longest))} hangs")
        return longest == 0


def worker_name(index: int) -> str:
    """What messages call a worker."""
    return f"UDP worker {index}"
