"""`python -m aquatic.loadtest HOST:PORT`: load on a UDP tracker, and a report."""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict

from aquatic.loadtest import shapes
from aquatic.loadtest.http import HttpLoad, HttpLoadTest
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS, LoadTest, Report, SilentTrackerError, sources_needed
from aquatic.loadtest.target import Target, TargetError
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest

SHAPES: dict[str, Callable[[int, int], shapes.TorrentSizes]] = {
    "uniform": shapes.uniform,
    "scattered": shapes.scattered,
    "zipf": shapes.zipf,
}


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; 0 when every answer was right and none was missing."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        target = Target.parse(options.target, is_mine=options.target_is_mine)
        sizes = SHAPES[options.shape](options.torrents, options.peers)
        sources = options.sources or sources_needed(sizes)
        population = Population(sizes, sources, options.seeder_share, options.seed)
        load = _load(options)
        if options.http:
            http = HttpLoad(weight_announce=options.weights[1], weight_scrape=options.weights[2])
            with HttpLoadTest(target, population, http) as test:
                return _run(test, options)
        with UdpLoadTest(target, population, load) as test:
            return _run(test, options)
    except (TargetError, ValueError, SilentTrackerError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def _load(options: argparse.Namespace) -> UdpLoad:
    connect, announce, scrape = options.weights
    return UdpLoad(
        weight_connect=connect,
        weight_announce=announce,
        weight_scrape=scrape,
        peers_wanted=options.peers_wanted,
        scrape_torrents=options.scrape_torrents,
        event=EVENTS[options.event],
        # At a set rate requests pile up when the tracker does not keep up: that must not delay the next.
        requests_under_way_max=options.window or (65536 if options.rate else 128),
        timeout_seconds=options.timeout,
        idle_sleep_us=0 if options.rate or options.spin else 20,
        segmenting=not options.one_by_one,
        workers=options.workers,
        cpus=tuple(options.cpus),
    )


def _run(test: LoadTest, options: argparse.Namespace) -> int:
    test.greet()
    signal.signal(signal.SIGINT, lambda _number, _frame: test.stop())
    if options.fill:
        report = test.fill(options.seconds)
    else:
        report = test.run(
            "open" if options.rate else "closed",
            options.seconds,
            options.rate or 0.0,
            progress=_print_progress,
        )
    _print_report(report)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"options": vars(options), "report": asdict(report)}, file, indent=2)
    return 0 if not report.wrong and not report.counters["lost"] else 2


def _print_progress(report: Report) -> None:
    p99 = f"{report.latency.p99_us:.0f}" if report.latency else "-"
    print(
        f"{report.responses_per_second:10.0f} responses/s  p99 {p99:>6} us  lost {report.counters['lost']}  "
        f"wrong {report.wrong}  busy {report.busy_share:.0%}",
        flush=True,
    )


def _print_report(report: Report) -> None:
    responses = max(report.responses, 1)
    print(
        f"{report.responses} right responses in {report.seconds:.2f} s, {report.responses_per_second:.0f}/s"
    )
    for name, value in report.counters.items():
        if value:
            print(f"  {name:18} {value}")
    if report.latency:
        latency = report.latency
        print(
            f"latency, us: p50 {latency.p50_us:.0f}  p90 {latency.p90_us:.0f}  p99 {latency.p99_us:.0f}  "
            f"p99.9 {latency.p999_us:.0f}  max {latency.max_us:.0f}"
        )
    print(
        f"generator, us per response: user {report.cpu_user_seconds / responses * 1e6:.3f}, "
        f"system {report.cpu_system_seconds / responses * 1e6:.3f}; busy {report.busy_share:.0%}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m aquatic.loadtest", description=__doc__)
    add = parser.add_argument
    add("target", metavar="HOST:PORT")
    add("--target-is-mine", action="store_true", help="allow a target that is not this machine's loopback")
    add("--http", action="store_true", help="over HTTP, with 128 connections")
    add("--seconds", type=float, default=10, help="how long to load, or to try to fill (default: 10)")
    add("--rate", type=float, help="requests a second; otherwise as many as are answered")
    add("--fill", action="store_true", help="announce every peer once, until it is acknowledged")
    add("--shape", choices=SHAPES, default="uniform", help="of the torrents' sizes (default: uniform)")
    add("--torrents", type=int, default=25_000)
    add("--peers", type=int, default=100_000)
    add("--seeder-share", type=float, default=0.5)
    add("--seed", type=int, default=1, help="other info hashes and ports for another number")
    add("--weights", type=int, nargs=3, default=(20, 78, 2), metavar=("CONNECT", "ANNOUNCE", "SCRAPE"))
    add("--peers-wanted", type=int, default=30)
    add("--scrape-torrents", type=int, default=10)
    add("--event", choices=EVENTS, default="none")
    add(
        "--sources",
        type=int,
        help="source addresses, a socket for each (default: 4, or as the largest torrent needs)",
    )
    add("--window", type=int, help="requests under way at most (default: 128; with --rate 65536)")
    add("--timeout", type=float, default=1.0, help="seconds until a request is lost (default: 1)")
    add("--spin", action="store_true", help="never sleep while waiting for answers")
    add(
        "--one-by-one", action="store_true", help="send each datagram through the whole of the kernel's stack"
    )
    add("--workers", type=int, default=1)
    add("--cpus", type=int, nargs="+", default=(), help="the cores of the workers")
    add("--json", metavar="FILE", help="write the whole result there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
