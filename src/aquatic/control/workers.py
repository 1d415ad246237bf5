"""The data plane's threads: start, cores, signs of life, end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aquatic.control.border import SwarmBorder
from aquatic.control.process_end import describe, end_process
from aquatic.control.threads import signals_blocked


@dataclass(frozen=True, slots=True)
class WorkerRun:
    """What a worker does until it is told to stop."""

    name: str  # what messages call it
    function: Callable[[], None]


@dataclass(frozen=True, slots=True)
class WorkerJob(WorkerRun):
    """The same on a core of its own (None: on any)."""

    core: int | None


class WorkerThreads:
    """One thread for each job. A worker that ends before `stop` ends the process."""

    def __init__(self, swarm: SwarmBorder, jobs: Sequence[WorkerJob]) -> None:
        self._swarm = swarm
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, args=(job,), name=job.name, daemon=True) for job in jobs
        ]

    def start(self) -> None:
        """Start every worker."""
        with signals_blocked():
            for thread in self._threads:
                thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Let every worker answer what it has received, and wait; ends the process if one does not return."""
        self._stopping = True
        self._swarm.stop()
        deadline = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                end_process(f"{thread.name} did not stop within {timeout_seconds:g} seconds")

    def _run(self, job: WorkerJob) -> None:
        try:
            if job.core is not None:
                os.sched_setaffinity(0, {job.core})  # 0: this thread
            job.function()
        except BaseException as error:
            end_process(f"{job.name} ended unexpectedly: {describe(error)}")
        if not self._stopping:
            end_process(f"{job.name} ended unexpectedly")


class HeartbeatWatch:
    """Tells workers that turn their loop from one that hangs.

    Counts checks, not time: when the whole process or machine was suspended, no check was made either.
    """

    def __init__(self, swarm: SwarmBorder, names: Sequence[str], still_checks_max: int) -> None:
        """`names` of all workers, in the swarm's order."""
        self._swarm = swarm
        self._names = names
        self._still_checks_max = still_checks_max
        self._beats = [-1] * len(names)
        self._still_checks = [0] * len(names)

    def check(self) -> bool:
        """Whether all workers advanced since the last check; ends the process when one hangs."""
        for index, last in enumerate(self._beats):
            beats = self._swarm.heartbeat(index)
            self._still_checks[index] = 0 if beats != last else self._still_checks[index] + 1
            self._beats[index] = beats
        longest = max(self._still_checks)
        if longest >= self._still_checks_max:
            end_process(f"{self._names[self._still_checks.index(longest)]} hangs")
        return longest == 0
