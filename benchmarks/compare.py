"""Throughput and CPU per response of trackers, side by side: a worker on a core, the generator on another.

Rounds are interleaved, so that what the machine does meanwhile meets all; a round starts each tracker afresh,
announces the whole population once and then measures a closed loop.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from benchmarks.measure import Measurement, under_load
from benchmarks.process import Priority, TrackerError, started
from benchmarks.report import Document, Spread, common_parser, log, prepare
from benchmarks.trackers import TRACKERS, Tracker, choose

FILL_SECONDS_MAX = 600
SOURCES = 4


@dataclass(frozen=True, slots=True)
class Load:
    """A population and what is asked about it."""

    name: str
    torrents: int
    peers: int
    mix: UdpLoad
    caption: str

    def population(self) -> Population:
        """One peer a torrent, or scattered over them."""
        even = self.torrents == self.peers
        sizes = (
            shapes.uniform(self.torrents, self.peers) if even else shapes.scattered(self.torrents, self.peers)
        )
        return Population(sizes, SOURCES, seeder_share=0.5, seed=1)


MIX = UdpLoad(weight_connect=20, weight_announce=78, weight_scrape=2)
ANNOUNCES = UdpLoad(weight_connect=0, weight_announce=1, weight_scrape=0)
LOADS = {
    load.name: load
    for load in (
        Load(
            "100k",
            25_000,
            100_000,
            MIX,
            "20 % connect, 78 % announce, 2 % scrape; 100 k peers in 25 k torrents",
        ),
        Load(
            "2M",
            500_000,
            2_000_000,
            MIX,
            "20 % connect, 78 % announce, 2 % scrape; 2 M peers in 500 k torrents",
        ),
        Load("growth-10k", 10_000, 10_000, ANNOUNCES, "announces only, 10 k torrents of one peer"),
        Load("growth-100k", 100_000, 100_000, ANNOUNCES, "announces only, 100 k torrents of one peer"),
        Load("growth-1M", 1_000_000, 1_000_000, ANNOUNCES, "announces only, 1 M torrents of one peer"),
        Load("growth-4M", 4_000_000, 4_000_000, ANNOUNCES, "announces only, 4 M torrents of one peer"),
    )
}


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; 1 when a tracker failed or answered wrongly."""
    parser = common_parser("benchmarks.compare", __doc__, [tracker.name for tracker in TRACKERS])
    parser.add_argument("--loads", nargs="+", choices=LOADS, default=["100k", "2M"], help="default: 100k 2M")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12, help="of each measurement (default: 12)")
    options = parser.parse_args(arguments)
    document = Document("Throughput and CPU per response")
    try:
        trackers, document.notes = choose(options.trackers, options.command)
        priority = prepare(options)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    failed = False
    for load in (LOADS[name] for name in options.loads):
        results: dict[str, list[Measurement]] = {tracker.name: [] for tracker in trackers}
        population = load.population()
        for tracker in rounds(trackers, options.rounds):
            try:
                measured = measure(
                    tracker,
                    load,
                    population,
                    options.seconds,
                    core=options.tracker_core,
                    priority=priority,
                )
            except (TrackerError, ConnectionError) as error:
                log(f"{load.name} {tracker.name}: {error}")
                document.notes.append(f"{load.name}: {error}")
                failed = True
                continue
            results[tracker.name].append(measured)
            failed |= measured.wrong > 0
            log(f"{load.name} {tracker.name}: {measured}")
        document.data[load.name] = results
        document.table(load.caption, HEAD, table_rows(results))
    document.notes += NOTES
    document.write(options)
    return 1 if failed else 0


def rounds(trackers: Iterable[Tracker], count: int) -> Iterator[Tracker]:
    """Every other round goes backwards, so that a drift of the machine favours nobody."""
    order = list(trackers)
    for index in range(count):
        yield from order if index % 2 == 0 else reversed(order)


def measure(
    tracker: Tracker, load: Load, population: Population, seconds: float, *, core: int, priority: Priority
) -> Measurement:
    """Start a tracker, fill it and measure. TrackerError, SilentTrackerError."""
    info_hashes = map(population.info_hash, range(population.torrents))
    with (
        started(tracker, core=core, priority=priority, info_hashes=info_hashes) as running,
        UdpLoadTest(running.target, population, load.mix) as test,
    ):
        test.greet()
        test.fill(FILL_SECONDS_MAX)
        return under_load(running, test, seconds)


HEAD = (
    "tracker", "responses/s, k", "CPU, us", "user, us", "system, us", "core used", "others there",
    "generator busy", "its user CPU, us", "peers an announce", "lost", "doubts",
)  # fmt: skip
NOTES = [
    "CPU is the tracker's, per right response, by the kernel's ticks over all its threads; cells are "
    "the median of the rounds (lowest to highest)",
    "`doubts`: rounds in which others took over 5 % of the tracker's core, it was not saturated, or the "
    "generator was; rounds without others are preferred where there are any",
]


def table_rows(results: dict[str, list[Measurement]]) -> Iterator[list[str]]:
    """One for each tracker that was measured."""
    for name, measured in results.items():
        quiet = [each for each in measured if "others" not in each.doubts] or measured
        if not quiet:
            continue
        doubts = [doubt for each in measured for doubt in each.doubts]

        yield [
            name,
            Spread.of(each.responses_per_second for each in quiet).show(0, 1000),
            Spread.of(each.cpu_us for each in quiet).show(2),
            Spread.of(each.cpu_user_us for each in quiet).show(2),
            Spread.of(each.cpu_system_us for each in quiet).show(2),
            Spread.of(each.tracker_share for each in quiet).show(0, 0.01) + " %",
            Spread.of(each.others_share for each in quiet).show(0, 0.01) + " %",
            Spread.of(each.generator_busy_share for each in quiet).show(0, 0.01) + " %",
            Spread.of(each.generator_user_us for each in quiet).show(2),
            Spread.of(each.peers_per_announce for each in quiet).show(1),
            str(sum(each.requests_lost for each in quiet)),
            ", ".join(f"{doubt} {doubts.count(doubt)}x" for doubt in dict.fromkeys(doubts)) or "none",
        ]


if __name__ == "__main__":
    sys.exit(main())
