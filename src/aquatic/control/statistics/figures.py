"""How figures are written for people: thousands with commas, durations in a unit that fits."""

from __future__ import annotations


def integer(value: float) -> str:
    """Round a number down: `1,234`."""
    return f"{int(value):,}"


def megabits(bytes_per_second: float) -> str:
    """Write a rate of bytes in megabits a second, without the unit: `12.34`."""
    return f"{bytes_per_second * 8 / 1_000_000:.2f}"


def duration(nanoseconds: int | None) -> str:
    """Write a duration with three figures: `1.23 ms`; `none` without one."""
    if nanoseconds is None:
        return "none"
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        value = nanoseconds / size
        # 999.9 µs would be rounded to 1e+03.
        if value >= 0.9995:
            return f"{value:.3g} {unit}" if value < 999.5 else f"{integer(value)} {unit}"
    return f"{nanoseconds} ns"


def mebibytes(size: int) -> str:
    """Write a number of bytes in mebibytes: `1.5 MiB`."""
    return f"{size / (1 << 20):,.1f} MiB"
