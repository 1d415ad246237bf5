"""The life of the process around a fake data plane: readiness, signals, unexpected ends."""

import contextlib
import json
import os
import re
import resource
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from aquatic.control.threads import FAULTS
from tests.support.processes import running_fake

BOTH_PROTOCOLS = ["127.0.0.1:0", "http://127.0.0.1:0"]
HASH = "0123456789abcdef0123456789ABCDEF01234567"


def test_it_says_where_it_listens_and_ends_cleanly_when_told() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with running_fake(parts={"listeners": ["127.0.0.1:0", "[::1]:0"]}) as process:
            ipv4 = process.wait_for_line("listening")
            ipv6 = process.wait_for_line("listening")
            assert re.fullmatch(r"listening on udp://127\.0\.0\.1:[1-9]\d*", ipv4)
            assert re.fullmatch(r"listening on udp://\[::1\]:[1-9]\d*", ipv6)
            process.signal(number)
            assert process.wait() == 0
            assert process.output[-1] == "worker 0 stopped"
            assert process.errors == []


def test_workers_block_signals_and_run_where_they_are_pinned() -> None:
    core = min(os.sched_getaffinity(0))
    parts = {"workers": {"udp_count": 2, "cpu_pinning": {"active": True, "cores": [core]}}}
    with running_fake("show", parts) as process:
        for _ in range(2):
            shown = json.loads(process.wait_for_line("blocked"))
            assert shown["cores"] == [core]
            unblockable = {signal.SIGKILL, signal.SIGSTOP}
            assert set(shown["blocked"]) == signal.valid_signals() - unblockable - FAULTS


def test_pinning_keeps_to_a_restricted_cpuset() -> None:
    last = max(os.sched_getaffinity(0))
    parts = {"workers": {"udp_count": 3, "cpu_pinning": {"active": True}}}
    with running_fake("show", parts, preexec_fn=lambda: os.sched_setaffinity(0, {last})) as process:
        assert [json.loads(process.wait_for_line("blocked"))["cores"] for _ in range(3)] == [[last]] * 3


def test_zero_workers_are_one_for_each_core_of_the_cpuset() -> None:
    cores = len(os.sched_getaffinity(0))
    with running_fake(parts={"workers": {"udp_count": 0}}) as process:
        process.wait_for_line("listening")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert sorted(process.output[1:]) == [f"worker {index} stopped" for index in range(cores)]


def test_workers_of_both_protocols_are_pinned_in_one_row() -> None:
    usable = sorted(os.sched_getaffinity(0))
    cores = [usable[0], usable[-1], usable[0]]
    parts = {
        "listeners": BOTH_PROTOCOLS,
        "workers": {"stream_count": 2, "cpu_pinning": {"active": True, "cores": sorted(set(cores))}},
    }
    with running_fake("show", parts) as process:
        shown = [json.loads(process.wait_for_line("blocked")) for _ in cores]
        pinned = {each["name"]: each["cores"] for each in shown}
        names = ("UDP worker 0", "stream worker 0", "stream worker 1")
        assert pinned == {name: [core] for name, core in zip(names, cores, strict=True)}


@pytest.mark.parametrize(
    ("listeners", "name"),
    [
        (["127.0.0.1:0"], "UDP worker 1"),
        (["http://127.0.0.1:0"], "stream worker 1"),
        (BOTH_PROTOCOLS, "stream worker 0"),
    ],
)
@pytest.mark.parametrize(
    ("worker", "message"),
    [
        ("fail", r"ended unexpectedly: OSError: \[Errno 5\] a made-up failure \(.*:\d+\)"),
        ("end", "ended unexpectedly"),
        ("hang", "hangs"),
    ],
)
def test_the_end_of_one_worker_is_the_end_of_all(
    listeners: list[str], name: str, worker: str, message: str
) -> None:
    counts = {"udp_count": 1 if listeners == BOTH_PROTOCOLS else 2, "stream_count": 2}
    parts = {"listeners": listeners, "workers": {"poll_timeout_ms": 10, **counts}}
    with running_fake(worker, parts) as process:
        assert process.wait() == 1
        assert re.fullmatch(f"Error: {name} {message}", process.errors[-1])


def test_the_limit_on_descriptors_is_raised_to_what_connections_need() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    parts = {"listeners": BOTH_PROTOCOLS, "connections": {"per_worker_max": 300}}

    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

    with running_fake("quiet", parts, preexec_fn=lower) as process:
        process.wait_for_line("listening on http")
        assert resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE)[0] > 300
        assert process.errors == []


def test_a_worker_for_connections_that_does_not_stop_is_named() -> None:
    with running_fake("stay", {"listeners": ["http://127.0.0.1:0"]}) as process:
        process.wait_for_line("listening")
        process.signal(signal.SIGTERM)
        assert process.wait() == 1
        assert process.errors[-1] == "Error: stream worker 0 did not stop within 0.5 seconds"


