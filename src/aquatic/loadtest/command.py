"""`aquatic load-test`: load on a tracker as a file says, and a report."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
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
        result = _load(name, loaded, is_mine=options.target_is_mine)
    except (TargetError, ValueError, SilentTrackerError, OSError) as error:
        print(f"Error: {one_line(str(error))}", file=sys.stderr)
        return FAILED
    if options.json:
        options.json.write_text(json.dumps(_document(name, file_format, loaded, result), indent=2) + "\n")
    _print_result(result, every_counter=loaded.settings.extra_statistics)
    if loaded.settings.log_level not in (LogLevel.OFF, LogLevel.ERROR):
        _warn(result.report)
    return FAULTY if result.report.wrong or _lost(result.report) else 0


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

    report: Report
    filled: Report | None
    # Of a local tracker; of the whole run, not only of its last seconds.
    tracker: TrackerUse | None
    responses: int


def _load(name: str, loaded: LoadedSettings, *, is_mine: bool) -> Result:
    settings = loaded.settings
    parts = LOAD_FORMATS[name].prepare(settings, usable_cores(), is_mine=is_mine)
    transport: Literal["tcp", "udp"] = "udp" if name == "udp" else "tcp"
    target = parts[0][0].target
    with CombinedLoadTest(parts) as test, _ended_by_sigint(test):
        if settings.greets:
            test.greet(settings.greeting_seconds_max)
        filled = test.fill(60 + settings.peers / 1000) if settings.fill_first else None
        tracker = LocalTracker.find(target, transport)
        before, responses = tracker.usage() if tracker else None, _responses(test)
        report = _run(test, settings)
        use = TrackerUse.between(before, tracker.usage() if tracker else None)
        return Result(report, filled, use, _responses(test) - responses)


def _responses(test: LoadTest) -> int:
    counters = test.sample().counters
    return sum(count for name, count in counters.items() if name.startswith("right_"))


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
        signal.signal(signal.SIGINT, signal.default_int_handler)
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
        line = _progress_line(report)
        if self._output.isatty():
            # What is left of a longer line is written over.
            line, self._width = f"\r{line.ljust(self._width)}", len(line)
            self._output.write(line)
        else:
            self._output.write(line + "\n")
        self._output.flush()


def _progress_line(report: Report) -> str:
    latency = report.latency
    times = f"p50 {latency.p50_us:.0f} p99 {latency.p99_us:.0f} us" if latency else "no answers"
    return (
        f"{report.responses_per_second:10.0f} responses/s  {times}  errors {report.counters['errors']}"
        f"  lost {report.counters['lost']}  late {report.counters['late']}"
        f"  wrong {report.wrong - report.counters['errors']}  busy {report.busy_share:.0%}"
    )


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


def _warn(report: Report) -> None:
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
    }
    return {
        "aquatic": aquatic.__version__,
        "protocol": name,
        "configuration": configuration,
        "report": asdict(report) | derived,
        "filled": asdict(result.filled) if result.filled else None,
        "tracker": asdict(result.tracker) | {"responses": result.responses} if result.tracker else None,
    }
