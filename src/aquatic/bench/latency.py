"""Latency at half load, with and without what a tracker does beside answering, or what others do to it.

Requests are sent at half the rate that a closed loop reached, on time whatever comes back, and a latency
counts from when its request was due. Each phase starts the tracker afresh and fills it.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import isnan

from aquatic.bench.hostile import misbehaving
from aquatic.bench.load import Workload, load_test
from aquatic.bench.process import RunningTracker, TrackerError, spinning, started
from aquatic.bench.result import Line, LineChart, Result
from aquatic.bench.runs import Conditions, keep_configuration, log
from aquatic.bench.trackers import Tracker, Wire
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import Load, Report

FILL_SECONDS_MAX = 600
START_SECONDS = 4


@dataclass(frozen=True, slots=True)
class Phase:
    """What happens beside the requests."""

    name: str
    caption: str
    cleaning_interval_seconds: int = 3600
    exports: bool = False
    # The peers that announce are not those that the tracker was filled with.
    grows: bool = False
    # Connections of others that misbehave.
    misbehaving_connections: int = 0
    # Instead of the run's.
    open_load: Load | None = None


QUIET = Phase("quiet", "nothing else")
UDP_PHASES = (
    QUIET,
    Phase("cleaning", "cleaning every 10 s, nobody expires", cleaning_interval_seconds=10),
    Phase("growth", "all peers are new", grows=True),
    Phase("export", "cleaning and a scrape export every 10 s", cleaning_interval_seconds=10, exports=True),
)


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """One phase of one tracker."""

    requests_per_second: float
    report: Report
    # Requests that the generator should have sent and did not.
    unsent: int
    # The longest since start, as ours tells in its metrics; not numbers for others.
    lock_hold_us: float
    lock_wait_us: float


HEAD = (
    "meanwhile", "p50", "p90", "p99", "p99.9", "max", "answered", "lost", "wrong", "not sent", "stalls", "lock held",
    "waited for",
)  # fmt: skip
NOTES = ["stalls: turns of the generator of over 0.5 ms, in which it could neither send nor receive"]


@dataclass(frozen=True, slots=True)
class LatencyRun:
    """Every tracker in every phase."""

    name: str
    title: str
    wire: Wire
    workload: Workload
    # At a set rate: it spins, and one that waits for a slow answer must not hold back another.
    open_load: Load
    phases: tuple[Phase, ...]
    trackers: tuple[str, ...]
    seconds: float = 12

    @property
    def estimated_seconds(self) -> float:
        """By the number of phases."""
        each = self.seconds + START_SECONDS + self.workload.fill_seconds
        return len(self.trackers) * (len(self.phases) * each + self.seconds / 2)

    def measure(self, conditions: Conditions) -> Result:
        """A table for each tracker."""
        result = Result(self.name, self.title, conditions.command)
        for tracker in conditions.choose(self.trackers, self.wire, result):
            try:
                with spinning(conditions.priority, conditions.generator_core):
                    phases = self._phases(tracker, conditions, result)
            except (TrackerError, ConnectionError) as error:
                log(f"{tracker.name}: {error}")
                result.notes.append(f"{tracker.name}: {error}")
                result.failed = True
                continue
            result.data[tracker.name] = phases
            rate = next(iter(phases.values())).requests_per_second
            caption = f"{tracker.name}, {rate:.0f} requests/s, latency in us"
            rows = [table_row(phase, phases[phase.name]) for phase in self.phases]
            result.table(caption, HEAD, rows)
            result.line_charts.append(latency_chart(caption, phases))
            result.failed |= any(each.report.wrong > 0 for each in phases.values())
        result.notes += NOTES
        return result

    def _phases(self, tracker: Tracker, conditions: Conditions, result: Result) -> dict[str, PhaseResult]:
        """All of a tracker's. TrackerError, SilentTrackerError."""
        filled = self.workload.population()
        newcomers = replace(self.workload, seed=2).population()
        requests_per_second = 0.0
        found = {}
        for phase in self.phases:
            with started(
                tracker,
                self.wire,
                core=conditions.tracker_core,
                priority=conditions.priority,
                info_hashes=map(filled.info_hash, range(filled.torrents)),
                cleaning_interval_seconds=phase.cleaning_interval_seconds,
                exports=phase.exports,
                metrics=self.wire == "udp",
            ) as running:
                keep_configuration(result, running)
                requests_per_second = self._prepare(running, filled, conditions, requests_per_second)
                population = newcomers if phase.grows else filled
                found[phase.name] = self._phase(running, phase, population, conditions, requests_per_second)
            log(f"{tracker.name} {phase.name}: {found[phase.name].report.latency}")
        return found

    def _prepare(
        self,
        running: RunningTracker,
        population: Population,
        conditions: Conditions,
        requests_per_second: float,
    ) -> float:
        """Fill; returns half the rate of a closed loop, unless it is known."""
        with self.workload.test(running, population) as test:
            test.greet()
            if self.workload.is_filled:
                test.fill(FILL_SECONDS_MAX)
            if requests_per_second:
                return requests_per_second
            seconds = (conditions.seconds or self.seconds) / 2
            test.start("closed", seconds)
            before = test.sample()
            test.join()
            report = Report.between(before, test.sample(), test.load.workers)
            test.drain()
            # A tracker that stood still all the time is not asked for nothing.
            return max(asked(report) / report.seconds / 2, 1.0)

    def _phase(
        self,
        running: RunningTracker,
        phase: Phase,
        population: Population,
        conditions: Conditions,
        requests_per_second: float,
    ) -> PhaseResult:
        seconds = conditions.seconds or self.seconds
        with ExitStack() as stack:
            if phase.misbehaving_connections:
                core = conditions.generator_core
                stack.enter_context(
                    misbehaving(running.target, self.wire, phase.misbehaving_connections, core)
                )
            load = phase.open_load or self.open_load
            test = stack.enter_context(load_test(running, population, load))
            test.greet()
            report = test.run("open", seconds, requests_per_second)
        running.require_running()
        metrics = running.metrics()
        hold_us, wait_us = (
            metrics.get(f"aquatic_lock_{what}_seconds_max", float("nan")) * 1e6 for what in ("hold", "wait")
        )
        unsent = max(0, round(seconds * requests_per_second) - asked(report))
        return PhaseResult(requests_per_second, report, unsent, hold_us, wait_us)


