"""Memory per peer: fill a tracker with swarms, read what it grew by, let all expire, read again.

Tables grow in steps, so several sizes are filled, each into a tracker started afresh. Peers announce
`started` and complete no download; a tracker that cannot be told how long peers live is only filled.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import mean

from aquatic.bench.probe import scrape
from aquatic.bench.process import RunningTracker, TrackerError
from aquatic.bench.result import Bar, BarChart, Result
from aquatic.bench.runs import Conditions, keep_configuration, log
from aquatic.bench.trackers import Tracker
from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS, sources_needed
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest

FILL_SECONDS_MAX = 600
CLEANING_INTERVAL_SECONDS = 5
# A tracker may tidy its memory while it cleans.
SETTLE_SECONDS_MAX = 60
# Sampled for whether they are empty. The Rust tracker with io_uring does not answer a scrape of more than 23.
SAMPLED_TORRENTS = 20
EXPIRING_PEERS = 1_000_000
# After the last peer's life, for cleaning and for memory to settle.
EXPIRE_SLACK_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Shape:
    """Torrents' sizes for a number of peers."""

    name: str
    caption: str
    sizes: Callable[[int], shapes.TorrentSizes]


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("pairs", "torrents of two", lambda peers: shapes.uniform(peers // 2, peers // 2 * 2)),
        Shape("zipf", "zipf-like torrents of 20 on average", lambda peers: shapes.zipf(peers // 20, peers)),
        Shape("giants", "four torrents", lambda peers: shapes.uniform(4, peers)),
        Shape("singles", "torrents of one", lambda peers: shapes.uniform(peers, peers)),
    )
}


@dataclass(frozen=True, slots=True)
class Filled:
    """Resident memory before and after a population has announced."""

    peers: int
    empty_bytes: int
    filled_bytes: int
    fill_seconds: float

    @property
    def bytes_per_peer(self) -> float:
        """Growth, shared among the peers."""
        return (self.filled_bytes - self.empty_bytes) / self.peers


@dataclass(frozen=True, slots=True)
class Expired:
    """What is left after all peers have expired."""

    filled: Filled
    expired_bytes: int

    @property
    def share_given_back(self) -> float:
        """Of the growth."""
        grown_bytes = self.filled.filled_bytes - self.filled.empty_bytes
        return (self.filled.filled_bytes - self.expired_bytes) / grown_bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """One tracker's, for one shape."""

    fills: list[Filled]
    expired: Expired | None


@dataclass(frozen=True, slots=True)
class MemoryRun:
    """Every tracker with every shape."""

    name: str
    title: str
    trackers: tuple[str, ...]
    shapes: tuple[str, ...] = ("pairs", "zipf", "giants")
    sizes_millions: tuple[float, ...] = (0.7, 1, 1.4)
    # That peers live in the run that lets 1 M expire; 0: none.
    expire_seconds: int = 60

    @property
    def estimated_seconds(self) -> float:
        """A fill and two cleanings for each size, and the wait for the end of all."""
        fills = sum(20 + size * 5 for size in self.sizes_millions)
        return len(self.trackers) * len(self.shapes) * (fills + self.expire_seconds + 40)

    def measure(self, conditions: Conditions) -> Result:
        """A table and a chart for each shape."""
        result = Result(self.name, self.title, conditions.command)
        trackers = conditions.choose(self.trackers, "udp", result)
        head = ["tracker", *(f"{size:g} M" for size in self.sizes_millions), "mean", "worst", "given back"]
        for shape in (SHAPES[name] for name in self.shapes):
            found: dict[str, Memory] = {}
            for tracker in trackers:
                try:
                    found[tracker.name] = self._shape(tracker, shape, conditions, result)
                except (TrackerError, ConnectionError, TimeoutError) as error:
                    log(f"{shape.name} {tracker.name}: {error}")
                    result.notes.append(f"{shape.caption}, {tracker.name}: {error}")
                    result.failed = True
            result.data[shape.name] = found
            caption = f"Bytes per IPv4 peer, {shape.caption}"
            result.table(caption, head, [table_row(*each) for each in found.items()])
            result.bar_charts.append(memory_chart(caption, found))
        result.notes.append(
            "growth of resident memory, per peer; given back: share of that growth, at 1 M peers"
        )
        return result

    def _shape(self, tracker: Tracker, shape: Shape, conditions: Conditions, result: Result) -> Memory:
        """Fill each size and let one expire if possible. TrackerError, ConnectionError, TimeoutError."""
        fills = []
        for size in self.sizes_millions:
            population = _population(shape, round(size * 1_000_000))
            with _started(tracker, population, conditions, peer_age_seconds_max=7200) as running:
                keep_configuration(result, running)
                fills.append(fill(running, population))
            log(f"{shape.name} {tracker.name} {size:g} M: {fills[-1].bytes_per_peer:.1f} bytes a peer")
        expired = None
        if self.expire_seconds and tracker.expires:
            population = _population(shape, EXPIRING_PEERS)
            with _started(
                tracker, population, conditions, peer_age_seconds_max=self.expire_seconds
            ) as running:
                expired = fill_and_expire(running, population, self.expire_seconds)
            log(f"{shape.name} {tracker.name}: {expired.share_given_back:.0%} given back")
        return Memory(fills, expired)


def _started(
    tracker: Tracker, population: Population, conditions: Conditions, *, peer_age_seconds_max: int
) -> AbstractContextManager[RunningTracker]:
    return conditions.start(
        tracker,
        "udp",
        info_hashes=map(population.info_hash, range(population.torrents)),
        peer_age_seconds_max=peer_age_seconds_max,
        cleaning_interval_seconds=CLEANING_INTERVAL_SECONDS,
    )


def _population(shape: Shape, peers: int) -> Population:
    sizes = shape.sizes(peers)
    return Population(sizes, sources_needed(sizes), seeder_share=0.5, seed=1)


def fill(running: RunningTracker, population: Population) -> Filled:
    """Announce every peer once; memory is read when cleaning no longer changes it."""
    with UdpLoadTest(running.target, population, UdpLoad(event=EVENTS["started"])) as test:
        test.greet()
        empty_bytes = running.memory_bytes()
        report = test.fill(FILL_SECONDS_MAX)
    settled_bytes = _settled_memory_bytes(running, time.monotonic() + SETTLE_SECONDS_MAX)
    return Filled(population.peers, empty_bytes, settled_bytes, report.seconds)


def fill_and_expire(running: RunningTracker, population: Population, expire_seconds: int) -> Expired:
    """Fill, wait until nobody is left and memory stays where it is. TimeoutError when peers stay."""
    filled = fill(running, population)
    if filled.fill_seconds > expire_seconds / 2:
        raise TimeoutError(
            f"filling took {filled.fill_seconds:.0f} s of the {expire_seconds} that peers live"
        )
    step = max(1, population.torrents // SAMPLED_TORRENTS)
    sample = [population.info_hash(torrent) for torrent in range(0, population.torrents, step)][
        :SAMPLED_TORRENTS
    ]
    deadline = time.monotonic() + expire_seconds + EXPIRE_SLACK_SECONDS
    while any(entry.seeders + entry.leechers for entry in scrape(running.target, sample)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"peers that live {expire_seconds} s are still there")
        time.sleep(1)
    return Expired(filled, _settled_memory_bytes(running, deadline))


def _settled_memory_bytes(running: RunningTracker, deadline: float) -> int:
    """When two cleanings in a row have not changed it by more than a hundredth, or at the deadline."""
    memory_bytes = running.memory_bytes()
    while time.monotonic() < deadline:
        time.sleep(2 * CLEANING_INTERVAL_SECONDS + 1)
        now_bytes = running.memory_bytes()
        if abs(now_bytes - memory_bytes) <= memory_bytes / 100:
            return now_bytes
        memory_bytes = now_bytes
    return memory_bytes


def table_row(name: str, memory: Memory) -> list[str]:
    """One tracker's."""
    per_peer = [filled.bytes_per_peer for filled in memory.fills]
    given_back = f"{memory.expired.share_given_back:.0%}" if memory.expired else "-"
    return [
        name,
        *(f"{each:.1f}" for each in per_peer),
        f"{mean(per_peer):.1f}",
        f"{max(per_peer):.1f}",
        given_back,
    ]


def memory_chart(caption: str, found: Mapping[str, Memory]) -> BarChart:
    """The mean of the sizes, and how far they lie apart."""
    bars = []
    for name, memory in found.items():
        per_peer = [filled.bytes_per_peer for filled in memory.fills]
        bars.append(Bar(name, [mean(per_peer)], min(per_peer), max(per_peer)))
    return BarChart(caption, "bytes a peer", ["bytes"], bars)
