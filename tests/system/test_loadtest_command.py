"""`aquatic load-test` as a process, and what it tells."""

import fcntl
import io
import json
import os
import re
import signal
import socket
import struct
import sys
import termios
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from aquatic.cli import main
from aquatic.loadtest.command import Progress
from aquatic.loadtest.drive import COMMON_COUNTER_NAMES
from aquatic.loadtest.latency import Latency
from aquatic.loadtest.local_tracker import LocalTracker
from aquatic.loadtest.run import Report
from aquatic.loadtest.target import Target
from aquatic.protocol.udp import AnnounceRequest, ConnectRequest, Request
from tests.support.processes import running, wait_until
from tests.system.stand_in_http_tracker import stand_in_http_tracker
from tests.system.stand_in_tracker import Meddle, stand_in_tracker
from tests.system.stand_in_ws_tracker import stand_in_ws_tracker

TORRENTS = "number_of_torrents = 20\nnumber_of_peers = 100\n"
# However long this machine stands still, nothing is lost by that.
PATIENT = "timeout_ms = 30000\n"
PLAIN_HTTP = "enable_tls = false\nnum_connections = 8\nconnection_creation_interval_ms = 0\n"


def write(folder: Path, address: str, top: str = "", requests: str = "", table: str = "requests") -> str:
    file = folder / "load.toml"
    file.write_text(f'server_address = "{address}"\n{top}\n[{table}]\n{TORRENTS}{requests}\n')
    return str(file)


def test_a_run_reports_and_writes_its_whole_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "result.json"
    with stand_in_tracker() as tracker:
        top = f"{PATIENT}requests_max = 500\nfill_first = true"
        file = write(tmp_path, tracker.address, top, "weight_scrape = 9")
        assert main(["load-test", "udp", "-c", file, "--json", str(result)]) == 0
    output = capsys.readouterr().out
    assert "filled with 100 peers in " in output
    assert "500 right responses in " in output
    assert "latency, us: p50 " in output
    # The tracker is in this very process.
    assert "tracker: not found on this machine" in output
    assert "  sent_announce " in output
    document = json.loads(result.read_text())
    assert document["protocol"] == "udp"
    assert document["configuration"]["requests.weight_scrape"] == 9
    assert document["configuration"]["requests.weight_connect"] == 50
    assert document["report"]["responses"] == 500
    assert set(document["report"]["responses_per_second_by_kind"]) == {"connect", "announce", "scrape"}
    assert document["filled"]["counters"]["right_announce"] == 100
    assert document["tracker"] is None


