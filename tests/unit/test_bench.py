"""The parts of the measuring tools that only calculate or read text."""

from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, TextMessage
from wsproto.events import Request as WsRequest

from aquatic.bench.catalogue import RUNS
from aquatic.bench.certificate import make_certificate
from aquatic.bench.charts import bar_svg, line_svg
from aquatic.bench.frames import masked_frame
from aquatic.bench.generators import Cost
from aquatic.bench.generators import table_row as generator_row
from aquatic.bench.idle import IdleMemory, idle_chart
from aquatic.bench.idle import table_row as idle_row
from aquatic.bench.latency import UDP_PHASES, PhaseResult, latency_chart
from aquatic.bench.latency import table_row as latency_row
from aquatic.bench.measure import Measurement, Moment, core_busy_seconds, measurement
from aquatic.bench.memory import Expired, Filled, Memory
from aquatic.bench.memory import table_row as memory_row
from aquatic.bench.openssl import handshake_us, parse_speed
from aquatic.bench.process import (
    TICKS_PER_SECOND,
    CpuTime,
    dropped_at_port,
    parse_metrics,
    resident_bytes,
)
from aquatic.bench.regression import difference
from aquatic.bench.regression import table_rows as regression_rows
from aquatic.bench.render import MarkerError, markdown, page, put_into
from aquatic.bench.result import Bar, BarChart, Line, LineChart, Result, Spread, Table
from aquatic.bench.runs import repeated, rounds
from aquatic.bench.throughput import ThroughputRun, table_rows
from aquatic.bench.trackers import TRACKERS, Aquatic, AquaticServe, Opentracker, Serving, Wire, choose
from aquatic.control.compat import RustFormat
from aquatic.control.compat_http import HTTP_FORMAT
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.native import load_native
from aquatic.control.toml_file import read_toml_file
from aquatic.loadtest.latency import Latency
from aquatic.loadtest.run import Report, Sample
from aquatic.loadtest.udp import UdpLoad
from benchmarks.soak import Check, dropped_by_itself, dropped_towards_port, judge

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


def moment(at_seconds: float, cpu: CpuTime, busy: float = 0.0, dropped: int = 0) -> Moment:
    return Moment(at_seconds, cpu, cores=1, cores_busy_seconds=busy, dropped=dropped)


def test_cpu_is_shared_among_right_responses_only() -> None:
    load = report(
        right_connect=250_000, right_announce=750_000, wrong_length=9, errors=1, peers_received=3_000_000
    )
    before, after = (
        moment(100.0, CpuTime(50.0, 70.0)),
        moment(110.0, CpuTime(51.0, 74.0), busy=5.5, dropped=3),
    )
    measured = measurement(load, before, after)
    assert measured.responses_per_second == 100_000
    assert (measured.cpu_user_us, measured.cpu_system_us, measured.cpu_us) == (1.0, 4.0, 5.0)
    assert (measured.generator_user_us, measured.generator_system_us) == (0.5, 2.0)
    assert measured.tracker_share == 0.5
    assert measured.others_share == pytest.approx(0.05)
    assert measured.peers_per_announce == 4
    assert (measured.wrong, measured.dropped_by_kernel) == (10, 3)
    two_cores = measurement(load, replace(before, cores=2), replace(after, cores=2))
    assert two_cores.tracker_share == 0.25
    assert two_cores.others_share == pytest.approx(0.025)


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
    assert [tracker.name for tracker in rounds([TRACKERS["ours"], TRACKERS["aquatic-mio"]], 3)] == [
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
        [f"ours={program} --quick", "opentracker=/nowhere/opentracker"],
        "http",
    )
    assert [tracker.program() for tracker in found] == [[str(program), "--quick"]]
    assert missing == [
        "opentracker is not here and was skipped",
        "aquatic-mio does not speak http and was skipped",
    ]


