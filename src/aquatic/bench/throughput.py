"""Throughput and CPU per response of trackers, side by side: a worker on a core, the generator on another.

Rounds are interleaved, so that what the machine does meanwhile meets all; a round starts each tracker afresh,
announces the whole population once and then measures a closed loop.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aquatic.bench.load import Workload
from aquatic.bench.measure import Measurement, counted_doubts, under_load
from aquatic.bench.process import TrackerError
from aquatic.bench.result import Bar, BarChart, Line, LineChart, Result, Spread
from aquatic.bench.runs import Conditions, keep_configuration, log, repeated, rounds
from aquatic.bench.trackers import Tracker, Wire
from aquatic.loadtest.population import Population

FILL_SECONDS_MAX = 600
# Of starting, filling and ending a tracker, for the estimate.
START_SECONDS = 4

HEAD = (
    "tracker", "responses/s, k", "CPU, us", "user, us", "system, us", "p50, us", "p99, us", "core used",
    "others there", "generator busy", "its user CPU, us", "peers an announce", "lost", "doubts",
)  # fmt: skip
NOTES = [
    "CPU is the tracker's, per right response, by the kernel's ticks over all its threads; cells are the median of "
    "the rounds (lowest to highest)",
    "doubts: rounds in which others took over 5 % of the tracker's core (it was measured again before), it was not "
    "saturated, or the generator was; rounds without others are preferred where there are any",
]

Measured = Mapping[str, list[Measurement]]


@dataclass(frozen=True, slots=True)
class ThroughputRun:
    """Every tracker under every load."""

    name: str
    title: str
    wire: Wire
    workloads: tuple[Workload, ...]
    trackers: tuple[str, ...]
    rounds: int = 3
    seconds: float = 6
    keep_alive: bool = True

    @property
    def estimated_seconds(self) -> float:
        """By the number of measurements."""
        each = self.seconds + 2 + START_SECONDS
        return self.rounds * len(self.trackers) * sum(each + load.fill_seconds for load in self.workloads)

    def measure(self, conditions: Conditions) -> Result:
        """A table for each load; several loads are steps of a chart too."""
        result = Result(self.name, self.title, conditions.command)
        trackers = conditions.choose(self.trackers, self.wire, result)
        by_load: dict[str, Measured] = {}
        for load in self.workloads:
            count = conditions.rounds or self.rounds
            by_load[load.name] = measured = self.measure_rounds(trackers, load, count, conditions, result)
            result.data[load.name] = measured
            result.table(load.caption, HEAD, table_rows(measured))
            result.bar_charts += bar_charts(load.caption, measured)
            result.line_charts += latency_charts(load.caption, measured)
        if len(by_load) > 1:
            result.line_charts.append(growth_chart(by_load))
        result.notes += NOTES
        return result

    def measure_rounds(
        self, trackers: Sequence[Tracker], load: Workload, count: int, conditions: Conditions, result: Result
    ) -> Measured:
        """By tracker, without the rounds in which it failed; those are noted."""
        measured: dict[str, list[Measurement]] = {tracker.name: [] for tracker in trackers}
        load = load.by_workers(conditions.generator_workers, conditions.generator_cores)
        population = load.population()
        for tracker in rounds(trackers, count):
            measure_once = partial(self._once, tracker, load, population, conditions, result)
            try:
                once = repeated(measure_once, conditions.repeats_max)
            except (TrackerError, ConnectionError) as error:
                log(f"{load.name} {tracker.name}: {error}")
                result.notes.append(f"{load.caption}, {tracker.name}: {error}")
                result.failed = True
                continue
            measured[tracker.name].append(once)
            result.failed |= once.wrong > 0
            log(f"{load.name} {tracker.name}: {once}")
        return measured

    def _once(
        self, tracker: Tracker, load: Workload, population: Population, conditions: Conditions, result: Result
    ) -> Measurement:
        """Start a tracker, fill it and measure. TrackerError, SilentTrackerError."""
        with conditions.start(
            tracker,
            self.wire,
            info_hashes=map(population.info_hash, range(population.torrents)),
            keep_alive=self.keep_alive,
        ) as running:
            keep_configuration(result, running)
            with load.test(running, population) as test:
                test.greet()
                if load.is_filled:
                    test.fill(FILL_SECONDS_MAX)
                return under_load(running, test, conditions.seconds or self.seconds, counted=load.counted)


def quiet(measured: list[Measurement]) -> list[Measurement]:
    """Those that others left alone, or all when there is none."""
    return [each for each in measured if "others" not in each.doubts] or measured


def table_rows(results: Measured) -> Iterator[list[str]]:
    """One for each tracker that was measured."""
    for name, measured in results.items():
        if not (believed := quiet(measured)):
            continue
        latencies = [each.latency for each in believed if each.latency]
        yield [
            name,
            Spread.of(each.responses_per_second for each in believed).show(1, 1000),
            Spread.of(each.cpu_us for each in believed).show(2),
            Spread.of(each.cpu_user_us for each in believed).show(2),
            Spread.of(each.cpu_system_us for each in believed).show(2),
            Spread.of(latency.p50_us for latency in latencies).show(0) if latencies else "-",
            Spread.of(latency.p99_us for latency in latencies).show(0) if latencies else "-",
            Spread.of(each.tracker_share for each in believed).show(0, 0.01) + " %",
            Spread.of(each.others_share for each in believed).show(0, 0.01) + " %",
            Spread.of(each.generator_busy_share for each in believed).show(0, 0.01) + " %",
            Spread.of(each.generator_user_us for each in believed).show(2),
            Spread.of(each.peers_per_announce for each in believed).show(1),
            str(sum(each.requests_lost for each in believed)),
            counted_doubts(measured),
        ]


def bar_charts(caption: str, results: Measured) -> Iterator[BarChart]:
    """Throughput; CPU in its two parts."""
    rates, costs = [], []
    for name, measured in results.items():
        if not (believed := quiet(measured)):
            continue
        rate = Spread.of(each.responses_per_second for each in believed)
        cost = Spread.of(each.cpu_us for each in believed)
        user = Spread.of(each.cpu_user_us for each in believed).median
        rates.append(Bar(name, [rate.median], rate.lowest, rate.highest))
        costs.append(Bar(name, [user, cost.median - user], cost.lowest, cost.highest))
    yield BarChart(f"Throughput: {caption}", "responses a second", ["responses"], rates)
    yield BarChart(f"CPU: {caption}", "microseconds a response", ["user", "system"], costs)


def latency_charts(caption: str, results: Measured) -> Iterator[LineChart]:
    """Percentiles of the closed loop, medians of the rounds; none without latencies."""
    lines = []
    for name, measured in results.items():
        rows = [
            (found.p50_us, found.p90_us, found.p99_us, found.p999_us, found.max_us)
            for each in quiet(measured)
            if (found := each.latency)
        ]
        if rows:
            medians = [Spread.of(column).median for column in zip(*rows, strict=True)]
            lines.append(Line(name, list(medians)))
    if lines:
        steps = ["p50", "p90", "p99", "p99.9", "max"]
        yield LineChart(
            f"Latency of the closed loop: {caption}", "microseconds", steps, lines, is_logarithmic=True
        )


def growth_chart(by_load: Mapping[str, Measured]) -> LineChart:
    """CPU per response from load to load."""
    names = dict.fromkeys(name for measured in by_load.values() for name in measured)
    lines = [
        Line(
            name,
            [
                Spread.of(each.cpu_us for each in quiet(measured[name])).median
                if measured.get(name)
                else None
                for measured in by_load.values()
            ],
        )
        for name in names
    ]
    return LineChart("CPU from load to load", "microseconds a response", list(by_load), lines)