def asked(report: Report) -> int:
    """What was sent at the rate; over WebSocket offers and answers come with it or of it."""
    return sum(report.counters.get(f"sent_{kind}", 0) for kind in ("connect", "announce", "scrape"))


def table_row(phase: Phase, result: PhaseResult) -> list[str]:
    """One phase's."""
    report = result.report
    percentiles = [f"{each:.0f}" for each in percentiles_of(report)] or ["-"] * 5
    counters = report.counters
    counts = (report.responses, counters["lost"], report.wrong, result.unsent, counters["stalls"])
    locks = ["-" if isnan(us) else f"{us:.0f}" for us in (result.lock_hold_us, result.lock_wait_us)]
    return [phase.caption, *percentiles, *map(str, counts), *locks]


def percentiles_of(report: Report) -> list[float]:
    """The five of the table; empty without an answer. Over WebSocket they are of offers, until a peer has them."""
    latency = report.relay_latency.get("offer", report.latency)
    if latency is None:
        return []
    return [latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us]


def latency_chart(caption: str, phases: Mapping[str, PhaseResult]) -> LineChart:
    """A line for each phase."""
    lines = [
        Line(name, list(percentiles))
        for name, phase in phases.items()
        if (percentiles := percentiles_of(phase.report))
    ]
    return LineChart(
        caption, "microseconds", ["p50", "p90", "p99", "p99.9", "max"], lines, is_logarithmic=True
    )
