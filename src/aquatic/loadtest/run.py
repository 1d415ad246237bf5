"""A load test, whatever the protocol: worker threads, and what was measured."""

import ipaddress
import math
import os
import resource
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Thread
from types import TracebackType
from typing import Any, Literal, Self

from aquatic.loadtest.drive import LoadGenerator, latency_bucket_bound_ns
from aquatic.loadtest.latency import Latency, summarise
from aquatic.loadtest.population import Population
from aquatic.loadtest.target import Address, Target
from aquatic.loadtest.terms import Mode

# How often it is looked at whether a tracker that is to be greeted or filled can be.
LOOK_SECONDS = 0.25
# Wrong answers that are borne beyond one a peer while a tracker is filled.
WRONG_WHILE_FILLED_MAX = 1000
# So long a tracker that refuses every connection may be one that is about to listen.
REFUSED_SECONDS_MAX = 1.0

EVENTS = {"none": 0, "completed": 1, "started": 2, "stopped": 3}


class SilentTrackerError(ConnectionError):
    """The tracker did not answer in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked for, and how. See `terms.Terms` for what is not said here."""

    weight_connect: int = 0
    weight_announce: int = 98
    weight_scrape: int = 2
    peers_wanted: int = 30
    scrape_torrents: int = 10
    event: int = EVENTS["none"]
    timeout_seconds: float = 1.0
    # Waiting for a batch to come together makes an answer cheap. 0: spin, for exact latencies and sending
    # times; the CPU time of the generator means nothing then.
    idle_sleep_us: int = 20
    foreign_peers: bool = False
    random_seed: int = 1
    # The others follow it. None: 127.0.1.1, ::1 or, for a target further away, the system's choice.
    first_source: Address | None = None
    workers: int = 1
    # A core for each worker in turn; empty: wherever the system likes.
    cpus: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if min(self.weight_connect, self.weight_announce, self.weight_scrape) < 0 or not self.weights:
            raise ValueError("weights are 0 or more, and not all 0")
        if not 1 <= self.scrape_torrents <= 74:
            raise ValueError("a scrape asks for 1 to 74 torrents")
        if self.workers < 1:
            raise ValueError("at least one worker")

    @property
    def weights(self) -> int:
        """Their sum."""
        return self.weight_connect + self.weight_announce + self.weight_scrape

    def common_terms(self, target: Target, sources: int, index: int) -> dict[str, Any]:
        """Of the worker with this index, what `Terms` has. ValueError when there are too few addresses."""
        source = first_source(target, self.first_source, sources)
        return {
            "weight_connect": self.weight_connect,
            "weight_announce": self.weight_announce,
            "weight_scrape": self.weight_scrape,
            "peers_wanted": self.peers_wanted,
            "scrape_torrents": self.scrape_torrents,
            "event": self.event,
            "timeout_seconds": self.timeout_seconds,
            "idle_sleep_us": self.idle_sleep_us,
            "foreign_peers": self.foreign_peers,
            "random_seed": self.random_seed * 1_000_003 + index * 1009,
            "first_source": (source or target.own_address()).packed,
            "shares": self.workers,
            "share_index": index,
        }


@dataclass(frozen=True, slots=True)
class Sample:
    """Where everything stood at one moment; two of them make a `Report`."""

    at_seconds: float
    counters: dict[str, int]
    latency_buckets: list[int]
    cpu_user_seconds: float
    cpu_system_seconds: float
    # The same of messages between connections, by what they are.
    relay_buckets: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What happened between two samples. CPU time is that of the whole process, so mostly the generator's."""

    seconds: float
    counters: dict[str, int]
    latency: Latency | None
    cpu_user_seconds: float
    cpu_system_seconds: float
    # Of the workers' time, in turns that sent or received something. Near 1, the generator is the bottleneck.
    busy_share: float
    # Of messages between connections (WebTorrent's offers and answers), from sending to receiving.
    relay_latency: dict[str, Latency | None] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """Sent."""
        return self._sum("sent_")

    @property
    def responses(self) -> int:
        """Right ones."""
        return self._sum("right_")

    @property
    def wrong(self) -> int:
        """Answers that cannot be right, errors among them."""
        return self._sum("wrong_") + self.counters["errors"]

    @property
    def due(self) -> int:
        """Requests that a set rate asked for; 0 without one."""
        return self.counters["due"]

    @property
    def not_sent(self) -> int:
        """Of those; what was due before and is sent now makes up for others."""
        return max(0, self.counters["not_sent"])

    @property
    def responses_per_second(self) -> float:
        """Right ones, of all kinds."""
        return self.responses / self.seconds

    def _sum(self, prefix: str) -> int:
        return sum(count for name, count in self.counters.items() if name.startswith(prefix))

    @classmethod
    def between(cls, before: Sample, after: Sample, workers: int) -> Self:
        """`before` and `after` are of the same run of so many workers."""
        seconds = after.at_seconds - before.at_seconds
        counters = {name: count - before.counters[name] for name, count in after.counters.items()}
        relays = {
            name: _latency_between(before.relay_buckets[name], buckets)
            for name, buckets in after.relay_buckets.items()
        }
        return cls(
            seconds,
            counters,
            _latency_between(before.latency_buckets, after.latency_buckets),
            after.cpu_user_seconds - before.cpu_user_seconds,
            after.cpu_system_seconds - before.cpu_system_seconds,
            counters["busy_ns"] / (seconds * 1e9 * workers),
            relays,
        )


