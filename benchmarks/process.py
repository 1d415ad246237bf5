"""A tracker under measurement: started on its core, read from outside, ended."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.request import urlopen

from aquatic.loadtest.target import Target
from aquatic.protocol.udp import ConnectRequest
from benchmarks.trackers import Serving, Tracker

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS_MAX = 60
END_SECONDS_MAX = 30
# Of /proc/net/udp.
_LOCAL_COLUMN = 1
_REMOTE_COLUMN = 2

Priority = Literal["normal", "nice", "fifo"]
_PRIORITY_COMMANDS: dict[Priority, list[str]] = {
    "normal": [],
    "nice": ["nice", "-n", "-15"],
    "fifo": ["chrt", "--fifo", "1"],
}


class TrackerError(RuntimeError):
    """A tracker did not start, or ended by itself."""


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Of all threads of a process since its start, by the kernel's ticks."""

    user_seconds: float
    system_seconds: float


@dataclass(frozen=True, slots=True)
class RunningTracker:
    """A started tracker that has answered once."""

    tracker: Tracker
    process: subprocess.Popen[bytes]
    target: Target
    directory: Path
    core: int
    metrics_port: int | None

    def cpu_time(self) -> CpuTime:
        """Now. TrackerError when it is gone."""
        self.require_running()
        # The second field, the program's name, may hold spaces and parentheses.
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return CpuTime(int(fields[11]) / TICKS_PER_SECOND, int(fields[12]) / TICKS_PER_SECOND)

    def memory_bytes(self) -> int:
        """Resident, huge pages included. TrackerError when it is gone."""
        self.require_running()
        return resident_bytes(Path(f"/proc/{self.process.pid}/smaps_rollup").read_text())

    def dropped_datagrams(self) -> int:
        """Requests that the kernel dropped because the tracker did not fetch them in time."""
        return dropped_at_port(Path("/proc/net/udp").read_text(), self.target.port)

    def metrics(self) -> dict[str, float]:
        """Its Prometheus metrics by name and labels; empty for a tracker that was not asked for them."""
        if self.metrics_port is None:
            return {}
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            return parse_metrics(answer.read().decode())

    def dropped_by_itself(self) -> int:
        """Responses that ours gave up, as its metrics tell; what the kernel dropped is not among them."""
        dropped = {
            name: value for name, value in self.metrics().items() if name.startswith("aquatic_dropped_total{")
        }
        return int(sum(value for name, value in dropped.items() if 'cause="kernel"' not in name))

    def require_running(self) -> None:
        """TrackerError with the last line that it wrote, when it is gone."""
        if (code := self.process.poll()) is not None:
            output = (self.directory / "output.txt").read_text(errors="replace").strip()
            last_line = output.rpartition("\n")[2] or "without a word"
            raise TrackerError(f"{self.tracker.name} ended with {code}: {last_line}")


def parse_metrics(text: str) -> dict[str, float]:
    """Values by name and labels, as they are written."""
    samples = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


def resident_bytes(smaps_rollup: str) -> int:
    """`Rss` does not count pages of hugetlbfs; they have lines of their own."""
    total = 0
    for line in smaps_rollup.splitlines():
        name, _, value = line.partition(":")
        if name in ("Rss", "Private_Hugetlb", "Shared_Hugetlb"):
            total += int(value.removesuffix("kB")) * 1024
    return total


def dropped_at_port(net_udp: str, port: int) -> int:
    """The last column of /proc/net/udp, summed over the sockets of a local port."""
    return _dropped(net_udp, _LOCAL_COLUMN, port)


def dropped_towards_port(net_udp: str, port: int) -> int:
    """The same over the sockets that are connected to a port."""
    return _dropped(net_udp, _REMOTE_COLUMN, port)


def _dropped(net_udp: str, column: int, port: int) -> int:
    rows = [line.split() for line in net_udp.splitlines()[1:]]
    return sum(int(row[-1]) for row in rows if int(row[column].rpartition(":")[2], 16) == port)


@contextmanager
def started(
    tracker: Tracker,
    *,
    core: int,
    priority: Priority,
    info_hashes: Iterable[bytes] = (),
    metrics: bool = False,
    **settings: int | bool,
) -> Iterator[RunningTracker]:
    """A tracker on a core, with a directory of its own; ended on leaving. `settings`: fields of `Serving`.

    TrackerError when it ends before it has answered, or says nothing.
    """
    program = tracker.program()
    if program is None:
        raise TrackerError(f"{tracker.name} is not here")
    with tempfile.TemporaryDirectory(prefix="aquatic-bench-") as made:
        directory = Path(made)
        metrics_port = free_port(socket.SOCK_STREAM) if metrics else None
        serving = Serving(
            port=free_port(), directory=directory, info_hashes=info_hashes, metrics_port=metrics_port
        )
        serving = replace(serving, **settings)  # type: ignore[arg-type]
        command = [*_PRIORITY_COMMANDS[priority], "taskset", "--cpu-list", str(core), *program]
        with (directory / "output.txt").open("wb") as output:
            process = subprocess.Popen(
                command + tracker.arguments(serving), cwd=directory, stdout=output, stderr=subprocess.STDOUT
            )
        target = Target.parse(f"127.0.0.1:{serving.port}")
        running = RunningTracker(tracker, process, target, directory, core, metrics_port)
        try:
            _await_answer(running)
            yield running
        finally:
            _end(process)


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port, of UDP if nothing else is said, that nobody has at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def set_own_priority(priority: Priority, core: int) -> None:
    """Put this process, the generator, on its core with the trackers' priority. OSError without the right."""
    os.sched_setaffinity(0, {core})
    if priority == "nice":
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        # Where sessions share the cores as groups, the above counts among the processes of this session only.
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text("-15")
    elif priority == "fifo":
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def require_tools(priority: Priority) -> None:
    """ValueError that names a missing program of util-linux or coreutils."""
    for program in ("taskset", *_PRIORITY_COMMANDS[priority][:1]):
        if shutil.which(program) is None:
            raise ValueError(f"{program} is not on the path")


def _await_answer(running: RunningTracker) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect((str(running.target.address), running.target.port))
        asking.settimeout(0.1)
        while time.monotonic() < deadline:
            running.require_running()
            # Refused until the tracker has its socket.
            with contextlib.suppress(OSError):
                asking.send(ConnectRequest(1).to_bytes())
                if len(asking.recv(64)) == 16:
                    return
            time.sleep(0.02)
    raise TrackerError(f"{running.tracker.name} did not answer within {START_SECONDS_MAX} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
