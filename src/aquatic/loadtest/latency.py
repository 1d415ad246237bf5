"""Percentiles of latencies counted in buckets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latency:
    """Of the answers of a stretch of time, in microseconds; each is the upper bound of its bucket."""

    answers: int
    p50_us: float
    p90_us: float
    p99_us: float
    p999_us: float
    max_us: float


def summarise(buckets: Sequence[int], bound_ns: Callable[[int], int]) -> Latency | None:
    """`buckets`: answers for each bucket, whose greatest latency `bound_ns` tells. None without answers."""
    answers = sum(buckets)
    if not answers:
        return None

    def percentile_us(per_mille: int) -> float:
        return bound_ns(_bucket_of_rank(buckets, -(-answers * per_mille // 1000))) / 1000

    return Latency(
        answers,
        percentile_us(500),
        percentile_us(900),
        percentile_us(990),
        percentile_us(999),
        percentile_us(1000),
    )


def _bucket_of_rank(buckets: Sequence[int], rank: int) -> int:
    """Where the answer of that rank, counted from 1, is."""
    seen = 0
    for index, answers in enumerate(buckets):
        seen += answers
        if seen >= rank:
            return index
    raise ValueError(rank)
