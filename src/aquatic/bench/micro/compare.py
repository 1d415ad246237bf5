"""Two results of microbenchmarks, mostly of two commits: what has become faster, and what does more.

Instructions are exact: any difference is the code's, or its compiler's. Times are of different moments, so a difference
counts only where every round of the one was faster than every round of the other, and it is large enough to matter.
"""

from collections.abc import Iterable, Mapping, Sequence

from aquatic.bench.micro.cases import cases
from aquatic.bench.micro.measure import Figures
from aquatic.bench.result import Result, Spread

TIME_DIFFERENCE_MIN = 0.03
INSTRUCTIONS_DIFFERENCE_MIN = 0.001
HEAD = ("", "ns before", "ns", "ratio", "", "instructions before", "instructions", "ratio", "")
SAME = "same"
# On what figures depend, besides the commit.
CONDITIONS = ("machine", "kernel")


def figures_of(result: Result) -> dict[str, Figures]:
    """By name. ValueError when it is another run's result."""
    try:
        return {name: Figures(**values) for name, values in result.data["figures"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{result.name} is no result of `aquatic bench micro`") from error


def compare(old: Result, new: Result, now: Mapping[str, Figures]) -> None:
    """Put into the new result, of these figures, how it differs. ValueError when the old one is another run's."""
    before = figures_of(old)
    shared = [name for name in now if name in before]
    rows = (comparison_row(name, before[name], now[name]) for name in shared)
    new.table(f"Against {old.machine.get('aquatic', 'what is not known')}", HEAD, rows)
    new.notes += differing_conditions(old, new)
    gone = before.keys() - cases().keys() - now.keys()
    for text, names in (("only here", now.keys() - before.keys()), ("gone", gone)):
        if names:
            new.notes.append(f"{text}: {', '.join(sorted(names))}")


def differing_conditions(old: Result, new: Result) -> Iterable[str]:
    """What else than the code may have made a difference."""
    pairs = [(name, old.machine.get(name), new.machine.get(name)) for name in CONDITIONS]
    pairs += [(name, old.versions.get(name), version) for name, version in new.versions.items()]
    return [f"{name} before: {was}" for name, was, is_now in pairs if was != is_now]


def comparison_row(name: str, old: Figures, new: Figures) -> Sequence[str]:
    """Cells in the order of HEAD."""
    before, now = Spread.of(old.ns), Spread.of(new.ns)
    times = [f"{before.median:.1f}", f"{now.median:.1f}", f"{now.median / before.median:.2f}"]
    return [name, *times, time_verdict(before, now), *_instructions(old.instructions, new.instructions)]


def time_verdict(before: Spread, now: Spread) -> str:
    """In a word."""
    ratio = now.median / before.median
    if now.lowest > before.highest and ratio >= 1 + TIME_DIFFERENCE_MIN:
        return "slower"
    if now.highest < before.lowest and ratio <= 1 - TIME_DIFFERENCE_MIN:
        return "faster"
    return SAME


def _instructions(before: float | None, now: float | None) -> Sequence[str]:
    if before is None or now is None:
        return [_shown(before), _shown(now), "", ""]
    ratio = now / before
    verdict = SAME if abs(ratio - 1) < INSTRUCTIONS_DIFFERENCE_MIN else "more" if ratio > 1 else "fewer"
    return [_shown(before), _shown(now), f"{ratio:.3f}", verdict]


def _shown(instructions: float | None) -> str:
    return "" if instructions is None else f"{instructions:,.0f}"


def table_rows(texts: Mapping[str, str], figures: Mapping[str, Figures]) -> Iterable[Sequence[str]]:
    """Name, what one operation is, nanoseconds and instructions of one."""
    for name, text in texts.items():
        found = figures[name]
        yield [name, text, Spread.of(found.ns).show(1), _shown(found.instructions)]
