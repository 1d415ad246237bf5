"""What a run found: tables and charts to read, the raw values beside them, and what they were taken on.

It is written as JSON and read again, so that a report can be made of several runs, later.
"""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import aquatic


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several runs, and how far they lie apart."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Of at least one value."""
        ranked = sorted(values)
        return cls(statistics.median(ranked), ranked[0], ranked[-1])

    def show(self, digits: int, unit: float = 1) -> str:
        """As `median (lowest to highest)`, in multiples of a unit."""
        median, lowest, highest = (f"{value / unit:.{digits}f}" for value in asdict(self).values())
        return median if lowest == highest else f"{median} ({lowest} to {highest})"


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are shown as they are."""

    caption: str
    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing's values, end to end, and how far their sum spreads."""

    label: str
    values: list[float]
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class BarChart:
    """`parts` are the names of each bar's values."""

    caption: str
    unit: str
    parts: list[str]
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Line:
    """A value for each step; None where there is none."""

    label: str
    values: list[float | None]


@dataclass(frozen=True, slots=True)
class LineChart:
    """Over steps that are as far apart as they are drawn."""

    caption: str
    unit: str
    steps: list[str]
    lines: list[Line]
    is_logarithmic: bool = False


def describe_machine() -> dict[str, str]:
    """What a number depends on besides the programs."""
    cpu = next(
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.lower().startswith(("model name", "hardware", "cpu part", "uarch"))
    )
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores, {cpu}, {memory_kib >> 20} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "aquatic": f"{aquatic.__version__}, {_commit()}",
    }


def _commit() -> str:
    """Of the checkout that this package is run from, if it is one."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return f"commit {described.stdout.strip()}" if described.returncode == 0 else "commit unknown"


@dataclass(slots=True)
class Result:
    """One run's; it grows while it is measured."""

    name: str
    title: str
    command: str = ""
    machine: dict[str, str] = field(default_factory=describe_machine)
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    bar_charts: list[BarChart] = field(default_factory=list)
    line_charts: list[LineChart] = field(default_factory=list)
    # By tracker: what it says of itself, and what it was started with.
    versions: dict[str, str] = field(default_factory=dict)
    configurations: dict[str, dict[str, str]] = field(default_factory=dict)
    # By name: dataclasses or plain values.
    data: dict[str, Any] = field(default_factory=dict)
    # A tracker failed or answered wrongly.
    failed: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return not any(table.rows for table in self.tables)

    def table(self, caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Add one."""
        self.tables.append(Table(caption, list(head), [list(row) for row in rows]))

    def to_json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), indent=1, default=_plain) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` made. ValueError when it is something else."""
        try:
            values = json.loads(text)
            values["tables"] = [Table(**table) for table in values["tables"]]
            values["bar_charts"] = [
                BarChart(**chart | {"bars": [Bar(**bar) for bar in chart["bars"]]})
                for chart in values["bar_charts"]
            ]
            values["line_charts"] = [
                LineChart(**chart | {"lines": [Line(**line) for line in chart["lines"]]})
                for chart in values["line_charts"]
            ]
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a result of aquatic bench: {error}") from error


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(type(value).__name__)
