"""`aquatic bench`: the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from aquatic.bench.catalogue import FORWARDED, RUNS, UDP_TRACKERS
from aquatic.bench.idle import IdleRun
from aquatic.bench.load import Workload
from aquatic.bench.memory import SHAPES, MemoryRun
from aquatic.bench.micro.command import add_micro
from aquatic.bench.options import add_conditions, add_outputs, conditions_of, write
from aquatic.bench.regression import compare_builds
from aquatic.bench.render import markdown, put_into
from aquatic.bench.result import Result
from aquatic.bench.runs import Run, prepare, shown_command
from aquatic.bench.throughput import ThroughputRun
from aquatic.bench.trackers import TRACKERS, WIRES
from aquatic.loadtest.http import HttpLoad
from aquatic.loadtest.run import Load
from aquatic.loadtest.udp import UdpLoad
from aquatic.loadtest.ws import WsLoad


def main(arguments: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """Do what the arguments ask for; 1 when a tracker failed or answered wrongly. Wrong ones raise SystemExit."""
    _add_commands(parser)
    options = parser.parse_args(arguments)
    options.arguments = list(arguments)
    try:
        exit_code: int = options.measure(options)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return exit_code


def _add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add = commands.add_parser
    add("list", help="name the runs and the trackers").set_defaults(measure=_list)
    run = _measuring(add("run", help="do named runs, one after the other"), _named)
    run.add_argument("runs", nargs="+", metavar="NAME", choices=RUNS, help="as `list` names them")
    _add_compare(_measuring(add("compare", help="throughput and CPU under a load of your own"), _compare))
    _add_memory(_measuring(add("memory", help="memory per peer with swarms of your own"), _memory))
    idle = _measuring(add("idle", help="memory of idle connections"), _idle)
    idle.add_argument("--wire", choices=("http", "https", "ws", "wss"), default="http")
    idle.add_argument("--connections", type=int, default=10_000)
    regression = _measuring(add("regression", help="two builds of ours: is one slower?"), _regression)
    regression.add_argument("old", help="command of the one, as path/to/aquatic")
    regression.add_argument("new", help="command of the other")
    loads = [name for name, each in RUNS.items() if isinstance(each, ThroughputRun)]
    regression.add_argument(
        "--run", choices=loads, default="udp-100k", help="whose loads (default: udp-100k)"
    )
    add_micro(add("micro", help="single operations of the data plane, in nanoseconds and instructions"))
    report = add("report", help="make a report of results that were written before")
    report.set_defaults(measure=_report)
    report.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    add_outputs(report)
    report.add_argument(
        "--into", type=Path, metavar="FILE", help="put each between its markers in this document"
    )


def _measuring(
    parser: argparse.ArgumentParser, measure: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser.set_defaults(measure=measure)
    add_conditions(parser)
    add_outputs(parser)
    return parser


def _add_compare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--torrents", type=int, default=25_000)
    add("--peers", type=int, default=100_000)
    add(
        "--shape",
        choices=("uniform", "scattered", "zipf"),
        default="scattered",
        help="of the torrents' sizes",
    )
    add("--wire", choices=WIRES, default="udp", help="default: udp")
    add("--connections", type=int, default=128, help="over HTTP and WebSocket (default: 128)")
    add("--close", action="store_true", help="over HTTP, a connection for each request")
    add("--no-resumption", action="store_true", help="over HTTPS, a whole handshake for each connection")
    add("--offers", type=int, default=5, help="over WebSocket, of each announce (default: 5)")
    add("--weights", type=int, nargs=3, default=(20, 78, 2), metavar=("CONNECT", "ANNOUNCE", "SCRAPE"))
    add("--peers-wanted", type=int, default=30)


def _add_memory(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--shapes", nargs="+", choices=SHAPES, default=["pairs", "zipf", "giants"])
    add("--sizes", nargs="+", type=float, default=[1], metavar="MILLIONS", help="of peers")
    add(
        "--expire-seconds",
        type=int,
        default=60,
        help="that peers live when 1 M expire; 0: none do (default: 60)",
    )


def _list(_options: argparse.Namespace) -> int:
    print("Runs, and about how long they take with all of their trackers:\n")
    for name, run in RUNS.items():
        print(f"  {name:20} {run.estimated_seconds / 60:5.1f} min   {run.title}")
    print("\n`aquatic bench micro` measures single operations of ours.\n\nTrackers:\n")
    for name, tracker in TRACKERS.items():
        program = tracker.program()
        print(f"  {name:20} {' '.join(tracker.wires):24} {program[0] if program else 'not here'}")
    return 0


def _named(options: argparse.Namespace) -> int:
    return _measure([RUNS[name] for name in options.runs], options)


def _compare(options: argparse.Namespace) -> int:
    caption = f"{options.peers} peers in {options.torrents} torrents"
    workload = Workload("own", caption, options.torrents, options.peers, _load(options), options.shape)
    if options.wire in ("ws", "wss"):
        workload = replace(workload, sources=options.connections, counted=FORWARDED)
    trackers = tuple(name for name, tracker in TRACKERS.items() if options.wire in tracker.wires)
    run = ThroughputRun("compare", "Throughput and CPU", options.wire, (workload,), trackers)
    return _measure([replace(run, keep_alive=not options.close)], options)


def _load(options: argparse.Namespace) -> Load:
    connect, announce, scrape = options.weights
    mix = {"weight_announce": announce, "weight_scrape": scrape, "peers_wanted": options.peers_wanted}
    tls = options.wire in ("https", "wss")
    if options.wire == "udp":
        return UdpLoad(weight_connect=connect, **mix)
    if options.wire in ("http", "https"):
        return HttpLoad(
            connections=options.connections,
            keep_alive=not options.close,
            tls=tls,
            resumption=not options.no_resumption,
            **mix,
        )
    return WsLoad(offers=options.offers, tls=tls, **mix)


def _memory(options: argparse.Namespace) -> int:
    run = MemoryRun(
        "memory",
        "Memory per peer",
        UDP_TRACKERS,
        tuple(options.shapes),
        tuple(options.sizes),
        options.expire_seconds,
    )
    return _measure([run], options)


def _idle(options: argparse.Namespace) -> int:
    trackers = tuple(name for name, tracker in TRACKERS.items() if options.wire in tracker.wires)
    run = IdleRun("idle", "Memory of idle connections", options.wire, trackers, options.connections)
    return _measure([run], options)


def _regression(options: argparse.Namespace) -> int:
    conditions = conditions_of(options, shown_command(options.arguments))
    prepare(conditions)
    run = RUNS[options.run]
    assert isinstance(run, ThroughputRun), "as the parser offers them"
    result = compare_builds(run, options.old, options.new, conditions)
    print(markdown(result))
    return write([result], options)


def _measure(runs: Sequence[Run], options: argparse.Namespace) -> int:
    conditions = conditions_of(options, shown_command(options.arguments))
    prepare(conditions)
    results = []
    for run in runs:
        shown = replace(conditions, command=_command_of(run, runs, options))
        results.append(run.measure(shown))
        if results[-1].is_empty:
            results[-1].notes.append("nothing was measured")
            results[-1].failed = True
        print(markdown(results[-1]), flush=True)
    return write(results, options)


def _command_of(run: Run, runs: Sequence[Run], options: argparse.Namespace) -> str:
    """That repeats this run alone."""
    others = {each.name for each in runs} - {run.name}
    return shown_command(word for word in options.arguments if word not in others)


def _report(options: argparse.Namespace) -> int:
    results = [Result.from_json(path.read_text()) for path in options.results]
    if options.into:
        text = options.into.read_text()
        for result in results:
            text = put_into(text, result)
        options.into.write_text(text)
    return write(results, options)
