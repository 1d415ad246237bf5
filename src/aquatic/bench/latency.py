"""Latency at half load, with and without what a tracker does beside answering, or what others do to it.

Requests are sent at half the rate that a closed loop reached, on time whatever comes back, and a latency
counts from when its request was due. Each phase of each round starts the tracker afresh and fills it.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from math import isnan

from aquatic.bench.hostile import misbehaving
from aquatic.bench.load import Workload, load_test
from aquatic.bench.measure import Judged, Moment, counted_doubts
from aquatic.bench.process import RunningTracker, TrackerError, spinning
from aquatic.bench.result import Line, LineChart, Result, Spread
from aquatic.bench.runs import Conditions, keep_configuration, log, repeated, rounds
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseResult(Judged):
    """One phase of one tracker, once."""

    requests_per_second: float
    report: Report
    # Requests that the generator should have sent and did not.
    unsent: int
    # The longest since start, as ours tells in its metrics; not numbers for others.
    lock_hold_us: float
    lock_wait_us: float


# Of a tracker: each phase's, by its name, and of each round.
Phases = Mapping[str, list[PhaseResult]]

HEAD = (
    "meanwhile", "p50", "p90", "p99", "p99.9", "max", "answered", "lost", "wrong", "not sent", "stalls", "lock held",
    "waited for", "doubts",
)  # fmt: skip
NOTES = [
    "latencies are medians of the rounds (lowest to highest), locks the longest of all, the rest is added up",
    "stalls: turns of the generator of over 0.5 ms, in which it could neither send nor receive; doubts: rounds in "
    "which others took over 5 % of the tracker's core (they were measured again before)",
]


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
    rounds: int = 3

    @property
    def estimated_seconds(self) -> float:
        """By the number of phases."""
        each = self.seconds + START_SECONDS + self.workload.fill_seconds
        return len(self.trackers) * (self.rounds * len(self.phases) * each + self.seconds / 2)

    def measure(self, conditions: Conditions) -> Result:
        """A table for each tracker."""
        result = Result(self.name, self.title, conditions.command)
        trackers = conditions.choose(self.trackers, self.wire, result)
        found: dict[str, dict[str, list[PhaseResult]]] = {tracker.name: {} for tracker in trackers}
        with spinning(conditions.priority, conditions.generator_cores):
            for tracker in rounds(trackers, conditions.rounds or self.rounds):
                try:
                    self._round(tracker, conditions, result, found[tracker.name])
                except (TrackerError, ConnectionError) as error:
                    log(f"{tracker.name}: {error}")
                    result.notes.append(f"{tracker.name}: {error}")
                    result.failed = True
        for name, phases in found.items():
            if phases:
                self._tell(name, phases, result)
        result.notes += NOTES
        return result

    def _tell(self, name: str, phases: Phases, result: Result) -> None:
        """Put one tracker's into the result."""
        result.data[name] = phases
        rate = next(iter(phases.values()))[0].requests_per_second
        caption = f"{name}, {rate:.0f} requests/s, latency in us"
        rows = [table_row(phase, phases[phase.name]) for phase in self.phases if phase.name in phases]
        result.table(caption, HEAD, rows)
        result.line_charts.append(latency_chart(caption, phases))
        result.failed |= any(each.report.wrong > 0 for once in phases.values() for each in once)

    def _round(
        self,
        tracker: Tracker,
        conditions: Conditions,
        result: Result,
        found: dict[str, list[PhaseResult]],
    ) -> None:
        """Each phase once, at the rate of the first round. TrackerError, SilentTrackerError."""
        filled = self.workload.population()
        newcomers = replace(self.workload, seed=2).population()
        for phase in self.phases:
            population = newcomers if phase.grows else filled
            known = next(iter(found.values()))[0].requests_per_second if found else 0.0
            measure = partial(self._once, tracker, phase, filled, population, conditions, result, known)
            once = repeated(measure, conditions.repeats_max)
            found.setdefault(phase.name, []).append(once)
            log(f"{tracker.name} {phase.name}: {once.report.latency}")

    def _once(
        self,
        tracker: Tracker,
        phase: Phase,
        filled: Population,
        population: Population,
        conditions: Conditions,
        result: Result,
        requests_per_second: float,
    ) -> PhaseResult:
        """Start it, fill it, and let the other population ask. TrackerError, SilentTrackerError."""
        with conditions.start(
            tracker,
            self.wire,
            info_hashes=map(filled.info_hash, range(filled.torrents)),
            cleaning_interval_seconds=phase.cleaning_interval_seconds,
            exports=phase.exports,
            metrics=self.wire == "udp",
        ) as running:
            keep_configuration(result, running)
            requests_per_second = self._prepare(running, filled, conditions, requests_per_second)
            return self._phase(running, phase, population, conditions, requests_per_second)

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
                cores = conditions.generator_cores
                stack.enter_context(
                    misbehaving(running.target, self.wire, phase.misbehaving_connections, cores)
                )
            load = phase.open_load or self.open_load
            test = stack.enter_context(load_test(running, population, load))
            test.greet()
            before = Moment.of(running)
            report = test.run("open", seconds, requests_per_second)
            after = Moment.of(running)
        metrics = running.metrics()
        hold_us, wait_us = (
            metrics.get(f"aquatic_lock_{what}_seconds_max", float("nan")) * 1e6 for what in ("hold", "wait")
        )
        return PhaseResult(
            requests_per_second=requests_per_second,
            report=report,
            unsent=max(0, round(seconds * requests_per_second) - asked(report)),
            lock_hold_us=hold_us,
            lock_wait_us=wait_us,
            others_share=before.others_share_until(after),
        )


def asked(report: Report) -> int:
    """What was sent at the rate; over WebSocket offers and answers come with it or of it."""
    return sum(report.counters.get(f"sent_{kind}", 0) for kind in ("connect", "announce", "scrape"))


def table_row(phase: Phase, once: Sequence[PhaseResult]) -> list[str]:
    """One phase's, of what each round found."""
    columns = percentile_columns(once)
    percentiles = [each.show(0) for each in columns] or ["-"] * 5
    reports = [each.report for each in once]
    counts = (
        sum(report.responses for report in reports),
        sum(report.counters["lost"] for report in reports),
        sum(report.wrong for report in reports),
        sum(each.unsent for each in once),
        sum(report.counters["stalls"] for report in reports),
    )
    longest = (max(each.lock_hold_us for each in once), max(each.lock_wait_us for each in once))
    locks = ["-" if isnan(us) else f"{us:.0f}" for us in longest]
    return [phase.caption, *percentiles, *map(str, counts), *locks, counted_doubts(once)]


def percentiles_of(report: Report) -> list[float]:
    """The five of the table; empty without an answer. Over WebSocket they are of offers, until a peer has them."""
    latency = report.relay_latency.get("offer", report.latency)
    if latency is None:
        return []
    return [latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us]


def percentile_columns(once: Sequence[PhaseResult]) -> list[Spread]:
    """The five of the table over the rounds; empty without an answer."""
    rows = [percentiles for each in once if (percentiles := percentiles_of(each.report))]
    return [Spread.of(column) for column in zip(*rows, strict=True)]


def latency_chart(caption: str, phases: Phases) -> LineChart:
    """A line for each phase, of the medians."""
    lines = [
        Line(name, [each.median for each in columns])
        for name, once in phases.items()
        if (columns := percentile_columns(once))
    ]
    return LineChart(
        caption, "microseconds", ["p50", "p90", "p99", "p99.9", "max"], lines, is_logarithmic=True
    )
