"""Microbenchmarks: that each does what it is measured for, and how results are compared."""

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aquatic.bench.command import main
from aquatic.bench.micro import inputs
from aquatic.bench.micro.cases import Case, cases, each, in_turns
from aquatic.bench.micro.command import choose
from aquatic.bench.micro.compare import compare, comparison_row, figures_of, time_verdict
from aquatic.bench.micro.count import CountError, count, total
from aquatic.bench.micro.loop import Loop
from aquatic.bench.micro.measure import AREAS, Figures, WrongError, check, operation_ns, prepared, rounds_ns
from aquatic.bench.result import Result, Spread
from aquatic.protocol import http, udp, ws
from tests.support.frames import masked_frame

FEW_CALLS = 5


def bench(*arguments: str) -> int:
    return main(arguments, argparse.ArgumentParser())


@pytest.mark.parametrize("area", AREAS)
def test_every_operation_does_what_it_is_measured_for(area: str) -> None:
    chosen = [case for case in cases().values() if case.area == area]
    assert chosen
    for case in chosen:
        loop = case.make()
        done = 0
        for calls in range(1, min(FEW_CALLS, case.warm_up + case.calls) + 1):
            ns, now = loop.run(1)
            check(case, calls - 1, calls, now)
            done += now
            assert ns > 0
        assert done > 0, case.name


@pytest.mark.parametrize(
    "name", ["udp-answer-announce", "http-answer-announce", "swarm-stop-10k", "ws-again-20-offers-5"]
)
def test_it_does_so_to_the_last_call(name: str) -> None:
    assert operation_ns(cases()[name]) > 0


def test_every_case_is_of_an_area() -> None:
    assert {case.area for case in cases().values()} == AREAS.keys()
    assert all(name == case.name for name, case in cases().items())


@pytest.mark.parametrize("warm_up", [0, 3])
def test_an_operation_that_does_something_else_is_no_measurement(warm_up: int) -> None:
    wrong = Case("loop", "", Loop, each(2), 10, warm_up)
    with pytest.raises(
        WrongError, match="loop: calls 0 to 3 amount to 3, not 6" if warm_up else "to 10, not 20"
    ):
        operation_ns(wrong)
    assert prepared(replace(wrong, done=each(1))).operations == 1


def test_what_is_done_in_turns_adds_up() -> None:
    done = in_turns([1, 10, 100])
    assert [done(calls) for calls in range(6)] == [0, 1, 11, 111, 112, 122]


def test_rounds_are_of_all_cases() -> None:
    said: list[str] = []
    found = rounds_ns([cases()["loop"], cases()["udp-encode-connect"]], 3, said.append)
    assert list(found) == ["loop", "udp-encode-connect"]
    assert [len(rounds) for rounds in found.values()] == [3, 3]
    assert said == ["round 1 of 3", "round 2 of 3", "round 3 of 3"]


def test_words_choose_by_the_beginning_of_names() -> None:
    assert [case.name for case in choose(["udp-id-make", "loop"])] == [
        "loop",
        "udp-id-make-ipv4",
        "udp-id-make-ipv6",
    ]
    assert choose([]) == list(cases().values())
    with pytest.raises(ValueError, match="no microbenchmark is called id-make: there are loop, udp-"):
        choose(["udp", "id-make"])


# Inputs


@pytest.mark.parametrize(
    "make",
    [
        lambda: inputs.udp_announces(9, 3),
        lambda: inputs.udp_scrapes(9, 20),
        lambda: inputs.http_targets(9, 3),
        lambda: inputs.http_scrapes(9, 20),
        lambda: inputs.ws_announces(3, 2),
        lambda: inputs.info_hashes(9),
    ],
)
def test_inputs_are_the_same_each_time(make: Callable[[], object]) -> None:
    assert make() == make()


