"""`aquatic load-test`: load on a tracker as a file says, and a report."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self, TextIO

import aquatic
from aquatic.control.machine import usable_cores
from aquatic.control.model import LogLevel
from aquatic.control.printing import print_configuration
from aquatic.control.setting import one_line
from aquatic.control.toml_file import no_file, read_toml_file
from aquatic.loadtest.formats import LOAD_FORMATS
from aquatic.loadtest.latency import Latency
from aquatic.loadtest.local_tracker import LocalTracker, Usage
from aquatic.loadtest.run import CombinedLoadTest, LoadTest, Report, SilentTrackerError
from aquatic.loadtest.settings import LoadedSettings, LoadFormat, LoadSettings
from aquatic.loadtest.target import TargetError

FAILED = 1
# An answer was wrong, or one is missing.
FAULTY = 2
# Until SIGINT.
ENDLESS_SECONDS = 1e9
# Above this the generator may have been what was waited for.
BUSY_SHARE_MAX = 0.9
# Of the requests that were due: above this the rate was not kept.
NOT_SENT_SHARE_MAX = 0.01
# Of a terminal that does not tell.
COLUMNS = 80


def run(name: str, options: argparse.Namespace) -> int:
    """Print a configuration, or load; 0 when every answer was right and none is missing. ConfigurationError."""
    file_format = LOAD_FORMATS[name]
    file = read_toml_file(options.config_file) if options.config_file else no_file()
    loaded = file_format.load(no_file() if options.print_config else file, usable_cores())
    if options.print_config:
        print(
            _printed(file_format, loaded, f"The default configuration of aquatic load-test {name}."), end=""
        )
        return 0
    if options.print_parsed:
        print(_printed(file_format, loaded, "Running with this configuration."), flush=True)
    try:
        if options.json:
            _require_writable(options.json)
        result = _load(name, loaded, is_mine=options.target_is_mine)
    except (TargetError, ValueError, SilentTrackerError, OSError) as error:
        print(f"Error: {one_line(str(error))}", file=sys.stderr)
        return FAILED
    _print_result(result, every_counter=loaded.settings.extra_statistics)
    if loaded.settings.log_level not in (LogLevel.OFF, LogLevel.ERROR):
        _warn(result.report)
    if result.no_load:
        print(f"Error: {result.no_load}", file=sys.stderr)
    if options.json and not _write(options.json, _document(name, file_format, loaded, result)):
        return FAILED
    if result.no_load:
        return FAILED
    return FAULTY if result.report.wrong or _lost(result.report) else 0


def _require_writable(path: Path) -> None:
    """OSError, before a load whose result nobody would see."""
    if not path.parent.is_dir():
        raise OSError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise OSError(f"{path}: is a folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OSError(f"{path}: may not be written")


def _write(path: Path, document: dict[str, Any]) -> bool:
    """Whether that was possible."""
    try:
        path.write_text(json.dumps(document, indent=2) + "\n")
    except OSError as error:
        print(f"Error: {path}: {error.strerror}", file=sys.stderr)
        return False
    return True


def _printed(file_format: LoadFormat, loaded: LoadedSettings, heading: str) -> str:
    return print_configuration(file_format.all_keys, loaded.values, heading)


@dataclass(frozen=True, slots=True)
class TrackerUse:
    """What the tracker's processes used during the load, and had in memory at its end."""

    cpu_user_seconds: float
    cpu_system_seconds: float
    memory_bytes: int

    @classmethod
    def between(cls, before: Usage | None, after: Usage | None) -> TrackerUse | None:
        """None when either is not known."""
        if before is None or after is None:
            return None
        return cls(
            after.cpu_user_seconds - before.cpu_user_seconds,
            after.cpu_system_seconds - before.cpu_system_seconds,
            after.memory_bytes,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a load test."""

    # Where there was no load, of what came before it.
    report: Report
    filled: Report | None
    # Of a local tracker; of the whole run, not only of its last seconds.
    tracker: TrackerUse | None
    responses: int
    # Why; empty: there was.
    no_load: str = ""


def _load(name: str, loaded: LoadedSettings, *, is_mine: bool) -> Result:
    settings = loaded.settings
    parts = LOAD_FORMATS[name].prepare(settings, usable_cores(), is_mine=is_mine)
    transport: Literal["tcp", "udp"] = "udp" if name == "udp" else "tcp"
    target = parts[0][0].target
    with CombinedLoadTest(parts) as test, _ended_by_sigint(test):
        first = test.sample()
        if settings.greets:
            test.greet(settings.greeting_seconds_max)
        fills = settings.fill_first and not test.is_stopped
        filled = test.fill(60 + settings.peers / 1000) if fills else None
        if test.is_stopped:
            return Result(test.finish(first), filled, None, 0, "ended by SIGINT before the load")
        tracker = LocalTracker.find(target, transport)
        before, begin = tracker.usage() if tracker else None, test.sample()
        report = _run(test, settings)
        use = TrackerUse.between(before, tracker.usage() if tracker else None)
        whole = test.since(begin)
        no_load = "" if whole.requests or settings.mode == "hold" else "no request could be sent"
        return Result(report, filled, use, whole.responses, no_load)


def _run(test: LoadTest, settings: LoadSettings) -> Report:
    with Progress(sys.stdout) as progress:
        return test.run(
            settings.mode,
            settings.duration_seconds or ENDLESS_SECONDS,
            settings.requests_per_second,
            progress.show,
            requests_max=settings.requests_max,
            summarise_last_seconds=settings.summarize_last_seconds,
        )


@contextmanager
def _ended_by_sigint(test: LoadTest) -> Iterator[None]:
    """The first SIGINT ends the load with its report, the second the process."""

    def stop(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        test.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Progress:
    """A line each second; on a terminal in the place of the one before."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._width:
            self._output.write("\n")

    def show(self, report: Report) -> None:
        """One second's."""
        parts = _progress_parts(report)
        if self._output.isatty():
            # In the last column some begin a new line.
            columns = _columns(self._output) - 1
            line = _joined(parts, columns)
            # What is left of a longer line is written over.
            self._output.write(f"\r{line.ljust(min(self._width, columns))}")
            self._width = len(line)
        else:
            self._output.write("  ".join(parts) + "\n")
        self._output.flush()


def _columns(terminal: TextIO) -> int:
    try:
        return os.get_terminal_size(terminal.fileno()).columns or COLUMNS
    except OSError:
        return COLUMNS


def _joined(parts: list[str], length_max: int) -> str:
    """As many as there is room for."""
    line = parts[0]
    for part in parts[1:]:
        if len(line) + 2 + len(part) > length_max:
            break
        line += f"  {part}"
    return line[:length_max]


def _progress_parts(report: Report) -> list[str]:
    """What matters most comes first."""
    latency = report.latency
    return [
        f"{report.responses_per_second:8.0f} responses/s",
        f"p50 {latency.p50_us:.0f} p99 {latency.p99_us:.0f} us" if latency else "no answers",
        f"errors {report.counters['errors']}",
        f"lost {report.counters['lost']}",
        f"wrong {report.wrong - report.counters['errors']}",
        *([f"not sent {report.not_sent} of {report.due}"] if report.due else []),
        f"late {report.counters['late']}",
        f"busy {report.busy_share:.0%}",
    ]


def _by_kind(report: Report) -> dict[str, float]:
    """Right responses a second."""
    return {
        name.removeprefix("right_"): count / report.seconds
        for name, count in report.counters.items()
        if name.startswith("right_") and count
    }


def _print_result(result: Result, *, every_counter: bool) -> None:
    report = result.report
    if result.filled:
        filled = result.filled
        print(f"filled with {filled.counters['right_announce']} peers in {filled.seconds:.2f} s")
    kinds = ", ".join(f"{kind} {rate:.0f}/s" for kind, rate in _by_kind(report).items())
    print(
        f"{report.responses} right responses in {report.seconds:.2f} s, {report.responses_per_second:.0f}/s"
        + (f" ({kinds})" if kinds else "")
    )
    counters = report.counters
    print(
        f"lost {_lost(report)}, late {counters['late']}, refused {counters['errors']},"
        f" wrong {report.wrong - counters['errors']}, not answered at the end {_under_way(report)}"
    )
    if report.due:
        verdict = "" if _rate_kept(report) else ": the rate was not kept"
        print(f"due {report.due}, not sent {report.not_sent}{verdict}")
    if every_counter:
        for name, value in counters.items():
            if value:
                print(f"  {name:20} {value}")
    for what, latency in {"latency": report.latency, **_relays(report)}.items():
        if latency:
            print(_latency_line(what, latency))
    per_response = 1e6 / max(report.responses, 1)
    print(
        f"generator, us per response: user {report.cpu_user_seconds * per_response:.3f}, "
        f"system {report.cpu_system_seconds * per_response:.3f}; busy {report.busy_share:.0%}"
    )
    if result.no_load:
        return
    if result.tracker is None:
        print("tracker: not found on this machine")
    else:
        user, system = (seconds * 1e6 / max(result.responses, 1) for seconds in _cpu(result.tracker))
        print(
            f"tracker, us per response: user {user:.3f}, system {system:.3f};"
            f" memory {result.tracker.memory_bytes / 1e6:.1f} MB"
        )


def _relays(report: Report) -> dict[str, Latency | None]:
    return {f"latency of a relayed {kind}": latency for kind, latency in report.relay_latency.items()}


def _lost(report: Report) -> int:
    return report.counters["lost"] + report.counters.get("lost_answers", 0)


def _under_way(report: Report) -> int:
    # An offer may have nobody to go to, and not be answered.
    unneeded = sum(count for name, count in report.counters.items() if name.startswith("offers_"))
    return max(0, report.requests - report.responses - report.wrong - _lost(report) - unneeded)


def _latency_line(what: str, latency: Latency) -> str:
    return (
        f"{what}, us: p50 {latency.p50_us:.0f}  p90 {latency.p90_us:.0f}  p99 {latency.p99_us:.0f}  "
        f"p99.9 {latency.p999_us:.0f}  max {latency.max_us:.0f}"
    )


def _cpu(use: TrackerUse) -> tuple[float, float]:
    return use.cpu_user_seconds, use.cpu_system_seconds


def _rate_kept(report: Report) -> bool:
    return report.not_sent <= report.due * NOT_SENT_SHARE_MAX


def _warn(report: Report) -> None:
    if not _rate_kept(report):
        print(
            f"Warning: the rate was not kept, {report.not_sent} of {report.due} requests were not sent",
            file=sys.stderr,
        )
    if report.busy_share > BUSY_SHARE_MAX:
        print("Warning: the generator was busy all the time, so the tracker may do more", file=sys.stderr)


def _document(name: str, file_format: LoadFormat, loaded: LoadedSettings, result: Result) -> dict[str, Any]:
    configuration = {key.name: key.setting.write(loaded.values[key.name]) for key in file_format.all_keys}
    report = result.report
    derived = {
        "responses": report.responses,
        "responses_per_second": report.responses_per_second,
        "responses_per_second_by_kind": _by_kind(report),
        "wrong": report.wrong,
        "due": report.due,
        "not_sent": report.not_sent,
    }
    return {
        "aquatic": aquatic.__version__,
        "protocol": name,
        "configuration": configuration,
        "report": asdict(report) | derived,
        "filled": asdict(result.filled) if result.filled else None,
        "no_load": result.no_load or None,
        "tracker": asdict(result.tracker) | {"responses": result.responses} if result.tracker else None,
    }