@pytest.mark.parametrize(
    ("names", "commands"), [(["other"], []), (["ours"], ["ours"]), (["ours"], ["other=x"])]
)
def test_trackers_that_are_not_known_are_refused(names: list[str], commands: list[str]) -> None:
    with pytest.raises(ValueError, match=r"NAME=COMMAND|no such tracker"):
        choose(names, commands, "udp")


@pytest.mark.parametrize(
    ("wire", "layout"), [("udp", UDP_FORMAT), ("http", HTTP_FORMAT), ("https", HTTP_FORMAT)]
)
def test_an_aquatic_reads_the_configuration_that_is_written(
    tmp_path: Path, wire: Wire, layout: RustFormat
) -> None:
    certificate = make_certificate(tmp_path) if wire == "https" else None
    serving = Serving(
        wire=wire, port=3000, directory=tmp_path, exports=True, metrics_port=9000, certificate=certificate
    )
    command, option, path = Aquatic().arguments(serving)
    assert (command, option) == (wire.removesuffix("s"), "-c")
    # Ours is the judge: it refuses what it does not know.
    configuration = layout.load(read_toml_file(Path(path)), frozenset({0})).configuration
    assert configuration.listeners[0].tls == (wire == "https")


@pytest.mark.parametrize("wire", ["udp", "http", "https"])
def test_ours_serves_by_the_native_file_that_is_written(tmp_path: Path, wire: Wire) -> None:
    certificate = make_certificate(tmp_path) if wire == "https" else None
    serving = Serving(wire=wire, port=3000, directory=tmp_path, certificate=certificate)
    path = Path(AquaticServe().arguments(serving)[-1])
    (listener,) = load_native(read_toml_file(path), frozenset({0})).configuration.listeners
    assert [each.value for each in listener.protocols] == [wire.removesuffix("s")]


@pytest.mark.parametrize("name", TRACKERS)
def test_every_tracker_is_told_its_port(tmp_path: Path, name: str) -> None:
    tracker = TRACKERS[name]
    for wire in tracker.wires:
        directory = tmp_path / wire
        directory.mkdir()
        certificate = make_certificate(directory) if wire in ("https", "wss") else None
        serving = Serving(wire=wire, port=34567, directory=directory, certificate=certificate)
        command = tracker.arguments(serving)
        files = [path.read_text() for path in directory.rglob("*") if path.is_file()]
        assert any("34567" in text for text in [*command, *files])
        if certificate:
            assert any(str(certificate.private_key) in text for text in files)


def test_an_opentracker_is_told_the_torrents(tmp_path: Path) -> None:
    Opentracker().arguments(
        Serving(wire="udp", port=3000, directory=tmp_path, info_hashes=[bytes(20), b"\xab" * 20])
    )
    assert (tmp_path / "whitelist.txt").read_text() == f"{'00' * 20}\n{'ab' * 20}\n"


def result() -> Result:
    made = Result(
        "udp-100k",
        "Title <&>",
        "aquatic bench run udp-100k",
        {"kernel": "Linux"},
        notes=["note"],
        versions={"ours": "1"},
        configurations={"ours": {"aquatic.toml": "workers = 1"}},
        data={"latency": Latency(9, 1, 2, 3, 4, 5)},
    )
    made.table("Caption", ["a", "b"], [["1", "2"]])
    made.bar_charts.append(BarChart("Bars", "us", ["user", "system"], [Bar("ours", [1.0, 2.0], 2.5, 4.0)]))
    made.line_charts.append(LineChart("Lines", "us", ["p50", "p99"], [Line("ours", [1.0, None])], True))
    return made


def test_a_result_has_its_command_its_notes_and_its_tables_as_markdown() -> None:
    assert markdown(result()) == (
        "# Title <&>\n\n`aquatic bench run udp-100k`\n\n- kernel: Linux\n- ours: 1\n- note\n\nCaption:\n\n"
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    )


