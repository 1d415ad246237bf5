"""Two builds of ours under the same load: whether one is slower, or it is noise.

Both are measured in each round, the second build first in every other one, so each round gives a ratio of two
neighbours. Were the builds alike, a round's ratio could as well be its inverse; so of all ways to turn the rounds'
ratios round, the share whose mean is at least as far from 1 as what was found is the probability of the difference
being noise (an exact sign-flip test). It is called real below 5 %, and if it is large enough to matter.
"""

import math
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from aquatic.bench.measure import Measurement
from aquatic.bench.result import Bar, BarChart, Result, Spread
from aquatic.bench.runs import Conditions
from aquatic.bench.throughput import ThroughputRun, quiet
from aquatic.bench.trackers import TRACKERS

NOISE_PROBABILITY_MAX = 0.05
# Smaller ones may be real, and are nobody's concern.
DIFFERENCE_MIN = 0.01
# With fewer the test can't call anything real; with more, all ways are too many to try.
ROUNDS_MIN, ROUNDS_MAX = 6, 16
DEFAULT_ROUNDS = 8
# Of sums of logarithms.
ROUNDING = 1e-12

HEAD = ("", "old", "new", "new / old", "probability of noise", "verdict")
FIGURES = (
    ("responses/s, k", "responses_per_second", -1),
    ("CPU, us", "cpu_us", 1),
    ("user CPU, us", "cpu_user_us", 1),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two builds."""

    ratio: float
    noise_probability: float

    @property
    def is_real(self) -> bool:
        """Beyond noise, and large enough to matter."""
        return self.noise_probability < NOISE_PROBABILITY_MAX and abs(self.ratio - 1) >= DIFFERENCE_MIN

    def verdict(self, worse_sign: int) -> str:
        """In a word or two; `worse_sign` is 1 where more is worse."""
        if not self.is_real:
            return "no difference beyond noise"
        return "worse" if (self.ratio > 1) == (worse_sign > 0) else "better"


def difference(old: Sequence[float], new: Sequence[float]) -> Difference:
    """Of paired values above 0, as many as rounds. ValueError when those are too few or too many."""
    if not ROUNDS_MIN <= len(old) <= ROUNDS_MAX or len(old) != len(new):
        raise ValueError(f"{ROUNDS_MIN} to {ROUNDS_MAX} rounds, of both")
    logarithms = [math.log(after / before) for before, after in zip(old, new, strict=True)]
    found = abs(sum(logarithms))
    sums = [abs(sum(map(_times, signs, logarithms))) for signs in product((1, -1), repeat=len(logarithms))]
    # What differs by rounding only is as far.
    as_far = sum(each >= found - ROUNDING for each in sums)
    return Difference(math.exp(sum(logarithms) / len(logarithms)), as_far / len(sums))


def _times(sign: int, value: float) -> float:
    return sign * value


def compare_builds(run: ThroughputRun, old: str, new: str, conditions: Conditions) -> Result:
    """`old` and `new`: shell-like command lines of `aquatic`. ValueError for what cannot be compared."""
    rounds = conditions.rounds or DEFAULT_ROUNDS
    if not ROUNDS_MIN <= rounds <= ROUNDS_MAX:
        raise ValueError(f"{ROUNDS_MIN} to {ROUNDS_MAX} rounds")
    builds = []
    for name, command in (("old", old), ("new", new)):
        words = shlex.split(command)
        if not words or shutil.which(words[0]) is None:
            raise ValueError(f"{command!r} is not a command")
        builds.append(replace(TRACKERS["ours"], named=tuple(words), name=name))
    result = Result(f"regression-{run.name}", f"Two builds: {run.title}", conditions.command)
    for load in run.workloads:
        measured = run.measure_rounds(builds, load, rounds, conditions, result)
        result.data[load.name] = measured
        # A round counts when both builds were measured in it.
        if min(len(measured["old"]), len(measured["new"])) != rounds:
            continue
        result.table(load.caption, HEAD, table_rows(measured["old"], measured["new"]))
        result.bar_charts.append(_chart(load.caption, measured["old"], measured["new"]))
    result.notes += (__doc__ or "").split("\n\n")[1].replace("\n", " ").strip().splitlines()
    return result


def table_rows(old: Sequence[Measurement], new: Sequence[Measurement]) -> list[list[str]]:
    """One for each figure."""
    rows = []
    for caption, figure, worse_sign in FIGURES:
        before, after = ([getattr(each, figure) for each in build] for build in (old, new))
        unit, digits = (1000, 1) if figure == "responses_per_second" else (1, 2)
        told = ["-", "-", "too little to tell"]
        # The kernel counts CPU by ticks, of which there may have been none.
        if min(*before, *after) > 0:
            found = difference(before, after)
            told = [f"{found.ratio:.3f}", f"{found.noise_probability:.3f}", found.verdict(worse_sign)]
        rows.append(
            [caption, Spread.of(before).show(digits, unit), Spread.of(after).show(digits, unit), *told]
        )
    doubts = [doubt for each in (*old, *new) for doubt in each.doubts]
    if doubts:
        rows.append(
            [
                "doubts",
                *[", ".join(f"{doubt} {doubts.count(doubt)}x" for doubt in dict.fromkeys(doubts))],
                "",
                "",
                "",
                "",
            ]
        )
    return rows


def _chart(caption: str, old: Sequence[Measurement], new: Sequence[Measurement]) -> BarChart:
    bars = []
    for name, build in (("old", old), ("new", new)):
        cost = Spread.of(each.cpu_us for each in quiet(list(build)))
        user = Spread.of(each.cpu_user_us for each in quiet(list(build))).median
        bars.append(Bar(name, [user, cost.median - user], cost.lowest, cost.highest))
    return BarChart(f"CPU: {caption}", "microseconds a response", ["user", "system"], bars)
