"""What every run has in common: the conditions that it is measured under, rounds, and repeats."""

import os
import resource
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from aquatic.bench.measure import Judged
from aquatic.bench.process import Priority, RunningTracker, require_tools, set_own_priority, started
from aquatic.bench.result import Result
from aquatic.bench.trackers import Tracker, Wire, choose

VERSION_SECONDS_MAX = 5

Once = TypeVar("Once", bound=Judged)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a user may say about any run; None: as the run has it."""

    trackers: tuple[str, ...] | None = None
    # `NAME=COMMAND` each.
    programs: tuple[str, ...] = ()
    # Cores, and how many workers are on them.
    tracker_cores: tuple[int, ...] = (0,)
    generator_cores: tuple[int, ...] = (1,)
    workers: int = 1
    generator_workers: int = 1
    priority: Priority = "normal"
    rounds: int | None = None
    seconds: float | None = None
    # Of a measurement that others took part in, until one is left alone.
    repeats_max: int = 2
    # As the command line was, for the report.
    command: str = ""

    def start(self, tracker: Tracker, wire: Wire, **settings: Any) -> AbstractContextManager[RunningTracker]:
        """On its cores; see `started`."""
        return started(
            tracker, wire, cores=self.tracker_cores, priority=self.priority, workers=self.workers, **settings
        )

    def choose(self, trackers: tuple[str, ...], wire: Wire, result: Result) -> list[Tracker]:
        """Those of the run, or what the user wants instead; those that are not here are noted. ValueError."""
        found, missing = choose(self.trackers or trackers, self.programs, wire)
        result.notes += missing
        for tracker in found:
            result.versions[tracker.name] = version_of(tracker)
        return found


class Run(Protocol):
    """One figure, or several of a kind."""

    @property
    def name(self) -> str:
        """As the command line calls it."""

    @property
    def title(self) -> str:
        """As a report calls it."""

    @property
    def estimated_seconds(self) -> float:
        """About as long it takes with all of its trackers."""

    def measure(self, conditions: Conditions) -> Result:
        """Do it all. ValueError for conditions that make no sense."""


def version_of(tracker: Tracker) -> str:
    """What its program says, or where it is."""
    program = tracker.program()
    assert program is not None
    if not tracker.version_arguments:
        return f"{program[0]}, which tells no version"
    command = [program[0], *tracker.version_arguments]
    try:
        told = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return f"{program[0]}, which tells no version"
    lines = (told.stdout or told.stderr).strip().splitlines()
    return lines[0].strip() if lines else f"{program[0]}, which tells no version"


def keep_configuration(result: Result, running: RunningTracker) -> None:
    """The first that a tracker was started with stands for all of the run."""
    result.configurations.setdefault(running.tracker.name, running.configuration())


def prepare(conditions: Conditions) -> None:
    """Put this process where the generator is wanted, with descriptors enough. OSError, ValueError."""
    # So that a run that is told to end ends its tracker too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    cores = os.sched_getaffinity(0)
    if {*conditions.tracker_cores, *conditions.generator_cores} - cores:
        raise ValueError(f"there are only the cores {', '.join(map(str, sorted(cores)))}")
    require_tools(conditions.priority)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    set_own_priority(conditions.priority, conditions.generator_cores)


def rounds(trackers: Iterable[Tracker], count: int) -> Iterator[Tracker]:
    """Every other round goes backwards, so that a drift of the machine favours nobody."""
    order = list(trackers)
    for index in range(count):
        yield from order if index % 2 == 0 else reversed(order)


def repeated(measure: Callable[[], Once], repeats_max: int) -> Once:
    """The first measurement that others left alone, else the one that they disturbed least."""
    attempts: list[Once] = []
    while len(attempts) <= repeats_max:
        attempts.append(replace(measure(), repeats=len(attempts)))
        if "others" not in attempts[-1].doubts:
            return attempts[-1]
        log(f"others took {attempts[-1].others_share:.0%} of the tracker's cores")
    best = min(attempts, key=lambda attempt: attempt.others_share)
    return replace(best, repeats=len(attempts) - 1)


def log(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def shown_command(arguments: Iterable[str]) -> str:
    """As one would type it."""
    return shlex.join(["aquatic", "bench", *arguments])