def test_a_result_is_read_as_it_was_written() -> None:
    written = result().to_json()
    assert Result.from_json(written).to_json() == written
    assert Result.from_json(written).line_charts == result().line_charts
    for other in (
        "{}",
        "[]",
        '{"name": "x", "tables": [{"rows": 1}], "bar_charts": [], "line_charts": []}',
        "x",
    ):
        with pytest.raises(ValueError, match=r"not a result|Expecting"):
            Result.from_json(other)


def test_a_page_has_everything_and_loads_nothing() -> None:
    shown = page([result(), replace(result(), name="other")])
    assert "Title &lt;&amp;&gt;" in shown
    assert shown.count("<svg") == 4
    assert "workers = 1" in shown
    for reference in ("http://", "https://", "src=", "<script", "<link", "@import", "url("):
        assert reference not in shown.replace("http://www.w3.org/2000/svg", "")


def test_bars_end_where_their_values_do() -> None:
    svg = bar_svg(
        BarChart(
            "Bars", "us", ["user", "system"], [Bar("a", [1.0, 3.0], 3.0, 8.0), Bar("b", [2.0], 2.0, 2.0)]
        )
    )
    bars = [rectangle for rectangle in svg.iter("rect") if rectangle.get("height") == "18.00"]
    widths = [float(rectangle.attrib["width"]) for rectangle in bars]
    assert widths == pytest.approx([widths[0], 3 * widths[0], 2 * widths[0]], rel=1e-3)
    # Only what spreads has a line that shows it.
    assert len(list(svg.iter("line"))) == 1


@pytest.mark.parametrize("values", [[0.0, 5.0], [1e-3, 1e6], [], [None, 3.0], [0.0, 0.0]])
@pytest.mark.parametrize("is_logarithmic", [False, True])
def test_lines_stay_within_their_picture(values: list[float | None], is_logarithmic: bool) -> None:
    steps = [str(index) for index in range(len(values))]
    svg = line_svg(LineChart("Lines", "us", steps, [Line("a", values)], is_logarithmic))
    width, height = map(float, svg.attrib["viewBox"].split()[2:])
    marks = list(svg.iter("circle"))
    assert len(marks) == sum(value is not None for value in values)
    assert all(0 <= float(mark.attrib["cx"]) <= width for mark in marks)
    assert all(0 <= float(mark.attrib["cy"]) <= height for mark in marks)


def test_a_document_gets_a_result_between_its_markers() -> None:
    other = "After.\n<!-- bench x -->\nkept\n<!-- /bench -->\n"
    written = f"Before.\n\n<!-- bench udp-100k -->\nold\n<!-- /bench -->\n\n{other}"
    filled = put_into(written, result())
    assert filled.startswith(
        "Before.\n\n<!-- bench udp-100k -->\n`aquatic bench run udp-100k`\n\nLinux. ours: 1.\n"
    )
    assert filled.endswith(f"| 1 | 2 |\n<!-- /bench -->\n\n{other}")
    assert put_into(filled, result()) == filled
    with pytest.raises(MarkerError, match="bench udp-100k"):
        put_into("no place", result())
    with pytest.raises(ValueError, match="nothing was measured"):
        put_into(written, replace(result(), tables=[Table("empty", ["tracker"], [])]))


def test_a_measurement_that_others_disturbed_is_repeated_and_then_marked() -> None:
    shares = iter([0.5, 0.2, 0.01, 0.3])
    quiet_at_last = repeated(lambda: measured(others_share=next(shares)), 2)
    assert (quiet_at_last.others_share, quiet_at_last.repeats) == (0.01, 2)
    shares = iter([0.5, 0.2, 0.3])
    never_quiet = repeated(lambda: measured(others_share=next(shares)), 2)
    assert (never_quiet.others_share, never_quiet.repeats, never_quiet.doubts) == (0.2, 2, ["others"])
    # A generator that is the bottleneck would be so again: that is marked only.
    shares = iter([0.0])
    assert repeated(lambda: measured(others_share=next(shares), generator_busy_share=0.99), 2).repeats == 0