def test_a_worker_that_does_not_stop_is_not_waited_for() -> None:
    with running_fake("stay") as process:
        process.wait_for_line("listening")
        process.signal(signal.SIGTERM)
        assert process.wait() == 1
        assert process.errors == ["Error: UDP worker 0 did not stop within 0.5 seconds"]


def test_an_address_in_use_is_one_line_and_nothing_starts() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with running_fake(parts={"listeners": ["127.0.0.2:0", address]}) as process:
            assert process.wait() == 1
            assert process.output == []
            expected = f"Error: cannot listen on udp://{address}: Address already in use (by another process)"
            assert process.errors == [expected]


def test_the_access_list_is_read_at_start_and_again_on_request(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"{HASH}\n")
    parts = {"access_list": {"mode": "allow", "path": str(path)}, "log_level": "info"}
    with running_fake(parts=parts) as process:
        process.wait_for_line(f"access list allow {HASH.lower()}")
        process.wait_for_line("listening")
        path.write_text(f"{HASH}\n\n{HASH}\n")
        process.signal(signal.SIGUSR1)
        process.wait_for_line(f"access list allow {HASH.lower() * 2}")
        process.wait_for_line("INFO aquatic.control.supervisor: access list read: 2 info hashes")
        path.write_text(f"{HASH}\nnonsense\n")
        process.signal(signal.SIGUSR1)
        line = process.wait_for_line("ERROR")
        assert "the old access list stays" in line
        assert f"{path}, line 2: 'nonsense' is not an info hash" in line
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert sum("access list" in line for line in process.output) == 2


def test_a_bad_access_list_ends_the_start_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"{HASH}\n{HASH[1:]}\n")
    with running_fake(parts={"access_list": {"mode": "deny", "path": str(path)}}) as process:
        assert process.wait() == 1
        assert process.output == []
        (error,) = process.errors
        assert error.startswith(f"Error: access list {path}, line 2: ")


def test_a_reload_without_an_access_list_changes_nothing() -> None:
    with running_fake(parts={"log_level": "info"}) as process:
        process.wait_for_line("listening")
        process.signal(signal.SIGUSR1)
        process.wait_for_line("nothing to reload")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0


def test_the_service_manager_hears_of_readiness_life_and_end(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        with running_fake(env=environment) as process:
            assert manager.recv(1000) == b"READY=1"
            assert manager.recv(1000) == b"WATCHDOG=1"
            process.signal(signal.SIGTERM)
            message = manager.recv(1000)
            while message == b"WATCHDOG=1":
                message = manager.recv(1000)
            assert message == b"STOPPING=1"
            assert process.wait() == 0


def test_nobody_needs_to_read_standard_output() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with running_fake("quiet", {"log_level": "info"}, stdout=writing) as process:
        os.close(writing)
        process.wait_for_line("serving with 1 worker")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0


def test_signals_during_the_start_are_obeyed_after_it(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(HASH)
    parts = {"access_list": {"mode": "allow", "path": str(path)}, "log_level": "info"}
    environment = {**os.environ, "SIGNAL_AT_START": "SIGUSR1"}
    with running_fake(parts=parts, env=environment) as process:
        process.wait_for_line("access list read: 1 info hashes")
    for name in ("SIGTERM", "SIGINT"):
        with running_fake(parts=parts, env={**os.environ, "SIGNAL_AT_START": name}) as process:
            assert process.wait() == 0
            assert process.output[-1] == "worker 0 stopped"


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        (
            "heartbeat",
            "heartbeat watch ended unexpectedly: ArithmeticError: made up (fake_tracker_process.py:",
        ),
        ("counters", "statistics ended unexpectedly: ArithmeticError: made up (fake_tracker_process.py:"),
        ("start", "supervisor failed unexpectedly: ArithmeticError: made up (fake_tracker_process.py:"),
    ],
)
def test_the_end_of_a_task_is_the_end_of_all(fails: str, message: str) -> None:
    parts = {"statistics": {"interval_seconds": 1, "standard_output": True}}
    with running_fake(parts=parts, env={**os.environ, "FAIL": fails}) as process:
        assert process.wait() == 1
        assert process.errors[-1].startswith(f"Error: {message}")


def test_a_fault_behind_a_page_is_the_end_of_all() -> None:
    parts = {"statistics": {"interval_seconds": 60, "prometheus": True, "prometheus_address": "127.0.0.1:0"}}
    with running_fake(parts=parts, env={**os.environ, "FAIL": "counters"}) as process:
        url = process.wait_for_line("/metrics").removeprefix("listening on ")
        with contextlib.suppress(OSError):
            while process.popen.poll() is None:
                urllib.request.urlopen(url, timeout=30).close()
        assert process.wait() == 1
        assert "ArithmeticError: made up" in process.errors[-1]