def test_datagrams_are_requests() -> None:
    announces = [udp.parse_request(datagram) for datagram in inputs.udp_announces(40, 4)]
    assert all(isinstance(announce, udp.AnnounceRequest) for announce in announces)
    assert (
        len({announce.info_hash for announce in announces if isinstance(announce, udp.AnnounceRequest)}) == 4
    )
    for datagram in inputs.udp_scrapes(9, 20):
        scrape = udp.parse_request(datagram)
        assert isinstance(scrape, udp.ScrapeRequest)
        assert len(set(scrape.info_hashes)) == 10
    assert all(isinstance(udp.parse_request(one), udp.ConnectRequest) for one in inputs.udp_connects(3))


def test_targets_are_requests() -> None:
    announces = [http.parse_target(target) for target in inputs.http_targets(40, 4)]
    assert {type(announce) for announce in announces} == {http.AnnounceRequest}
    for request in inputs.http_scrapes(3, 20):
        scrape = http.parse_target(request.split()[1])
        assert isinstance(scrape, http.ScrapeRequest)
        assert len(set(scrape.info_hashes)) == 10


def test_messages_are_as_long_as_those_of_browsers() -> None:
    for announce in inputs.ws_announces(9, 5):
        parsed = ws.parse_request(announce.to_text())
        assert parsed == announce
        for offer in announce.offers:
            assert isinstance(offer.offer, dict)
            assert 1000 <= len(offer.offer["sdp"]) <= 2200
    assert len({len(value) for value in inputs.offer_values(20)}) > 5


@pytest.mark.parametrize("length", [0, 125, 126, 2000])
def test_frames_are_those_of_a_client(length: int) -> None:
    message = b"x" * length
    mask = inputs.random().randbytes(4)
    assert inputs.frames([message]) == [masked_frame(message, mask=mask)]


# Comparing


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        ([10, 11, 12], [10, 11, 12], "same"),
        ([10, 11, 12], [12, 13, 14], "same"),  # they touch
        ([10, 11, 12], [13, 14, 15], "slower"),
        ([10, 11, 12], [7, 8, 9], "faster"),
        ([100, 100, 100], [102, 102, 102], "same"),  # too little to matter
        ([100, 100, 100], [97.5, 97.5, 97.5], "same"),
    ],
)
def test_times_differ_where_no_round_is_among_the_others(
    before: list[float], now: list[float], verdict: str
) -> None:
    assert time_verdict(Spread.of(before), Spread.of(now)) == verdict


@pytest.mark.parametrize(
    ("before", "now", "cells"),
    [
        (1000.0, 1000.5, ["1,000", "1,000", "1.000", "same"]),
        (1000.0, 1010.0, ["1,000", "1,010", "1.010", "more"]),
        (1000.0, 990.0, ["1,000", "990", "0.990", "fewer"]),
        (None, 990.0, ["", "990", "", ""]),
        (1000.0, None, ["1,000", "", "", ""]),
    ],
)
def test_instructions_differ_by_next_to_nothing(
    before: float | None, now: float | None, cells: list[str]
) -> None:
    row = comparison_row("x", Figures([2.0], before), Figures([3.0], now))
    assert row == ["x", "2.0", "3.0", "1.50", "slower", *cells]


def result_of(figures: dict[str, Figures], **changes: str) -> Result:
    machine = {"machine": "2 cores", "kernel": "Linux 6", "aquatic": "commit abc"} | changes
    result = Result("micro", "", machine=machine, versions={"compiler": "gcc 12", "build": "b_ndebug=true"})
    result.data["figures"] = figures
    return result


def test_results_are_compared_by_name() -> None:
    now = {"a": Figures([4.0], 10), "new": Figures([1.0])}
    old = Result.from_json(result_of({"a": Figures([2.0], 10), "gone": Figures([1.0])}).to_json())
    new = result_of(now)
    compare(old, new, now)
    (table,) = new.tables
    assert table.caption == "Against commit abc"
    assert table.rows == [["a", "2.0", "4.0", "2.00", "slower", "10", "10", "1.000", "same"]]
    assert new.notes == ["only here: new", "gone: gone"]