def test_a_difference_is_real_when_hardly_any_other_signs_of_the_rounds_would_show_it() -> None:
    slower = difference([2.0] * 8, [2.2, 2.3, 2.2, 2.25, 2.2, 2.1, 2.2, 2.3])
    assert slower.ratio == pytest.approx(1.11, abs=0.01)
    assert slower.noise_probability == 2 / 2**8
    assert (slower.verdict(1), slower.verdict(-1)) == ("worse", "better")
    noise = difference([2.0, 2.1, 2.0, 2.1, 2.0, 2.1], [2.1, 2.0, 2.1, 2.0, 2.1, 2.0])
    assert (noise.noise_probability, noise.verdict(1)) == (1.0, "no difference beyond noise")
    # Six rounds that agree are real, but no one cares for half of a hundredth.
    tiny = difference([2.0] * 6, [2.01] * 6)
    assert (tiny.noise_probability, tiny.is_real) == (2 / 2**6, False)
    with pytest.raises(ValueError, match="6 to 16 rounds"):
        difference([1.0] * 5, [1.0] * 5)


def test_builds_differ_by_the_figure_that_counts() -> None:
    old = [measured(cpu_user_us=user, cpu_system_us=2.0) for user in (0.5, 0.52, 0.5, 0.51, 0.5, 0.5)]
    new = [replace(each, cpu_system_us=2.2, responses_per_second=310_000.0) for each in old]
    rates, cpu, user = regression_rows(old, new)
    assert rates == ["responses/s, k", "300.0", "310.0", "1.033", "0.031", "better"]
    assert cpu[-2:] == ["0.031", "worse"]
    assert user[-2:] == ["1.000", "no difference beyond noise"]
    none = [replace(each, cpu_user_us=0.0) for each in old]
    assert regression_rows(old, none)[2][-1] == "too little to tell"
    noisy = [replace(each, others_share=0.5) for each in old]
    assert regression_rows(noisy, new)[-1][:2] == ["doubts", "others 6x"]


def test_openssl_tells_what_it_can_do() -> None:
    told = (
        "+F2:2:2048:3733.333333:59614.285714\n+F4:3:256:51339.393939:16057.575758\n"
        "+F5:22:253:30886.666667:0.000032\n+H:512\n+F:25:AES-256-GCM:1031563636.36\n"
    )
    assert parse_speed(told) == [
        ("RSA 2048 signature", "267.9"),
        ("RSA 2048 check", "16.8"),
        ("ECDSA 256 signature", "19.5"),
        ("ECDSA 256 check", "62.3"),
        ("X25519 exchange (253 bits)", "32.4"),
        ("AES-256-GCM, 512 bytes", "0.50"),
    ]


