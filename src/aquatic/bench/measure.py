"""One measured stretch of load on a running tracker."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aquatic.bench.process import TICKS_PER_SECOND, CpuTime, RunningTracker
from aquatic.loadtest.latency import Latency
from aquatic.loadtest.run import LoadTest, Report

# Below this the tracker waited for requests, and its throughput says nothing.
SATURATED_CORE_SHARE = 0.93
# Above this the generator may have been what was waited for.
GENERATOR_BUSY_SHARE_MAX = 0.9
# Others on the tracker's cores beyond this make a run a bad one.
OTHERS_SHARE_MAX = 0.05
WARM_UP_SECONDS_MAX = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What others may have disturbed."""

    # Of the time of the tracker's cores, taken by other processes.
    others_share: float
    # How often it had been measured before, and others had taken too much.
    repeats: int = 0

    @property
    def doubts(self) -> list[str]:
        """What speaks against believing it; `others` speaks against every figure."""
        return self.doubts_of_others

    @property
    def doubts_of_others(self) -> list[str]:
        """Whether they took too much."""
        return ["others"] if self.others_share > OTHERS_SHARE_MAX else []


def counted_doubts(measured: Iterable[Judged]) -> str:
    """How often each was had."""
    doubts = [doubt for each in measured for doubt in each.doubts]
    return ", ".join(f"{doubt} {doubts.count(doubt)}x" for doubt in dict.fromkeys(doubts)) or "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Judged):
    """What one stretch of load showed. CPU is the tracker's, in microseconds per right response.

    Over WebSocket, responses are the messages that reached the peer they were sent to, and latency is an offer's.
    """

    responses_per_second: float
    cpu_user_us: float
    cpu_system_us: float
    # Of its cores' time.
    tracker_share: float
    generator_user_us: float
    generator_system_us: float
    generator_busy_share: float
    peers_per_announce: float
    requests_lost: int
    wrong: int
    dropped_by_kernel: int
    latency: Latency | None = None

    @property
    def cpu_us(self) -> float:
        """User and system."""
        return self.cpu_user_us + self.cpu_system_us

    @property
    def doubts(self) -> list[str]:
        """All but `others` and wrong answers speak against the throughput only."""
        found = self.doubts_of_others
        if self.tracker_share < SATURATED_CORE_SHARE:
            found.append("tracker not saturated")
        if self.generator_busy_share > GENERATOR_BUSY_SHARE_MAX:
            found.append("generator saturated")
        if self.wrong:
            found.append("wrong answers")
        return found


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a tracker and its cores stood."""

    at_seconds: float
    cpu: CpuTime
    cores: int
    cores_busy_seconds: float
    dropped: int

    @classmethod
    def of(cls, tracker: RunningTracker) -> Self:
        """Now. TrackerError."""
        stat = Path("/proc/stat").read_text()
        busy = sum(core_busy_seconds(stat, core) for core in tracker.cores)
        return cls(
            time.monotonic(), tracker.cpu_time(), len(tracker.cores), busy, tracker.dropped_datagrams()
        )

    def others_share_until(self, later: Self) -> float:
        """Of the cores' time since, what others than the tracker had."""
        taken = later.cores_busy_seconds - self.cores_busy_seconds
        taken -= later.cpu.user_seconds - self.cpu.user_seconds
        taken -= later.cpu.system_seconds - self.cpu.system_seconds
        return max(0.0, taken) / ((later.at_seconds - self.at_seconds) * self.cores)


def under_load(
    tracker: RunningTracker,
    test: LoadTest,
    seconds: float,
    *,
    counted: tuple[str, ...] = ("right_",),
) -> Measurement:
    """A closed loop for so long, after a warm-up that does not count. TrackerError.

    `counted`: how the names of those counters begin that count responses.
    """
    warm_up_seconds = min(WARM_UP_SECONDS_MAX, seconds)
    test.start("closed", warm_up_seconds + seconds)
    time.sleep(warm_up_seconds)
    before, load_before = Moment.of(tracker), test.sample()
    # So that both moments are within the run.
    time.sleep(seconds * 0.9)
    after, load_after = Moment.of(tracker), test.sample()
    test.join()
    test.drain()
    report = Report.between(load_before, load_after, test.load.workers)
    return measurement(report, before, after, counted)


def measurement(
    report: Report, before: Moment, after: Moment, counted: tuple[str, ...] = ("right_",)
) -> Measurement:
    """From what the generator and the kernel counted between two moments."""
    user = after.cpu.user_seconds - before.cpu.user_seconds
    system = after.cpu.system_seconds - before.cpu.system_seconds
    responses = sum(count for name, count in report.counters.items() if name.startswith(counted))
    per_response = 1e6 / max(responses, 1)
    return Measurement(
        responses_per_second=responses / report.seconds,
        cpu_user_us=user * per_response,
        cpu_system_us=system * per_response,
        tracker_share=(user + system) / (report.seconds * before.cores),
        others_share=before.others_share_until(after),
        generator_user_us=report.cpu_user_seconds * per_response,
        generator_system_us=report.cpu_system_seconds * per_response,
        generator_busy_share=report.busy_share,
        peers_per_announce=report.counters.get("peers_received", 0)
        / max(report.counters["right_announce"], 1),
        requests_lost=report.counters["lost"],
        wrong=report.wrong,
        dropped_by_kernel=after.dropped - before.dropped,
        latency=report.relay_latency.get("offer", report.latency),
    )


def core_busy_seconds(stat: str, core: int) -> float:
    """User, nice and system time of all processes on a core since boot, from /proc/stat."""
    for line in stat.splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            return sum(int(tick) for tick in ticks[:3]) / TICKS_PER_SECOND
    raise ValueError(f"no core {core}")
