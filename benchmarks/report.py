"""Results as Markdown and JSON, with what they were taken on."""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.process import Priority, require_tools, set_own_priority


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several runs, and how far they lie apart."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Of at least one value."""
        ranked = sorted(values)
        return cls(statistics.median(ranked), ranked[0], ranked[-1])

    def show(self, digits: int, unit: float = 1) -> str:
        """As `median (lowest to highest)`, in multiples of a unit."""
        median, lowest, highest = (f"{value / unit:.{digits}f}" for value in asdict(self).values())
        return median if lowest == highest else f"{median} ({lowest} to {highest})"


def _describe_machine() -> dict[str, str]:
    """What a number depends on besides the programs."""
    cpu = next(
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.lower().startswith(("model name", "hardware", "cpu part", "uarch"))
    )
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores, {cpu}",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": commit or "unknown",
    }


@dataclass(slots=True)
class Document:
    """A result that grows while it is measured."""

    title: str
    command: str = field(default_factory=lambda: " ".join(["python -m", *_own_command()]))
    machine: dict[str, str] = field(default_factory=_describe_machine)
    notes: list[str] = field(default_factory=list)
    tables: list[tuple[str, list[str], list[list[str]]]] = field(default_factory=list)
    # By name: dataclasses or plain values, for the JSON file.
    data: dict[str, Any] = field(default_factory=dict)

    def table(self, caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Add one; a cell is shown as it is."""
        self.tables.append((caption, list(head), [list(row) for row in rows]))

    def markdown(self) -> str:
        """All of it, except `data`."""
        lines = [f"# {self.title}", "", f"`{self.command}`", ""]
        lines += [f"- {name}: {value}" for name, value in self.machine.items()]
        lines += [f"- {note}" for note in self.notes]
        for caption, head, rows in self.tables:
            lines += ["", f"{caption}:", "", _row(head), _row(["---"] * len(head)), *map(_row, rows)]
        return "\n".join(lines) + "\n"

    def write(self, options: argparse.Namespace) -> None:
        """Print, and write the files that the command line asks for."""
        print(self.markdown(), end="")
        if options.markdown:
            options.markdown.write_text(self.markdown())
        if options.json:
            content = {"title": self.title, "command": self.command, "machine": self.machine} | self.data
            options.json.write_text(json.dumps(content, indent=2, default=_plain) + "\n")


def common_parser(module: str, description: str, trackers: Sequence[str]) -> argparse.ArgumentParser:
    """The options that every tool has."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    add = parser.add_argument
    default = " ".join(trackers)
    add("--trackers", nargs="+", default=list(trackers), metavar="NAME", help=f"default: {default}")
    add("--command", action="append", default=[], metavar="NAME=COMMAND", help="to start that tracker with")
    add("--tracker-core", type=int, default=0)
    add("--generator-core", type=int, default=1)
    add(
        "--priority",
        choices=("normal", "nice", "fifo"),
        default="normal",
        help="of tracker and generator; more than normal needs the right to it",
    )
    add("--json", type=Path, metavar="FILE")
    add("--markdown", type=Path, metavar="FILE")
    return parser


def prepare(options: argparse.Namespace) -> Priority:
    """Put this process where the generator is wanted; returns the priority. OSError, ValueError."""
    # So that a tool that is told to end ends its tracker too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    priority: Priority = options.priority
    require_tools(priority)
    set_own_priority(priority, options.generator_core)
    return priority


def log(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def _own_command() -> list[str]:
    module = Path(sys.argv[0]).stem
    return [f"benchmarks.{module}", *sys.argv[1:]]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(type(value).__name__)