def _latency_between(before: list[int], after: list[int]) -> Latency | None:
    return summarise([b - a for a, b in zip(before, after, strict=True)], latency_bucket_bound_ns)


@dataclass(slots=True)
class Worker:
    """A generator and the thread that it works in."""

    generator: LoadGenerator
    cpu: int | None
    # Of the rate, or the number of requests, of all workers.
    share: float
    thread: Thread | None = None
    reached: bool = False
    failure: BaseException | None = field(default=None)

    def start(self, mode: Mode, seconds: float, requests_per_second: float, requests_max: int) -> None:
        """Work in a new thread; rate and number of requests are those of all workers."""

        def work() -> None:
            try:
                if self.cpu is not None:
                    os.sched_setaffinity(0, {self.cpu})
                self.reached = self.generator.run(
                    mode,
                    seconds,
                    requests_per_second * self.share,
                    # Upwards: 0 would be no bound.
                    math.ceil(requests_max * self.share),
                )
            except BaseException as failure:
                self.failure = failure

        self.thread = Thread(target=work, name=f"load {mode}")
        self.thread.start()

    def join(self) -> bool:
        """Wait for its end; whether it reached its aim. Raises what went wrong there."""
        assert self.thread is not None
        self.thread.join()
        if self.failure is not None:
            raise self.failure
        return self.reached


