"""`aquatic bench` on our own tracker, for moments: that it measures and reports, not what."""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from aquatic.bench import command
from aquatic.bench.catalogue import RUNS
from aquatic.bench.generators import GeneratorRun
from aquatic.bench.latency import QUIET, LatencyRun, Phase
from aquatic.bench.load import Workload
from aquatic.bench.result import Result
from aquatic.bench.runs import Conditions
from aquatic.bench.throughput import ThroughputRun
from aquatic.loadtest.http import HttpLoad
from aquatic.loadtest.run import Report
from aquatic.loadtest.udp import UdpLoad

T = TypeVar("T")
AQUATIC = [sys.executable, "-m", "aquatic"]
MOMENT = ["--seconds", "0.3", "--repeats", "0", "--tracker-core", "0", "--generator-core", "0"]


def bench(*arguments: str, exit_code: int = 0) -> str:
    done = subprocess.run(
        [*AQUATIC, "bench", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == exit_code, done.stderr
    return done.stdout + done.stderr


def measured(measure: Callable[[], T], has_answers: Callable[[T], object]) -> T:
    """The first measurement with answers: in moments a tracker, or its generator, may not run at all."""
    for _ in range(20):
        if has_answers(found := measure()):
            return found
    raise AssertionError(f"never an answer: {found}")


def compared(folder: Path, *arguments: str, exit_code: int = 0) -> tuple[str, Result]:
    """What `bench compare` said, and its result."""

    def compare() -> tuple[str, Result]:
        told = bench("compare", *arguments, f"--json={folder}", exit_code=exit_code)
        return told, read_results(folder)["compare"]

    def has_answers(found: tuple[str, Result]) -> bool:
        rounds = filter(None, found[1].data["own"].values())
        return all(any(once["responses_per_second"] for once in each) for each in rounds)

    return measured(compare, has_answers)


def read_results(directory: Path) -> dict[str, Result]:
    return {path.stem: Result.from_json(path.read_text()) for path in directory.iterdir()}


def test_a_comparison_reports_what_was_measured_under_which_conditions(tmp_path: Path) -> None:
    files = [f"--{kind}={tmp_path / kind}" for kind in ("html", "markdown")]
    ends = shlex.join([sys.executable, "-c", "pass"])
    load = ["--torrents", "10", "--peers", "100", "--rounds", "2"]
    trackers = ["--trackers", "ours", "ours-serve", "opentracker", "--program", f"opentracker={ends}"]
    told, result = compared(tmp_path / "json", *trackers, *load, *MOMENT, *files, exit_code=1)
    rounds = result.data["own"]
    assert {name: len(found) for name, found in rounds.items()} == {
        "ours": 2,
        "ours-serve": 2,
        "opentracker": 0,
    }
    for once in (*rounds["ours"], *rounds["ours-serve"]):
        assert once["wrong"] == 0
    # One that ends by itself fails the run, and the report says so.
    assert result.failed
    assert any("opentracker ended" in note for note in result.notes)
    assert "max_response_peers = 30" in result.configurations["ours"]["aquatic.toml"]
    assert result.versions["ours"].startswith("aquatic ")
    page, text = (tmp_path / "html").read_text(), (tmp_path / "markdown").read_text()
    assert "| ours |" in text
    assert text in told
    assert page.count("<svg") == 3
    assert "max_response_peers = 30" in page


@pytest.mark.parametrize(
    "arguments", [["http"], ["http", "--close"], ["https", "--close", "--no-resumption"]]
)
def test_http_is_compared_with_what_the_kernel_costs(tmp_path: Path, arguments: list[str]) -> None:
    trackers = ["ours", *(["responder"] if arguments[0] == "http" else [])]
    load = [
        "--torrents",
        "20",
        "--peers",
        "20",
        "--connections",
        "4",
        "--weights",
        "0",
        "1",
        "0",
        "--rounds",
        "1",
    ]
    _, result = compared(tmp_path, "--trackers", *trackers, *load, *MOMENT, "--wire", *arguments)
    for name in trackers:
        (once,) = result.data["own"][name]
        assert once["wrong"] == 0


def test_trackers_and_generator_have_as_many_workers_as_asked_for(tmp_path: Path) -> None:
    load = ["--torrents", "10", "--peers", "100", "--rounds", "1", "--wire", "http", "--connections", "16"]
    workers = ["--workers", "2", "--generator-workers", "2"]
    _, result = compared(tmp_path, "--trackers", "ours", *load, *MOMENT, *workers)
    (file,) = (text for name, text in result.configurations["ours"].items() if name != "command")
    assert "socket_workers = 2" in file


def test_a_run_without_a_tracker_that_serves_it_fails() -> None:
    assert "nothing was measured" in bench("run", "udp-100k", "--trackers", "responder", *MOMENT, exit_code=1)


def test_latency_is_measured_while_others_misbehave() -> None:
    load = HttpLoad(weight_announce=1, weight_scrape=0, connections=4, timeout_seconds=60)
    phases = (QUIET, Phase("hostile", "20 misbehave", misbehaving_connections=20))
    at_a_rate = replace(load, idle_sleep_us=500)
    run = LatencyRun(
        "tiny", "Tiny", "http", Workload("tiny", "tiny", 5, 20, load), at_a_rate, phases, ("ours",)
    )

    def measure() -> Result:
        result = run.measure(Conditions(seconds=0.5, generator_cores=(0,), rounds=2))
        assert not result.failed, result.notes
        return result

    def reports(result: Result) -> list[Report]:
        return [once.report for phase in result.data["ours"].values() for once in phase]

    result = measured(measure, lambda result: any(report.responses for report in reports(result)))
    assert [row[0] for row in result.tables[0].rows] == ["nothing else", "20 misbehave"]
    assert len(reports(result)) == 4
    assert all(report.counters["lost"] == 0 for report in reports(result))


def test_our_generator_is_held_against_itself_where_there_is_no_other() -> None:
    workload = Workload("tiny", "tiny", 5, 20, UdpLoad())
    run = GeneratorRun(
        "tiny", "Tiny", "udp", workload, "ours", "no-such-load-tester", "", rounds=1, seconds=0.3
    )
    result = run.measure(Conditions())
    assert not result.failed, result.notes
    assert [row[0] for row in result.tables[0].rows] == ["ours", "ours, two workers"]


def test_our_generator_is_held_against_wrk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for wrk, that tells what it was asked to do and a rate."""
    program = tmp_path / "wrk"
    told = tmp_path / "told"
    # No shell: it does not bear ThreadSanitizer's runtime.
    program.write_text(f"""\
#!{sys.executable}
import pathlib, sys
with open({str(told)!r}, "a") as told:
    print(*sys.argv[1:], file=told)
    if sys.argv[7] == "-s":
        script = pathlib.Path(sys.argv[8])
        told.write(script.read_text() + script.with_suffix(".txt").read_text())
print("Requests/sec:  100.0")
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    load = HttpLoad(weight_announce=1, weight_scrape=0, connections=8)
    workload = Workload("tiny", "tiny", 5, 20, load)
    run = GeneratorRun("tiny", "Tiny", "http", workload, "ours", "none", "", rounds=1, seconds=0.3)
    result = run.measure(Conditions())
    assert not result.failed, result.notes
    names = ["ours", "ours, two workers", "wrk, one request", "wrk, one request for each peer"]
    assert [row[0] for row in result.tables[0].rows] == names
    lines = told.read_text().splitlines()
    assert [line.startswith("-t 1 -c 8 -d 1s http://127.0.0.1:") for line in lines].count(True) == 1
    assert sum(line.startswith("/announce?info_hash=") for line in lines) == 20


def test_a_generator_that_shares_its_core_with_the_tracker_is_seen(tmp_path: Path) -> None:
    """The planted disturbance: whatever runs on the tracker's core beside it takes part in the measurement."""
    load = ["--torrents", "10", "--peers", "100", "--rounds", "1"]
    bench("compare", "--trackers", "ours", *load, *MOMENT, "--json", str(tmp_path))
    (row,) = read_results(tmp_path)["compare"].tables[0].rows
    assert "others 1x" in row[-1]
    assert "tracker not saturated 1x" in row[-1]


def test_idle_connections_are_opened_and_their_memory_is_read(tmp_path: Path) -> None:
    arguments = ["--trackers", "ours", "--connections", "50", "--rounds", "1", "--json", str(tmp_path)]
    bench("idle", *arguments, *MOMENT)
    (once,) = read_results(tmp_path)["idle"].data["rounds"]["ours"]
    assert once["connections"] == 50
    assert once["open_bytes"] > 0


def test_the_same_build_twice_is_compared_figure_by_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load = Workload("tiny", "tiny", 10, 100, UdpLoad())
    run = ThroughputRun("udp-100k", "Tiny", "udp", (load,), ("ours",), seconds=0.2)
    monkeypatch.setitem(RUNS, "udp-100k", run)
    # It would bind this process to a core for good.
    monkeypatch.setattr(command, "prepare", lambda _: None)
    ours = shlex.join(AQUATIC)
    arguments = [ours, ours, "--rounds", "6", "--repeats", "0", "--json", str(tmp_path)]
    assert command.main(["regression", *arguments], argparse.ArgumentParser()) == 0
    result = read_results(tmp_path)["regression-udp-100k"]
    rows = result.tables[0].rows
    assert [row[0] for row in rows[:3]] == ["responses/s, k", "CPU, us", "user CPU, us"]
    assert [len(result.data["tiny"][build]) for build in ("old", "new")] == [6, 6]
    # In a moment without an answer there is too little to tell.
    assert rows[0][4] == "-" or 0 < float(rows[0][4]) <= 1
    assert "| responses/s, k |" in capsys.readouterr().out


def test_results_are_put_into_a_document_later(tmp_path: Path) -> None:
    saved = tmp_path / "x.json"
    made = Result("x", "Title", "aquatic bench run x", {"kernel": "Linux"})
    made.table("Caption", ["a"], [["1"]])
    saved.write_text(made.to_json())
    document = tmp_path / "document.md"
    document.write_text("# By hand\n\n<!-- bench x -->\n<!-- /bench -->\n")
    bench("report", str(saved), "--into", str(document))
    assert "| 1 |\n<!-- /bench -->" in document.read_text()
    document.write_text("# By hand\n")
    assert "are not there once" in bench("report", str(saved), "--into", str(document), exit_code=1)
    saved.write_text(json.dumps([1]))
    assert "not a result" in bench("report", str(saved), exit_code=1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "nothing"], "invalid choice"),
        (["compare", "--tracker-core", "4096"], "there are only the cores"),
        (["compare", "--program", "ours"], "is not NAME=COMMAND"),
        (["regression", "/nowhere/aquatic", "/nowhere/aquatic"], "is not a command"),
        (["regression", "/bin/true", "/bin/true", "--rounds", "3"], "6 to 16 rounds"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(arguments: list[str], told: str) -> None:
    (line,) = bench(*arguments, exit_code=1).splitlines()
    assert line.startswith("Error: ")
    assert told in line


def test_the_runs_are_listed() -> None:
    listed = bench("list")
    assert "udp-100k" in listed
    assert "aquatic-io-uring" in listed
