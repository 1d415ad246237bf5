"""Nanoseconds per operation: every loop in every round, each time made anew."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from aquatic.bench.micro.cases import Case
from aquatic.bench.micro.loop import Loop

AREAS = {
    "loop": "The loop itself, which is in all others",
    "udp": "UDP",
    "http": "HTTP",
    "ws": "WebTorrent",
    "swarm": "Swarms of peers that are dialled by address",
    "relay": "Messages from one connection to another",
    "connection": "Connections",
}


class WrongError(Exception):
    """An operation has not done what it is measured for."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one operation of a case: nanoseconds in each round, and instructions, None if they were not counted."""

    ns: list[float]
    instructions: float | None = None


def prepared(case: Case) -> Loop:
    """A loop that has warmed up. WrongError."""
    loop = case.make()
    check(case, 0, case.warm_up, loop.run(case.warm_up)[1])
    return loop


def check(case: Case, before: int, after: int, done: int) -> None:
    """Hold what was done from one call to another against what should have been. WrongError."""
    expected = case.done(after) - case.done(before)
    if done != expected:
        raise WrongError(f"{case.name}: calls {before} to {after} amount to {done}, not {expected}")


def operation_ns(case: Case) -> float:
    """Measure a case once. WrongError."""
    loop = prepared(case)
    ns, done = loop.run(case.calls)
    check(case, case.warm_up, case.warm_up + case.calls, done)
    return ns / (case.calls * loop.operations)


def rounds_ns(
    chosen: Iterable[Case], rounds: int, progress: Callable[[str], None]
) -> Mapping[str, list[float]]:
    """All of them in each round, so that what disturbs for a while does not disturb one alone. WrongError."""
    cases = list(chosen)
    found: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(1, rounds + 1):
        progress(f"round {number} of {rounds}")
        for case in cases:
            found[case.name].append(operation_ns(case))
    return found
