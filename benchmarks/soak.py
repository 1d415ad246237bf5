"""A long run of our tracker under changing load: memory stays flat, and no loss is unexplained.

Each period another population of peers announces at a set rate, and comes back when its peers have
expired, so that torrents and peers are made and forgotten all the time; meanwhile two real clients find each
other and transfer a file. Ends with a verdict.
"""

import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, mean

from aquatic.bench.options import add_conditions, add_outputs, conditions_of, write
from aquatic.bench.process import RunningTracker, TrackerError
from aquatic.bench.render import markdown
from aquatic.bench.result import Result
from aquatic.bench.runs import log, prepare
from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from benchmarks.clients import transfer

SOURCES = 8
PEERS_PER_TORRENT = 5
CLEANING_INTERVAL_SECONDS = 30
# Of the mean, over all that was observed once memory could be steady.
MEMORY_DRIFT_MAX = 0.03
# Latency is not what is measured, so the generator need not spin: it leaves the machine to others.
IDLE_SLEEP_US = 500
# So long that what a busy machine delays is not taken for lost.
TIMEOUT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Check:
    """What a period of load showed, and memory at its end."""

    at_seconds: float
    memory_bytes: int
    cpu_us_per_response: float
    responses: int
    wrong: int
    lost: int
    late: int
    # By the kernel, for want of room at the tracker's and at the generator's sockets.
    dropped_requests: int
    dropped_responses: int
    # By the tracker itself, as its metrics say.
    dropped_by_tracker: int
    # Why real clients did not get their file, if they did not.
    transfer_fault: str = ""

    @property
    def unexplained(self) -> int:
        """Requests without an answer that nobody owns up to."""
        owned = self.late + self.dropped_requests + self.dropped_responses + self.dropped_by_tracker
        return max(0, self.lost - owned)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Over all checks."""

    # Of mean memory, from the first steady check to the last, along the straight line that fits best.
    memory_drift: float
    wrong: int
    lost: int
    unexplained: int
    transfer_faults: int

    @property
    def faults(self) -> list[str]:
        """What should not be; empty when all is well."""
        found = []
        if abs(self.memory_drift) > MEMORY_DRIFT_MAX:
            found.append(f"memory drifted by {self.memory_drift:.1%}")
        if self.wrong:
            found.append(f"{self.wrong} wrong answers")
        if self.unexplained:
            found.append(f"{self.unexplained} of {self.lost} lost requests unexplained")
        if self.transfer_faults:
            found.append(f"{self.transfer_faults} transfers between real clients failed")
        return found


def judge(checks: Sequence[Check], steady_after_seconds: float) -> Verdict:
    """Memory counts from when as many peers expire as come. ValueError with fewer than two such checks."""
    steady = [check for check in checks if check.at_seconds >= steady_after_seconds]
    if len(steady) < 2:
        raise ValueError("too short for memory to become steady")
    times = [check.at_seconds for check in steady]
    memory = [check.memory_bytes for check in steady]
    slope, _ = linear_regression(times, memory)
    return Verdict(
        slope * (times[-1] - times[0]) / mean(memory),
        sum(check.wrong for check in checks),
        sum(check.lost for check in checks),
        sum(check.unexplained for check in checks),
        sum(bool(check.transfer_fault) for check in checks),
    )


def main(arguments: list[str] | None = None) -> int:
    """Run as long as the command line says; 1 when something is not as it should be."""
    options = _parser().parse_args(arguments)
    conditions = conditions_of(options, " ".join(["python -m benchmarks.soak", *(arguments or sys.argv[1:])]))
    result = Result("soak", "Soak", conditions.command)
    try:
        (tracker,) = conditions.choose(("ours",), "udp", result)
        prepare(conditions)
        with conditions.start(
            tracker,
            "udp",
            peer_age_seconds_max=options.peer_age_seconds,
            cleaning_interval_seconds=CLEANING_INTERVAL_SECONDS,
            exports=True,
            metrics=True,
        ) as running:
            checks = run(running, options)
        # A peer is gone one cleaning after its age at the latest; then a whole turn of all populations.
        verdict = judge(checks, options.peer_age_seconds + CLEANING_INTERVAL_SECONDS + options.period_seconds)
    except (TrackerError, ValueError, OSError) as error:
        log(f"Error: {error}")
        return 1
    report(result, checks, verdict)
    print(markdown(result), end="")
    result.failed = bool(verdict.faults)
    return write([result], options)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    add_conditions(parser)
    add_outputs(parser)
    add = parser.add_argument
    add("--minutes", type=float, default=60)
    add("--rate", type=float, default=20_000, help="requests a second (default: 20000)")
    add("--peers", type=int, default=200_000, help="of each population (default: 200000)")
    add("--populations", type=int, default=12, help="that take turns (default: 12)")
    add("--period-seconds", type=float, default=60, help="that each announces (default: 60)")
    add("--peer-age-seconds", type=int, default=300, help="that peers live (default: 300)")
    return parser


def run(running: RunningTracker, options: Namespace) -> list[Check]:
    """A check for each period. TrackerError, SilentTrackerError."""
    sizes = shapes.zipf(options.peers // PEERS_PER_TORRENT, options.peers)
    load = UdpLoad(
        idle_sleep_us=IDLE_SLEEP_US,
        requests_under_way_max=1 << 18,
        timeout_seconds=TIMEOUT_SECONDS,
        connection_age_seconds=30,
    )
    begin = time.monotonic()
    checks: list[Check] = []
    while time.monotonic() - begin < options.minutes * 60:
        population = Population(sizes, SOURCES, seeder_share=0.5, seed=len(checks) % options.populations)
        with UdpLoadTest(running.target, population, load) as test:
            test.greet()
            checks.append(observe(running, test, options, begin))
        log(str(checks[-1]))
    return checks


def observe(running: RunningTracker, test: UdpLoadTest, options: Namespace, begin: float) -> Check:
    """One period of load. TrackerError."""
    cpu_before, dropped_before = running.cpu_time(), running.dropped_datagrams()
    own_before = dropped_by_itself(running.metrics())
    with tempfile.TemporaryDirectory(prefix="aquatic-soak-") as directory, ThreadPoolExecutor(1) as pool:
        transferred = pool.submit(transfer, f"udp://{running.target}/announce", Path(directory))
        load = test.run("open", options.period_seconds, options.rate)
        transfer_error = transferred.exception()
    cpu = running.cpu_time()
    cpu_seconds = cpu.user_seconds + cpu.system_seconds - cpu_before.user_seconds - cpu_before.system_seconds
    return Check(
        at_seconds=time.monotonic() - begin,
        memory_bytes=running.memory_bytes(),
        cpu_us_per_response=cpu_seconds * 1e6 / max(load.responses, 1),
        responses=load.responses,
        wrong=load.wrong,
        lost=load.counters["lost"],
        late=load.counters["late"],
        dropped_requests=running.dropped_datagrams() - dropped_before,
        # These sockets are new with each period.
        dropped_responses=dropped_towards_port(Path("/proc/net/udp").read_text(), running.target.port),
        dropped_by_tracker=dropped_by_itself(running.metrics()) - own_before,
        transfer_fault=repr(transfer_error) if transfer_error else "",
    )


def dropped_by_itself(metrics: dict[str, float]) -> int:
    """Responses that ours gave up, as its metrics tell; what the kernel dropped is not among them."""
    dropped = {name: value for name, value in metrics.items() if name.startswith("aquatic_dropped_total{")}
    return int(sum(value for name, value in dropped.items() if 'cause="kernel"' not in name))


def dropped_towards_port(net_udp: str, port: int) -> int:
    """The last column of /proc/net/udp, summed over the sockets that are connected to a port."""
    rows = [line.split() for line in net_udp.splitlines()[1:]]
    return sum(int(row[-1]) for row in rows if int(row[2].rpartition(":")[2], 16) == port)


def report(result: Result, checks: Sequence[Check], verdict: Verdict) -> None:
    """Ten or so of the checks, and what all of them come to."""
    result.data |= {"checks": list(checks), "verdict": verdict}
    result.notes.append("verdict: " + ("; ".join(verdict.faults) or "memory flat, no loss unexplained"))
    result.notes.append(
        f"memory drift {verdict.memory_drift:.2%} of its mean; {sum(check.responses for check in checks)} right "
        f"answers, {verdict.wrong} wrong, {verdict.lost} requests lost, {verdict.unexplained} of them "
        f"unexplained; {len(checks)} transfers between real clients, {verdict.transfer_faults} failed"
    )
    shown = checks[:: max(1, len(checks) // 12)]
    result.table(
        "Some of the periods",
        [
            "minute",
            "memory, MB",
            "CPU us per response",
            "responses",
            "lost",
            "late",
            "dropped",
            "unexplained",
        ],
        [_row(check) for check in shown],
    )


def _row(check: Check) -> list[str]:
    dropped = check.dropped_requests + check.dropped_responses + check.dropped_by_tracker
    return [
        f"{check.at_seconds / 60:.0f}",
        f"{check.memory_bytes / 1e6:.1f}",
        f"{check.cpu_us_per_response:.2f}",
        *map(str, (check.responses, check.lost, check.late, dropped, check.unexplained)),
    ]


if __name__ == "__main__":
    sys.exit(main())