def test_other_conditions_are_told() -> None:
    old, new = result_of({}, machine="4 cores"), result_of({})
    old.versions["compiler"] = "clang 19"
    compare(old, new, {})
    assert new.notes == ["machine before: 4 cores", "compiler before: clang 19"]


def test_another_runs_result_is_refused() -> None:
    with pytest.raises(ValueError, match="udp-100k is no result of `aquatic bench micro`"):
        figures_of(Result("udp-100k", ""))


# Counting


def fake_valgrind(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str) -> None:
    """The only program on the path."""
    program = directory / "valgrind"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))
    # A shell does not bear ThreadSanitizer's runtime.
    monkeypatch.delenv("LD_PRELOAD", raising=False)


# Where callgrind is told to write.
OUT = "for word; do case $word in --callgrind-out-file=*) out=${word#*=};; esac; done"


def test_every_other_profile_is_a_loops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parts = "for part in 1 2 3 4; do echo totals: ${part}000000 >$out.$part; done"
    fake_valgrind(monkeypatch, tmp_path, f"{OUT}\n{parts}")
    loop, expired = cases()["loop"], cases()["swarm-expire-50"]
    assert count([loop, expired]) == {
        "loop": 2_000_000 / loop.calls,
        "swarm-expire-50": 4_000_000 / (expired.calls * expired.make().operations),
    }


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo broken >&2; exit 3", "callgrind ended with 3: broken"),
        ("exit 0", "callgrind has not seen all loops"),
        (f"{OUT}\nfor part in 1 2; do echo >$out.$part; done", "a profile of callgrind's has no total"),
    ],
)
def test_callgrind_that_fails_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, said: str
) -> None:
    fake_valgrind(monkeypatch, tmp_path, script)
    with pytest.raises(CountError, match=said):
        count([cases()["loop"]])


def test_totals_are_read() -> None:
    assert total("# callgrind format\nevents: Ir\nsummary: 1\n\ntotals: 123\n") == 123


@pytest.mark.heavy
# Callgrind makes everything, the imports too, many times as long.
@pytest.mark.timeout(1000)
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_instructions_are_counted() -> None:
    counted = count([cases()[name] for name in ("loop", "udp-id-make-ipv4", "udp-id-make-ipv6")])
    assert 3 < counted["loop"] < 60
    # One more word to hash.
    assert counted["loop"] < counted["udp-id-make-ipv4"] < counted["udp-id-make-ipv6"]


# The command


def test_the_command_measures_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("micro", "loop", "udp-id-make", "--rounds", "2", "--json", str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "| loop | nothing: what is in all others |" in shown
    assert "| udp-id-make-ipv6 | connection id made |" in shown
    written = json.loads((tmp_path / "micro.json").read_text())
    assert len(written["data"]["figures"]["loop"]["ns"]) == 2
    assert written["versions"].keys() == {"compiler", "build"}
    assert written["versions"]["compiler"].startswith(("gcc ", "clang "))
    assert "b_ndebug=" in written["versions"]["build"]
    assert bench("micro", "loop", "--rounds", "1", "--against", str(tmp_path / "micro.json")) == 0
    shown = capsys.readouterr().out
    assert "Against 0.1.0, commit" in shown
    assert "gone:" not in shown


def test_without_valgrind_there_are_times_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "valgrind" else which(name))
    assert bench("micro", "loop", "--rounds", "1", "--instructions", "--json", str(tmp_path)) == 0
    assert "- instructions are not counted: valgrind is not on the path" in capsys.readouterr().out
    figures = json.loads((tmp_path / "micro.json").read_text())["data"]["figures"]
    assert figures["loop"]["instructions"] is None


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["loop", "--rounds", "0"], ["loop", "--against", "nowhere.json"]]
)
def test_the_command_refuses(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        bench("micro", *arguments)
