"""A tracker under measurement: started on its cores, read from outside, ended."""

import contextlib
import os
import random
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
from urllib.error import URLError
from urllib.request import urlopen

from aquatic.bench.certificate import make_certificate
from aquatic.bench.trackers import Serving, Tracker, Wire
from aquatic.loadtest.target import Target
from aquatic.protocol.udp import ConnectRequest

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS_MAX = 60
END_SECONDS_MAX = 30
CLAIMED_PORT_MIN = 10_000
# Of /proc/net/udp.
_LOCAL_COLUMN = 1
_CONFIGURATION_SUFFIXES = (".toml", ".conf", ".yaml")

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
    cores: tuple[int, ...]
    metrics_port: int | None
    command: tuple[str, ...]

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

    def configuration(self) -> dict[str, str]:
        """What it was started with: its command, and the files of it by name."""
        files = sorted(self.directory.rglob("*"))
        texts = {file.name: file.read_text() for file in files if file.suffix in _CONFIGURATION_SUFFIXES}
        return {"command": " ".join(self.command), **texts}

    def dropped_datagrams(self) -> int:
        """Requests that the kernel dropped because the tracker did not fetch them in time."""
        return dropped_at_port(Path("/proc/net/udp").read_text(), self.target.port)

    def metrics(self) -> dict[str, float]:
        """Its Prometheus metrics by name and labels; empty for a tracker that has none or was not asked for them."""
        if self.metrics_port is None:
            return {}
        try:
            with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
                return parse_metrics(answer.read().decode())
        except URLError:
            return {}

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
    rows = [line.split() for line in net_udp.splitlines()[1:]]
    return sum(int(row[-1]) for row in rows if int(row[_LOCAL_COLUMN].rpartition(":")[2], 16) == port)


@contextmanager
def started(
    tracker: Tracker,
    wire: Wire,
    *,
    cores: tuple[int, ...],
    priority: Priority,
    info_hashes: Iterable[bytes] = (),
    metrics: bool = False,
    **settings: int | bool,
) -> Iterator[RunningTracker]:
    """A tracker on its cores, with a directory of its own; ended on leaving. `settings`: fields of `Serving`.

    TrackerError when it ends before it has answered, or says nothing.
    """
    program = tracker.program()
    if program is None:
        raise TrackerError(f"{tracker.name} is not here")
    with (
        tempfile.TemporaryDirectory(prefix="aquatic-bench-") as made,
        claimed_port(socket.SOCK_DGRAM if wire == "udp" else socket.SOCK_STREAM) as port,
        claimed_port(socket.SOCK_STREAM) as metrics_port,
    ):
        directory = Path(made)
        serving = Serving(
            wire=wire,
            port=port,
            directory=directory,
            info_hashes=info_hashes,
            metrics_port=metrics_port if metrics else None,
            certificate=make_certificate(directory) if wire in ("https", "wss") else None,
        )
        serving = replace(serving, **settings)  # type: ignore[arg-type]
        own_command = (*program, *tracker.arguments(serving))
        command = [*_PRIORITY_COMMANDS[priority], *on_cores(cores), *own_command]
        with (directory / "output.txt").open("wb") as output:
            process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=subprocess.STDOUT)
        target = Target.parse(f"127.0.0.1:{serving.port}")
        running = RunningTracker(
            tracker, process, target, directory, cores, serving.metrics_port, own_command
        )
        try:
            _await_answer(running, wire)
            yield running
        finally:
            _end(process)


def on_cores(cores: tuple[int, ...]) -> tuple[str, ...]:
    """The beginning of a command that is to run there only."""
    return ("taskset", "--cpu-list", ",".join(map(str, cores)))


@contextmanager
def claimed_port(kind: socket.SocketKind) -> Iterator[int]:
    """A port for who can't ask the system for one. Meanwhile nobody gets it from the system or from here."""
    given_min = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(CLAIMED_PORT_MIN, max(given_min, 2 * CLAIMED_PORT_MIN))
        with socket.socket(socket.AF_UNIX) as claim, socket.socket(socket.AF_INET, kind) as probe:
            try:
                claim.bind(f"\0aquatic-port-{port}")
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            probe.close()
            yield port
            return


def set_own_priority(priority: Priority, cores: tuple[int, ...]) -> None:
    """Put this process, the generator, on its cores with the trackers' priority. OSError without the right."""
    os.sched_setaffinity(0, cores)
    if priority == "nice":
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        # Where sessions share the cores as groups, the above counts among the processes of this session only.
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text("-15")
    elif priority == "fifo":
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


@contextlib.contextmanager
def spinning(priority: Priority, cores: tuple[int, ...]) -> Iterator[None]:
    """For a generator that spins: real-time threads that do are stopped for 50 ms of each second."""
    if priority != "fifo":
        yield
        return
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    set_own_priority("nice", cores)
    try:
        yield
    finally:
        set_own_priority(priority, cores)


def require_tools(priority: Priority) -> None:
    """ValueError that names a missing program of util-linux or coreutils."""
    for program in ("taskset", *_PRIORITY_COMMANDS[priority][:1]):
        if shutil.which(program) is None:
            raise ValueError(f"{program} is not on the path")


def _await_answer(running: RunningTracker, wire: Wire) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    answers = _answers_datagram if wire == "udp" else _accepts_connection
    while time.monotonic() < deadline:
        running.require_running()
        # Refused until the tracker has its socket.
        with contextlib.suppress(OSError):
            if answers((str(running.target.address), running.target.port)):
                return
        time.sleep(0.02)
    raise TrackerError(f"{running.tracker.name} did not answer within {START_SECONDS_MAX} s")


def _answers_datagram(address: tuple[str, int]) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        asking.connect(address)
        asking.send(ConnectRequest(1).to_bytes())
        return len(asking.recv(64)) == 16


def _accepts_connection(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, timeout=1):
        return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