def test_a_wrong_answer_is_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def lengthen(request: Request, answer: bytes) -> list[bytes]:
        return [answer if isinstance(request, ConnectRequest) else answer + b"\0"]

    with stand_in_tracker(meddle=lengthen) as tracker:
        file = write(tmp_path, tracker.address, "requests_max = 100\nextra_statistics = false")
        assert main(["load-test", "udp", "-c", file]) == 2
    assert "  sent_announce " not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "error"),
    [("192.0.2.1:3000", "--target-is-mine"), ("127.0.0.1:1", "did not answer within 10 s")],
)
def test_no_load_is_an_error(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    error: str,
) -> None:
    monkeypatch.setattr("aquatic.loadtest.udp.UdpLoadTest.join", lambda _: False)
    assert main(["load-test", "udp", "-c", write(tmp_path, address)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("Error: ")
    assert error in captured.err


def test_configurations_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load-test", "http", "-p"]) == 0
    assert capsys.readouterr().out.startswith("# The default configuration of aquatic load-test http.")
    with stand_in_http_tracker() as tracker:
        file = write(tmp_path, tracker.address, f"{PLAIN_HTTP}{PATIENT}requests_max = 10", table="torrents")
        assert main(["load-test", "http", "-c", file, "-P"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("# Running with this configuration.")
    assert f'server_address = "{tracker.address}"' in output
    assert "10 right responses" in output


def test_an_unknown_key_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load-test", "udp", "-c", write(tmp_path, "127.0.0.1:1", "speed = 1")]) == 1
    assert "speed: unknown key" in capsys.readouterr().err


def command(file: str, protocol: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "aquatic", "load-test", protocol, "-c", file, *more]


def interrupted(file: str, protocol: str, exit_code: int = 0) -> list[str]:
    with running(command(file, protocol)) as process:
        process.wait_for_line("responses/s")
        process.signal(signal.SIGINT)
        assert process.wait() == exit_code, process.errors
    return process.output


def test_without_a_duration_sigint_ends_it_with_its_report(tmp_path: Path) -> None:
    with stand_in_tracker() as tracker:
        output = interrupted(write(tmp_path, tracker.address, PATIENT), "udp")
    assert any("right responses in" in line for line in output)
    # The process that has the tracker's socket is another one now: this.
    assert any(line.startswith("tracker, us per response: user ") for line in output)
    assert any(line.endswith(" MB") for line in output)


def test_sigint_ends_http_load_too(tmp_path: Path) -> None:
    with stand_in_http_tracker() as tracker:
        top = f"{PLAIN_HTTP}{PATIENT}summarize_last = 1"
        output = interrupted(write(tmp_path, tracker.address, top, table="torrents"), "http")
    assert any("right responses in" in line for line in output)
    assert any(line.startswith("tracker, us per response: user ") for line in output)


def silent_but_for_connects(request: Request, answer: bytes) -> list[bytes]:
    return [answer] if isinstance(request, ConnectRequest) else []


def test_a_second_sigint_ends_it_at_once(tmp_path: Path) -> None:
    with stand_in_tracker(meddle=silent_but_for_connects) as tracker:
        file = write(tmp_path, tracker.address, "timeout_ms = 3600000", "weight_connect = 0")
        with running(command(file, "udp")) as process:
            process.wait_for_line("responses/s")
            process.signal(signal.SIGINT)
            wait_until(lambda: not catches_sigint(process.popen.pid))
            process.signal(signal.SIGINT)
            assert process.wait() == -signal.SIGINT
            assert process.errors == []


def catches_sigint(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line for line in status if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)


@pytest.mark.parametrize(
    "meddle", [lambda _request, _answer: [], silent_but_for_connects], ids=["greet", "fill"]
)
def test_sigint_before_the_load_reports_what_there_was(tmp_path: Path, meddle: Meddle) -> None:
    result = tmp_path / "result.json"
    fills = meddle is silent_but_for_connects
    kind = AnnounceRequest if fills else ConnectRequest
    with stand_in_tracker(meddle=meddle) as tracker:
        file = write(tmp_path, tracker.address, "fill_first = true")
        with running(command(file, "udp", "--json", str(result))) as process:
            wait_until(lambda: any(isinstance(request, kind) for request in tracker.requests))
            process.signal(signal.SIGINT)
            assert process.wait() == 1
    assert process.errors == ["Error: ended by SIGINT before the load"]
    assert any("0 right responses in" in line or "4 right responses in" in line for line in process.output)
    assert any(line.startswith("filled with 0 peers in") for line in process.output) is fills
    document = json.loads(result.read_text())
    assert document["no_load"] == "ended by SIGINT before the load"
    counters = document["report"]["counters"]
    assert counters["lost"] > 0
    assert counters["right_connect"] == (4 if fills else 0)


def test_sigint_while_connections_are_opened_is_no_silence_of_the_tracker(tmp_path: Path) -> None:
    # The second would be opened in an hour.
    top = "enable_tls = false\nnum_connections = 8\nconnection_creation_interval_ms = 3600000"
    with stand_in_http_tracker() as tracker:
        file = write(tmp_path, tracker.address, top, table="torrents")
        with running(command(file, "http")) as process:
            wait_until(lambda: tracker.connections)
            process.signal(signal.SIGINT)
            assert process.wait() == 1
    assert process.errors == ["Error: ended by SIGINT before the load"]
    assert any("0 right responses in" in line for line in process.output)


@pytest.mark.parametrize("imported", ["aquatic.control.setting", "aquatic.loadtest.drive"])
def test_sigint_while_modules_are_imported_is_no_traceback(tmp_path: Path, imported: str) -> None:
    with stand_in_tracker(meddle=lambda _request, _answer: []) as tracker:
        words = command(write(tmp_path, tracker.address), "udp")
        with running([words[0], "-X", "importtime", *words[1:]]) as process:
            process.wait_for_line(imported)
            process.signal(signal.SIGINT)
            # It may have got further than that.
            assert process.wait() in {-signal.SIGINT, 1}
    assert not [line for line in process.errors if not line.startswith(("import time:", "Error: ended"))]


def test_load_without_a_request_is_none(tmp_path: Path) -> None:
    """The connections do not come to be, as the tracker does not speak TLS."""
    with stand_in_ws_tracker() as tracker:
        file = tmp_path / "load.toml"
        more = "measure_after_max_connections_reached = false\nenable_tls = true\n"
        file.write_text(f'server_address = "{tracker.address}"\n{more}')
        output = interrupted(str(file), "ws", exit_code=1)
    assert any("0 right responses in" in line for line in output)


def test_what_was_due_and_not_sent_is_told(tmp_path: Path) -> None:
    with stand_in_http_tracker() as tracker:
        top = f"{PLAIN_HTTP}{PATIENT}requests_per_second = 1000000"
        output = interrupted(write(tmp_path, tracker.address, top, table="torrents"), "http")
    assert any("responses/s" in line and "  not sent " in line for line in output)
    line = next(line for line in output if line.startswith("due "))
    assert line.endswith(": the rate was not kept")
    due, not_sent = (int(part.split()[-1]) for part in line.partition(":")[0].split(","))
    assert 0 < not_sent < due


def test_a_rate_that_is_kept_is_not_complained_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "result.json"
    with stand_in_tracker() as tracker:
        top = f'{PATIENT}requests_per_second = 1000\nrequests_max = 100\nlog_level = "warn"'
        file = write(tmp_path, tracker.address, top)
        assert main(["load-test", "udp", "-c", file, "--json", str(result)]) == 0
    captured = capsys.readouterr()
    assert "due 100, not sent 0\n" in captured.out
    assert "rate" not in captured.err
    report = json.loads(result.read_text())["report"]
    assert (report["due"], report["not_sent"]) == (100, 0)


def test_a_result_that_cannot_be_written_is_known_before_the_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stand_in_tracker() as tracker:
        file = write(tmp_path, tracker.address, f"{PATIENT}requests_max = 10")
        for path, error in (
            (tmp_path / "none" / "result.json", "there is no folder"),
            (tmp_path, "is a folder"),
        ):
            assert main(["load-test", "udp", "-c", file, "--json", str(path)]) == 1
            assert f"Error: {path}: {error}" in capsys.readouterr().err
    assert tracker.requests == []


def test_a_result_that_is_not_written_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with stand_in_tracker() as tracker:
        file = write(tmp_path, tracker.address, f"{PATIENT}requests_max = 10")
        assert main(["load-test", "udp", "-c", file, "--json", "/dev/full"]) == 1
    captured = capsys.readouterr()
    assert "10 right responses in" in captured.out
    assert captured.err == "Error: /dev/full: No space left on device\n"


def test_both_families_are_loaded_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with stand_in_tracker() as ipv4, stand_in_tracker("::1") as ipv6:
        top = f"{PATIENT}requests_max = 400\nfill_first = true\n"
        top += f'second_address = "{ipv6.address}"\nsecond_share = 0.25'
        assert main(["load-test", "udp", "-c", write(tmp_path, ipv4.address, top)]) == 0
    output = capsys.readouterr().out
    assert "filled with 100 peers" in output
    assert "400 right responses" in output
    told = [
        {request.info_hash for request in tracker.requests if isinstance(request, AnnounceRequest)}
        for tracker in (ipv4, ipv6)
    ]
    assert all(told)
    assert not told[0] & told[1]
    assert [sum(map(len, tracker.swarms.values())) for tracker in (ipv4, ipv6)] == [75, 25]


def test_only_the_last_seconds_are_summarised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tracker goes on when at least ninety responses have been shown as those of earlier seconds."""
    shown: list[int] = []
    monkeypatch.setattr(Progress, "show", lambda _self, report: shown.append(report.responses))
    requests = count()

    def pause(_request: Request, answer: bytes) -> list[bytes]:
        if next(requests) == 100:
            wait_until(lambda: sum(shown[:-1]) >= 90)
        return [answer]

    with stand_in_tracker(meddle=pause) as tracker:
        top = f"{PATIENT}summarize_last = 1\nrequests_max = 200"
        assert main(["load-test", "udp", "-c", write(tmp_path, tracker.address, top)]) == 0
    output = capsys.readouterr().out.splitlines()
    report = next(line for line in output if "right responses in" in line)
    assert int(report.split()[0]) <= 110


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report_of(responses: int) -> Report:
    counters = dict.fromkeys(COMMON_COUNTER_NAMES, 0) | {"right_announce": responses, "due": 10**9}
    latency = Latency(responses, *[float(responses)] * 5)
    return Report(1.0, counters, latency, 0.0, 0.0, 0.5)


@pytest.mark.parametrize("output", [Terminal(), io.StringIO()])
def test_progress_keeps_to_its_line_on_a_terminal(output: io.StringIO) -> None:
    with Progress(output) as progress:
        progress.show(report_of(10_000_000_000_000))
        progress.show(report_of(1))
    text = output.getvalue()
    assert text.count("responses/s") == 2
    assert text.count("\n") == (1 if output.isatty() else 2)
    assert text.count("\r") == (2 if output.isatty() else 0)
    first, second = (
        text.replace("\n", "").replace("\r", "\n").strip("\n").split("\n")
        if output.isatty()
        else (text.splitlines())
    )
    assert len(second) >= len(first) or not output.isatty()


@pytest.mark.parametrize("columns", [80, 30, 10])
def test_progress_takes_one_row_of_a_terminal(columns: int) -> None:
    reading, writing = os.openpty()
    with open(reading, "rb", buffering=0) as shown, open(writing, "w") as terminal:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with Progress(terminal) as progress:
            for responses in (10_000_000, 1):
                progress.show(report_of(responses))
        text = b""
        while not text.endswith(b"\n"):
            text += shown.read(4096)
    lines = text.decode().strip("\r\n").split("\r")
    assert len(lines) == 2
    # None reaches the last column, where some terminals begin a new row.
    assert all(0 < len(line) < columns for line in lines)
    # No number is cut off where there is room for a few.
    assert columns < 80 or re.fullmatch(
        r" *1 responses/s  p50 1 p99 1 us  errors 0  lost 0  .* \d+ *", lines[1]
    )


SOCKETS: dict[str, Callable[[], socket.socket]] = {
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "tcp": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
}
HOLD = """
import socket, sys, time
kept = socket.socket(fileno=int(sys.argv[1]))
print("ready", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_local_tracker_is_found_by_its_socket(transport: Any, host: str) -> None:
    with SOCKETS[transport]() as bound:
        bound.bind((host, 0))
        if transport == "tcp":
            bound.listen()
        target = Target.parse(f"127.0.0.1:{bound.getsockname()[1]}")
        assert LocalTracker.find(target, transport) is None
        command = [sys.executable, "-c", HOLD, str(bound.fileno())]
        with running(command, pass_fds=[bound.fileno()]) as process:
            process.wait_for_line("ready")
            found = LocalTracker.find(target, transport)
            assert found is not None
            assert found.pids == (process.popen.pid,)
            usage = found.usage()
            assert usage is not None
            assert usage.memory_bytes > 1 << 20
            assert usage.cpu_user_seconds + usage.cpu_system_seconds >= 0
            process.popen.kill()
            process.wait()
            assert found.usage() is None
        # Another port has no tracker.
        assert LocalTracker.find(Target.parse("127.0.0.1:1"), transport) is None
