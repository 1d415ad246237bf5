"""`aquatic bench micro`: the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from aquatic.bench.micro.cases import Case, cases
from aquatic.bench.micro.compare import compare, table_rows
from aquatic.bench.micro.count import CountError, count
from aquatic.bench.micro.loop import BUILD, COMPILER
from aquatic.bench.micro.measure import AREAS, Figures, WrongError, rounds_ns
from aquatic.bench.options import add_outputs, write
from aquatic.bench.render import markdown
from aquatic.bench.result import Result
from aquatic.bench.runs import log, shown_command

HEAD = ("", "one operation", "ns", "instructions")
DEFAULT_ROUNDS = 9


def add_micro(parser: argparse.ArgumentParser) -> None:
    """What it can be told."""
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="those whose names begin so, as `swarm-new` (default: all)")
    add("--rounds", type=int, default=DEFAULT_ROUNDS, help=f"default: {DEFAULT_ROUNDS}")
    add("--instructions", action="store_true", help="count them too, with valgrind, for a minute or two")
    add("--against", type=Path, metavar="RESULT.json", help="compare with this one, of another commit")
    add_outputs(parser)
    parser.set_defaults(measure=micro)


def micro(options: argparse.Namespace) -> int:
    """Measure, show, write. ValueError for what there is not, and where an operation does not do what it should."""
    if options.rounds < 1:
        raise ValueError("--rounds must be at least 1")
    chosen = choose(options.names)
    old = Result.from_json(options.against.read_text()) if options.against else None
    result = Result("micro", "Single operations of the data plane", shown_command(options.arguments))
    try:
        figures = _measure(chosen, options, result)
    except WrongError as error:
        raise ValueError(str(error)) from error
    result.versions = {"compiler": COMPILER, "build": BUILD}
    result.data["figures"] = figures
    for area, title in AREAS.items():
        texts = {case.name: case.text for case in chosen if case.area == area}
        if texts:
            result.table(title, HEAD, table_rows(texts, figures))
    if old:
        compare(old, result, figures)
    print(markdown(result), flush=True)
    return write([result], options)


def choose(words: Sequence[str]) -> list[Case]:
    """The cases whose names begin with one of these; all where there are none. ValueError for a word of none."""
    for word in words:
        if not any(name.startswith(word) for name in cases()):
            raise ValueError(f"no microbenchmark is called {word}: there are {', '.join(cases())}")
    return [case for name, case in cases().items() if not words or name.startswith(tuple(words))]


def _measure(chosen: Sequence[Case], options: argparse.Namespace, result: Result) -> dict[str, Figures]:
    """Without valgrind there are times only, and the result says so. WrongError."""
    ns = rounds_ns(chosen, options.rounds, log)
    instructions: dict[str, float] = {}
    if options.instructions:
        log("counting instructions")
        try:
            instructions = count(chosen)
        except CountError as error:
            result.notes.append(f"instructions are not counted: {error}")
    return {name: Figures(rounds, instructions.get(name)) for name, rounds in ns.items()}
