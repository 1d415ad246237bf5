"""The options that every tool has that measures."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from aquatic.bench.render import markdown, page
from aquatic.bench.result import Result
from aquatic.bench.runs import Conditions
from aquatic.bench.trackers import TRACKERS

FAILED = 1


def add_conditions(parser: argparse.ArgumentParser) -> None:
    """Which trackers, where, and how often."""
    add = parser.add_argument
    add("--trackers", nargs="+", metavar="NAME", choices=TRACKERS, help="instead of the run's")
    add(
        "--program",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="to start that tracker with, instead of what is on the path",
    )
    add("--tracker-core", type=int, nargs="+", default=[0], metavar="CORE", help="default: 0")
    add("--generator-core", type=int, nargs="+", default=[1], metavar="CORE", help="default: 1")
    add("--workers", type=positive, default=1, help="of each tracker, as far as it can be told (default: 1)")
    add("--generator-workers", type=positive, default=1, help="of the generator (default: 1)")
    add(
        "--priority",
        choices=("normal", "nice", "fifo"),
        default="normal",
        help="of tracker and generator; more than normal needs the right to it. fifo starves a tracker of several "
        "threads of which one spins, such as aquatic_http",
    )
    add("--rounds", type=positive, help="of all trackers, instead of the run's number")
    add("--seconds", type=float, help="of each measurement, instead of the run's")
    add("--repeats", type=int, default=2, help="at most, of a measurement that others disturbed (default: 2)")


def positive(text: str) -> int:
    """A number of at least 1. ValueError."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Where results go."""
    add = parser.add_argument
    add("--json", type=Path, metavar="DIRECTORY", help="write each result there, for `aquatic bench report`")
    add("--markdown", type=Path, metavar="FILE")
    add("--html", type=Path, metavar="FILE", help="a page with charts")


def conditions_of(options: argparse.Namespace, command: str) -> Conditions:
    """What was asked for; `command` as it was typed."""
    return Conditions(
        trackers=tuple(options.trackers) if options.trackers else None,
        programs=tuple(options.program),
        tracker_cores=tuple(options.tracker_core),
        generator_cores=tuple(options.generator_core),
        workers=options.workers,
        generator_workers=options.generator_workers,
        priority=options.priority,
        rounds=options.rounds,
        seconds=options.seconds,
        repeats_max=options.repeats,
        command=command,
    )


def write(results: Sequence[Result], options: argparse.Namespace) -> int:
    """The files that were asked for; 1 when a tracker failed or answered wrongly. OSError."""
    if options.json:
        options.json.mkdir(parents=True, exist_ok=True)
        for result in results:
            (options.json / f"{result.name}.json").write_text(result.to_json())
    if options.markdown:
        options.markdown.write_text("\n".join(markdown(result) for result in results))
    if options.html:
        options.html.write_text(page(results))
    return FAILED if any(result.failed for result in results) else 0