class LoadTest:
    """Workers ready to load one tracker. A context manager: leaving it stops them."""

    # Counters of what the end of a run leaves to be found.
    losses: tuple[str, ...] = ("lost", "late")
    # That draining takes at most.
    drain_timeouts: float = 1.5

    def __init__(self, target: Target, population: Population, load: Load) -> None:
        self.target = target
        self.load = load
        self.population = population
        # By `stop`.
        self.is_stopped = False
        self._workers: list[Worker] = []

    def add_worker(self, generator: LoadGenerator) -> None:
        """One more, on the core whose turn it is."""
        cpus = self.load.cpus
        cpu = cpus[len(self._workers) % len(cpus)] if cpus else None
        self._workers.append(Worker(generator, cpu, 1 / self.load.workers))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandon()
        for worker in self._workers:
            if worker.thread is not None:
                worker.thread.join()
        # What the generators hold open ends with them.
        self._workers.clear()

    def start(
        self, mode: Mode, seconds: float, requests_per_second: float = 0.0, requests_max: int = 0
    ) -> None:
        """Set all workers to work; `join` waits for them. The rate is that of all together, and so is the number of
        requests after which they end (0: no bound).
        """
        for worker in self._workers:
            worker.start(mode, seconds, requests_per_second, requests_max)

    def join(self) -> bool:
        """Whether every worker reached the aim of its mode. Raises what a worker raised."""
        reached = [worker.join() for worker in self._workers]
        return all(reached)

    def _working(self) -> Thread | None:
        """One that has not ended."""
        threads = (worker.thread for worker in self._workers)
        return next((thread for thread in threads if thread and thread.is_alive()), None)

    def stop(self) -> None:
        """Make every worker end soon and for good, but let it drain. May be called from any thread."""
        self.is_stopped = True
        for worker in self._workers:
            worker.generator.stop()

    def _abandon(self) -> None:
        """Nothing is to come of it any more."""
        for worker in self._workers:
            worker.generator.stop_all()

    def sample(self) -> Sample:
        """Now; may be called while the workers work."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        counters = [worker.generator.counters() for worker in self._workers]
        buckets = [worker.generator.latency_buckets() for worker in self._workers]
        relays = [worker.generator.relay_buckets() for worker in self._workers]
        return Sample(
            time.monotonic(),
            {name: sum(each[name] for each in counters) for name in counters[0]},
            [sum(column) for column in zip(*buckets, strict=True)],
            usage.ru_utime,
            usage.ru_stime,
            {
                name: [sum(column) for column in zip(*(each[name] for each in relays), strict=True)]
                for name in relays[0]
            },
        )

    def greet(self, seconds: float = 30.0) -> None:
        """Get a connection id for every socket, or open every connection, until `stop`.

        SilentTrackerError, ConnectionRefusedError.
        """
        before = self.sample()
        self.start("greet", seconds)
        while working := self._working():
            working.join(LOOK_SECONDS)
            self._require_open(before)
        if not self.join() and not self.is_stopped:
            raise SilentTrackerError(f"{self.target} did not answer within {seconds:g} s")

    def fill(self, seconds: float) -> Report:
        """Announce every peer until it has been acknowledged, or until `stop`.

        SilentTrackerError when that takes longer, or when more answers are wrong than there are peers: whoever is
        refused every time would be asked for ever. ConnectionRefusedError.
        """
        before = self.sample()
        self.start("fill", seconds)
        while working := self._working():
            working.join(LOOK_SECONDS)
            self._require_open(before)
            if self.since(before).wrong > self.population.peers + WRONG_WHILE_FILLED_MAX:
                self._abandon()
        reached = self.join()
        report = self.since(before)
        if not reached and not self.is_stopped:
            raise SilentTrackerError(
                f"{report.counters['right_announce']} of {self.population.peers} peers within {report.seconds:.1f} s, "
                f"{report.counters['lost']} requests lost, {report.wrong} wrong answers"
            )
        return report

    def since(self, before: Sample) -> Report:
        """What has happened since an earlier sample."""
        return Report.between(before, self.sample(), len(self._workers))

    def _require_open(self, before: Sample) -> None:
        """ConnectionRefusedError when there was no connection ever, and has been time for one since."""
        now = self.sample()
        opened, refused = (now.counters.get(f"connections_{what}", 0) for what in ("opened", "refused"))
        if refused and not opened and now.at_seconds - before.at_seconds >= REFUSED_SECONDS_MAX:
            self._abandon()
            raise ConnectionRefusedError(f"connection refused at {self.target}")

    def run(
        self,
        mode: Literal["closed", "open", "hold"],
        seconds: float,
        requests_per_second: float = 0.0,
        progress: Callable[[Report], None] | None = None,
        *,
        requests_max: int = 0,
        summarise_last_seconds: int = 0,
    ) -> Report:
        """Load for so long, or so many requests, or until `stop`; then wait for answers under way.

        `progress`: each second's report. The one returned is of the last seconds only, if so many are given.
        ConnectionRefusedError.
        """
        first = last = self.sample()
        samples = deque([last], maxlen=summarise_last_seconds + 1)
        self.start(mode, seconds, requests_per_second, requests_max)
        end = last.at_seconds + seconds
        while (left := end - time.monotonic()) > 0 and (working := self._working()):
            working.join(min(left, 1.0))
            self._require_open(first)
            now = self.sample()
            if progress:
                progress(Report.between(last, now, len(self._workers)))
            last = now
            if summarise_last_seconds:
                samples.append(now)
        self.join()
        return self.finish(samples[0])

    def finish(self, first: Sample) -> Report:
        """Wait for answers under way: the report since then, with what was lost."""
        # What arrives from here on is counted as answered, but not as time.
        after = self.sample()
        self.drain()
        report = Report.between(first, after, len(self._workers))
        return _with_drained(report, after, self.sample(), self.losses)

    def drain(self) -> None:
        """Receive what is under way, until there is nothing or it is lost."""
        self.start("drain", self.load.timeout_seconds * self.drain_timeouts)
        self.join()


class CombinedLoadTest(LoadTest):
    """Several at once on one tracker, such as over IPv4 and IPv6, as if they were one."""

    def __init__(self, parts: Sequence[tuple[LoadTest, float]]) -> None:
        """Each with its share of the rate."""
        first = parts[0][0]
        super().__init__(first.target, first.population, first.load)
        self.losses, self.drain_timeouts = first.losses, first.drain_timeouts
        self._parts = [test for test, _ in parts]
        self._workers = [
            replace(worker, share=worker.share * share) for test, share in parts for worker in test._workers
        ]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        for test in self._parts:
            test.__exit__(kind, error, trace)


def _with_drained(report: Report, at_end: Sample, drained: Sample, losses: Sequence[str]) -> Report:
    """The losses that the end of a run leaves to be found are part of it; late answers' work is not."""
    found = {name: report.counters[name] + drained.counters[name] - at_end.counters[name] for name in losses}
    return replace(report, counters=report.counters | found)


def sources_needed(torrent_sizes: Sequence[int], at_least: int = 4) -> int:
    """Source addresses, of 65,535 ports each, for the largest torrent; no more than there are peers."""
    return min(max(at_least, -(-max(torrent_sizes) // 65535)), sum(torrent_sizes))


def first_source(target: Target, chosen: Address | None, sources: int) -> Address | None:
    """The first address to send from; None: the system's choice. ValueError when there are more to choose."""
    if chosen is None and target.address.is_loopback:
        return ipaddress.ip_address("127.0.1.1" if target.address.version == 4 else "::1")
    if chosen is None and sources > 1:
        raise ValueError("several sources need the first of their addresses")
    return chosen