def test_handshakes_in_memory_are_whole_and_resumed_when_they_should_be(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    assert handshake_us(certificate, resumes=False, count=2) > 0
    assert handshake_us(certificate, resumes=True, count=2) > 0


@pytest.mark.parametrize("length", [1, 100, 125, 126, 300])
def test_websocket_clients_mask_their_frames(length: int) -> None:
    server = WSConnection(ConnectionType.SERVER)
    headers = (b"Host: a", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13")
    key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    server.receive_data(b"\r\n".join([b"GET / HTTP/1.1", *headers, key, b"", b""]))
    assert isinstance(next(server.events()), WsRequest)
    server.send(AcceptConnection())
    server.receive_data(masked_frame(b"x" * length))
    (message,) = server.events()
    assert isinstance(message, TextMessage)
    assert message.data == "x" * length


def test_every_run_names_trackers_that_speak_its_protocol() -> None:
    for run in RUNS.values():
        assert run.estimated_seconds > 0
        for name in getattr(run, "trackers", ()):
            assert getattr(run, "wire", "udp") in TRACKERS[name].wires


def test_closed_loops_over_udp_get_to_have_all_under_way_that_may_be() -> None:
    """Without additional requests each source would have one, and no tracker enough to do."""
    throughput = [run for run in RUNS.values() if isinstance(run, ThroughputRun)]
    loads = [each.load for run in throughput for each in run.workloads if isinstance(each.load, UdpLoad)]
    assert loads
    assert all(load.additional_request_probability > 0 for load in loads)


def test_memory_is_shared_among_peers_and_what_comes_back_is_a_share_of_the_growth() -> None:
    filled = Filled(peers=1000, empty_bytes=50_000, filled_bytes=70_000, fill_seconds=1.0)
    larger = Filled(peers=2000, empty_bytes=50_000, filled_bytes=110_000, fill_seconds=1.0)
    assert memory_row("ours", Memory([filled, larger], Expired(filled, expired_bytes=54_000))) == [
        "ours", "20.0", "30.0", "25.0", "30.0", "80%",
    ]  # fmt: skip
    assert memory_row("ours", Memory([filled], None))[-1] == "-"


def test_a_generator_stands_beside_what_it_got_out_of_the_tracker() -> None:
    costs = [Cost(200_000, 0.5, 2.0, 5.0), Cost(180_000, 0.7, 2.0, 5.0)]
    assert generator_row("ours", costs) == [
        "ours", "190.0 (180.0 to 200.0)", "0.60 (0.50 to 0.70)", "2.00", "5.00", "95 (90 to 100) %",
    ]  # fmt: skip


def phase(report: Report, **changes: float) -> PhaseResult:
    usual = {"requests_per_second": 50.0, "unsent": 0, "lock_hold_us": nan, "lock_wait_us": nan}
    return PhaseResult(report=report, **({"others_share": 0.0} | usual | changes))  # type: ignore[arg-type]


def test_latencies_of_a_phase_stand_beside_what_was_lost() -> None:
    late = report(right_announce=100, lost=3, wrong_length=1, stalls=2)
    row = latency_row(UDP_PHASES[2], [phase(late, unsent=7, lock_hold_us=150.4, lock_wait_us=9.6)])
    nothing = ["-"] * 5
    assert row == ["all peers are new", *nothing, "100", "3", "1", "7", "2", "150", "10", "none"]


def test_latencies_are_medians_of_the_rounds_and_losses_are_added_up() -> None:
    once = report(right_announce=100, lost=1)
    latency = Latency(answers=9, p50_us=1.4, p90_us=2, p99_us=3, p999_us=4, max_us=5)
    rounds = [
        phase(replace(once, latency=replace(latency, p999_us=p999_us)), others_share=share)
        for p999_us, share in ((4.0, 0.0), (9.0, 0.06), (6.0, 0.01))
    ]
    row = latency_row(UDP_PHASES[0], rounds)
    assert row[:6] == ["nothing else", "1", "2", "3", "6 (4 to 9)", "5"]
    assert row[6:8] == ["300", "3"]
    assert row[-3:] == ["-", "-", "others 1x"]
    assert latency_chart("", {"quiet": rounds}).lines[0].values == [1.4, 2, 3, 6, 5]


def test_the_chart_of_idle_memory_shows_what_connections_take_at_first() -> None:
    """Who gives nothing back takes nothing again in a later round, and would seem to be frugal."""
    keeps = [IdleMemory(10, 0, 5000, 5000), IdleMemory(10, 5000, 5000, 5000)]
    assert [bar.values for bar in idle_chart("", {"keeps": keeps}).bars] == [[500.0]]


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


def test_ours_owns_up_to_what_it_dropped_itself() -> None:
    dropped = {f'aquatic_dropped_total{{cause="{cause}"}}': 3.0 for cause in ("kernel", "buffer", "error")}
    assert dropped_by_itself(dropped | {"aquatic_other_total": 9.0}) == 6


def test_memory_of_idle_connections() -> None:
    memory = IdleMemory(1000, before_bytes=5_000_000, open_bytes=7_000_000, closed_bytes=5_500_000)
    assert idle_row("ours", 2, memory) == ["ours", "2", "2,000", "75.0 %"]
    # A process may shrink while connections are open.
    assert IdleMemory(10, 5_000_000, 4_000_000, 4_000_000).given_back == 0
