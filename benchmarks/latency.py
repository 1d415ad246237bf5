"""Latency at half load, with and without what a tracker does beside answering: cleaning, growth, exports.

Requests are sent at half the rate that a closed loop reached, on time whatever comes back, and a latency
counts from when its request was due. Each phase starts the tracker afresh and fills it.
"""

import sys
from argparse import Namespace
from dataclasses import dataclass, replace
from math import isnan

from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import Report
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from benchmarks.measure import under_load
from benchmarks.process import Priority, TrackerError, started
from benchmarks.report import Document, common_parser, log, prepare
from benchmarks.trackers import Tracker, choose

FILL_SECONDS_MAX = 600
SOURCES = 8
PEERS_PER_TORRENT = 4
CLOSED_LOOP = UdpLoad(weight_connect=20, weight_announce=78, weight_scrape=2)
# Spins, so that requests leave on time; and one that waits for a slow answer must not hold back another.
SET_RATE = replace(CLOSED_LOOP, idle_sleep_us=0, requests_under_way_max=65536)


@dataclass(frozen=True, slots=True)
class Phase:
    """What the tracker is made to do beside answering."""

    name: str
    caption: str
    cleaning_interval_seconds: int = 3600
    exports: bool = False
    # The peers that announce are not those that the tracker was filled with.
    grows: bool = False


PHASES = {
    phase.name: phase
    for phase in (
        Phase("quiet", "nothing else"),
        Phase("cleaning", "cleaning every 10 s, nobody expires", cleaning_interval_seconds=10),
        Phase("growth", "all peers are new", grows=True),
        Phase(
            "export", "cleaning and a scrape export every 10 s", cleaning_interval_seconds=10, exports=True
        ),
    )
}


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


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; 1 when a tracker failed."""
    parser = common_parser("benchmarks.latency", __doc__, ["ours", "aquatic-mio", "aquatic-io-uring"])
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=list(PHASES))
    parser.add_argument("--peers", type=float, default=4, metavar="MILLIONS")
    parser.add_argument("--seconds", type=float, default=20, help="of each phase (default: 20)")
    parser.add_argument("--rate", type=float, help="requests a second, instead of half the closed loop's")
    options = parser.parse_args(arguments)
    tracker_priority: Priority = options.priority
    if tracker_priority == "fifo":
        # Not for the generator: it spins, and a real-time thread that does is stopped for 50 ms of each second.
        options.priority = "nice"
    document = Document("Latency at half load")
    try:
        trackers, document.notes = choose(options.trackers, options.command)
        prepare(options)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    failed = False
    for tracker in trackers:
        try:
            document.data[tracker.name] = results = measure(tracker, options, tracker_priority)
        except (TrackerError, ConnectionError) as error:
            log(f"{tracker.name}: {error}")
            document.notes.append(str(error))
            failed = True
        else:
            rate = next(iter(results.values())).requests_per_second
            rows = [table_row(PHASES[name], result) for name, result in results.items()]
            document.table(f"{tracker.name}, {rate:.0f} requests/s, latency in us", HEAD, rows)
    document.notes.append(
        "stalls: turns of the generator of over 0.5 ms, in which it could neither send nor receive"
    )
    document.write(options)
    return 1 if failed else 0


def measure(tracker: Tracker, options: Namespace, priority: Priority) -> dict[str, PhaseResult]:
    """All phases of a tracker. TrackerError, SilentTrackerError."""
    peers = round(options.peers * 1_000_000)
    sizes = shapes.scattered(peers // PEERS_PER_TORRENT, peers)
    filled, newcomers = (Population(sizes, SOURCES, seeder_share=0.5, seed=seed) for seed in (1, 2))
    requests_per_second = options.rate or 0.0
    results = {}
    for phase in (PHASES[name] for name in options.phases):
        with started(
            tracker,
            core=options.tracker_core,
            priority=priority,
            info_hashes=map(filled.info_hash, range(filled.torrents)),
            cleaning_interval_seconds=phase.cleaning_interval_seconds,
            exports=phase.exports,
            metrics=True,
        ) as running:
            with UdpLoadTest(running.target, filled, CLOSED_LOOP) as test:
                test.greet()
                test.fill(FILL_SECONDS_MAX)
                if not requests_per_second:
                    requests_per_second = (
                        under_load(running, test, options.seconds / 2).responses_per_second / 2
                    )
            with UdpLoadTest(running.target, newcomers if phase.grows else filled, SET_RATE) as test:
                test.greet()
                report = test.run("open", options.seconds, requests_per_second)
            running.require_running()
            metrics = running.metrics()
            hold_us, wait_us = (
                metrics.get(f"aquatic_lock_{what}_seconds_max", float("nan")) * 1e6
                for what in ("hold", "wait")
            )
        unsent = max(0, round(options.seconds * requests_per_second) - report.requests)
        results[phase.name] = PhaseResult(requests_per_second, report, unsent, hold_us, wait_us)
        log(f"{tracker.name} {phase.name}: {report.latency}")
    return results


HEAD = (
    "meanwhile",
    "p50",
    "p90",
    "p99",
    "p99.9",
    "max",
    "answered",
    "lost",
    "wrong",
    "not sent",
    "stalls",
    "lock held",
    "waited for",
)


def table_row(phase: Phase, result: PhaseResult) -> list[str]:
    """One phase's."""
    report, latency = result.report, result.report.latency
    percentiles = ["-"] * 5
    if latency:
        shown = (latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us)
        percentiles = [f"{each:.0f}" for each in shown]
    counts = (
        report.responses,
        report.counters["lost"],
        report.wrong,
        result.unsent,
        report.counters["stalls"],
    )
    locks = ["-" if isnan(us) else f"{us:.0f}" for us in (result.lock_hold_us, result.lock_wait_us)]
    return [phase.caption, *percentiles, *map(str, counts), *locks]


if __name__ == "__main__":
    sys.exit(main())
