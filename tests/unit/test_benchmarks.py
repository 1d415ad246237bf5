"""The parts of the measuring tools that only calculate or read text."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.toml_file import read_toml_file
from aquatic.loadtest.latency import Latency
from aquatic.loadtest.run import Report, Sample
from benchmarks.compare import rounds, table_rows
from benchmarks.connections import IdleMemory
from benchmarks.connections import table_row as connections_row
from benchmarks.latency import PHASES, PhaseResult
from benchmarks.latency import table_row as latency_row
from benchmarks.measure import Measurement, core_busy_seconds, measurement
from benchmarks.memory import Expired, Filled, Memory
from benchmarks.memory import table_row as memory_row
from benchmarks.process import (
    TICKS_PER_SECOND,
    CpuTime,
    dropped_at_port,
    dropped_towards_port,
    parse_metrics,
    resident_bytes,
)
from benchmarks.report import Document, Spread
from benchmarks.soak import Check, judge
from benchmarks.trackers import TRACKERS, Aquatic, Opentracker, Serving, choose

COUNTERS = {
    "sent_announce": 0,
    "right_connect": 0,
    "right_announce": 0,
    "errors": 0,
    "wrong_length": 0,
    "lost": 0,
    "peers_received": 0,
    "stalls": 0,
    "busy_ns": 0,
}


def report(seconds: float = 10.0, **counters: int) -> Report:
    before = Sample(100.0, COUNTERS, [5, 0], 1.0, 2.0)
    after = Sample(100.0 + seconds, COUNTERS | counters, [5, 0], 1.5, 4.0)
    return Report.between(before, after, workers=1)


def test_cpu_is_shared_among_right_responses_only() -> None:
    load = report(
        right_connect=250_000, right_announce=750_000, wrong_length=9, errors=1, peers_received=3_000_000
    )
    measured = measurement(load, CpuTime(50.0, 70.0), CpuTime(51.0, 74.0), core_busy_seconds=5.5, dropped=3)
    assert measured.responses_per_second == 100_000
    assert (measured.cpu_user_us, measured.cpu_system_us, measured.cpu_us) == (1.0, 4.0, 5.0)
    assert (measured.generator_user_us, measured.generator_system_us) == (0.5, 2.0)
    assert measured.tracker_share == 0.5
    assert measured.others_share == pytest.approx(0.05)
    assert measured.peers_per_announce == 4
    assert (measured.wrong, measured.dropped_by_kernel) == (10, 3)


def measured(**changes: float) -> Measurement:
    usual = {
        "responses_per_second": 300_000.0,
        "cpu_user_us": 0.5,
        "cpu_system_us": 2.5,
        "tracker_share": 0.98,
        "others_share": 0.0,
        "generator_user_us": 0.1,
        "generator_system_us": 1.0,
        "generator_busy_share": 0.5,
        "peers_per_announce": 4.0,
        "requests_lost": 0,
        "wrong": 0,
        "dropped_by_kernel": 0,
    }
    return Measurement(**(usual | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "doubts"),
    [
        ({}, []),
        ({"others_share": 0.06}, ["others"]),
        ({"tracker_share": 0.9}, ["tracker not saturated"]),
        ({"generator_busy_share": 0.95}, ["generator saturated"]),
        ({"wrong": 1}, ["wrong answers"]),
    ],
)
def test_a_run_says_what_speaks_against_it(changes: dict[str, float], doubts: list[str]) -> None:
    assert measured(**changes).doubts == doubts


def test_rounds_that_others_disturbed_do_not_count_while_there_are_better_ones() -> None:
    runs = [measured(cpu_user_us=9.0, others_share=0.5), measured(cpu_user_us=1.0), measured(cpu_user_us=2.0)]
    (row,) = table_rows({"ours": runs, "never started": []})
    assert row[0] == "ours"
    assert row[3] == "1.50 (1.00 to 2.00)"
    assert row[-1] == "others 1x"


def test_rounds_turn_round() -> None:
    assert [tracker.name for tracker in rounds(TRACKERS[:2], 3)] == [
        "ours", "aquatic-mio", "aquatic-mio", "ours", "ours", "aquatic-mio",
    ]  # fmt: skip


def test_a_spread_shows_one_number_when_there_is_one() -> None:
    assert Spread.of([3, 1, 2]).show(1) == "2.0 (1.0 to 3.0)"
    assert Spread.of([3000]).show(1, 1000) == "3.0"


def test_huge_pages_are_resident_too() -> None:
    assert (
        resident_bytes("555500000000-7ffc [rollup]\nRss:  1024 kB\nPss:  9 kB\nPrivate_Hugetlb:  2048 kB\n")
        == 3 << 20
    )


def test_drops_are_those_of_all_sockets_of_the_port() -> None:
    net_udp = (
        "   sl  local_address rem_address st queues tr tm->when retrnsmt uid timeout inode drops\n"
        "  1: 0100007F:0BB8 00000000:0000 07 0:0 00:00000000 00000000 0 0 23 2 0 5\n"
        "  2: 0100007F:0BB8 00000000:0000 07 0:0 00:00000000 00000000 0 0 24 2 0 7\n"
        "  3: 0100007F:0BB9 0100007F:0FA0 07 0:0 00:00000000 00000000 0 0 25 2 0 11\n"
    )
    assert dropped_at_port(net_udp, 3000) == 12
    assert dropped_towards_port(net_udp, 4000) == 11


def test_a_core_is_busy_with_user_nice_and_system_time() -> None:
    stat = "cpu  9 9 9 9\ncpu0 100 20 80 5000 3\ncpu1 1 1 1 1\n"
    assert core_busy_seconds(stat, 0) == 200 / TICKS_PER_SECOND
    with pytest.raises(ValueError, match="no core"):
        core_busy_seconds(stat, 7)


def test_what_is_missing_is_skipped_and_said(tmp_path: Path) -> None:
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found, missing = choose(
        ["opentracker", "ours", "aquatic-mio"],
        [f"ours={program} udp", "opentracker=/nowhere/opentracker", "aquatic-mio=/nowhere/mio"],
    )
    assert [tracker.program() for tracker in found] == [[str(program), "udp"]]
    assert missing == ["opentracker is not here and was skipped", "aquatic-mio is not here and was skipped"]


@pytest.mark.parametrize(
    ("names", "commands"), [(["other"], []), (["ours"], ["ours"]), (["ours"], ["other=x"])]
)
def test_trackers_that_are_not_known_are_refused(names: list[str], commands: list[str]) -> None:
    with pytest.raises(ValueError, match=r"NAME=COMMAND|no such tracker"):
        choose(names, commands)


def test_an_aquatic_reads_the_configuration_that_is_written(tmp_path: Path) -> None:
    serving = Serving(port=3000, directory=tmp_path, peer_age_seconds_max=60, exports=True, metrics_port=9000)
    option, path = Aquatic("ours", ("aquatic",)).arguments(serving)
    assert option == "-c"
    # Ours is the judge: it refuses what it does not know.
    assert UDP_FORMAT.load(read_toml_file(Path(path)), frozenset({0})).configuration


def test_an_opentracker_is_told_the_torrents(tmp_path: Path) -> None:
    Opentracker().arguments(Serving(port=3000, directory=tmp_path, info_hashes=[bytes(20), b"\xab" * 20]))
    assert (tmp_path / "whitelist.txt").read_text() == f"{'00' * 20}\n{'ab' * 20}\n"


def test_a_document_has_its_command_its_notes_and_its_tables() -> None:
    document = Document(
        "Title", command="python -m benchmarks.compare", machine={"kernel": "Linux"}, notes=["note"]
    )
    document.table("Caption", ["a", "b"], [["1", "2"]])
    assert document.markdown() == (
        "# Title\n\n`python -m benchmarks.compare`\n\n- kernel: Linux\n- note\n\nCaption:\n\n"
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    )


def test_memory_is_shared_among_peers_and_what_comes_back_is_a_share_of_the_growth() -> None:
    filled = Filled(peers=1000, empty_bytes=50_000, filled_bytes=70_000, fill_seconds=1.0)
    larger = Filled(peers=2000, empty_bytes=50_000, filled_bytes=110_000, fill_seconds=1.0)
    assert memory_row("ours", Memory([filled, larger], Expired(filled, expired_bytes=54_000))) == [
        "ours", "20.0", "30.0", "25.0", "30.0", "80%",
    ]  # fmt: skip
    assert memory_row("ours", Memory([filled], None))[-1] == "-"


def test_latencies_of_a_phase_stand_beside_what_was_lost() -> None:
    late = report(right_announce=100, lost=3, wrong_length=1, stalls=2)
    row = latency_row(
        PHASES["growth"], PhaseResult(50.0, late, unsent=7, lock_hold_us=150.4, lock_wait_us=9.6)
    )
    assert row == ["all peers are new", "-", "-", "-", "-", "-", "100", "3", "1", "7", "2", "150", "10"]
    latency = Latency(answers=9, p50_us=1.4, p90_us=2, p99_us=3, p999_us=4, max_us=5)
    row = latency_row(
        PHASES["quiet"],
        PhaseResult(
            50.0, replace(late, latency=latency), 0, lock_hold_us=float("nan"), lock_wait_us=float("nan")
        ),
    )
    assert row[:6] == ["nothing else", "1", "2", "3", "4", "5"]
    assert row[-2:] == ["-", "-"]


def check(minute: int, memory_bytes: int = 100, **changes: Any) -> Check:
    return replace(Check(minute * 60, memory_bytes, 2.0, 1000, 0, 0, 0, 0, 0, 0), **changes)


def test_memory_is_flat_when_it_stays_once_it_is_steady() -> None:
    checks = [check(0, 10), check(1, 60), check(2, 100), check(3, 101), check(4, 100)]
    assert judge(checks, steady_after_seconds=120).faults == []
    assert judge(checks, steady_after_seconds=60).faults == ["memory drifted by 40.2%"]
    with pytest.raises(ValueError, match="too short"):
        judge(checks, steady_after_seconds=240)


def test_a_loss_is_explained_by_whoever_owns_up_to_it() -> None:
    explained = check(1, lost=10, late=1, dropped_requests=2, dropped_responses=3, dropped_by_tracker=4)
    verdict = judge([explained, check(2, lost=5, late=2, wrong=1)], 0)
    assert (verdict.lost, verdict.unexplained) == (15, 3)
    assert verdict.faults == ["1 wrong answers", "3 of 15 lost requests unexplained"]


def test_real_clients_that_get_no_file_are_a_fault() -> None:
    failed = check(1, transfer_fault="AssertionError()")
    assert judge([failed, check(2)], 0).faults == ["1 transfers between real clients failed"]


def test_metrics_are_read_with_their_labels() -> None:
    text = '# TYPE a counter\na{cause="kernel"} 3\n\nb 0.5\n'
    assert parse_metrics(text) == {'a{cause="kernel"}': 3.0, "b": 0.5}


def test_memory_of_idle_connections() -> None:
    memory = IdleMemory(1000, before_bytes=5_000_000, open_bytes=7_000_000, closed_bytes=5_500_000)
    assert connections_row(memory) == ["1,000", "2,000", "75.0 %"]
    # A process may shrink while connections are open.
    assert IdleMemory(10, 5_000_000, 4_000_000, 4_000_000).given_back == 0
