"""Counts in buckets of growing width, and what can be said of the values that fell into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

BucketBound = Callable[[int], int]
"""The greatest value that falls into a bucket, by its index."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """So many values in each bucket. A value is told as its bucket's bound: never too small."""

    buckets: Sequence[int]
    bound: BucketBound

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self.buckets)

    def percentile(self, percent: float) -> int | None:
        """The smallest bound that so many percent of the values do not exceed; None without values."""
        count = self.count
        if count == 0:
            return None
        # In whole thousandths of a percent: floating point would be off by one value now and then.
        wanted = max(1, -(-count * round(percent * 1000) // 100_000))
        seen = 0
        for index, in_bucket in enumerate(self.buckets):
            seen += in_bucket
            if seen >= wanted:
                return self.bound(index)
        raise AssertionError("the buckets hold fewer values than they do")

    def minimum(self) -> int | None:
        """The bound of the first bucket that holds a value."""
        return next((self.bound(index) for index, count in enumerate(self.buckets) if count), None)

    def maximum(self) -> int | None:
        """The bound of the last bucket that holds a value."""
        return self.percentile(100)

    def count_up_to(self, value: int) -> int:
        """How many values are surely not above `value`: those of buckets that end there or before."""
        return sum(count for index, count in enumerate(self.buckets) if count and self.bound(index) <= value)

    def sum(self) -> float:
        """The sum of the values, taking each as the middle of its bucket."""
        total = 0.0
        for index, count in enumerate(self.buckets):
            if count:
                below = self.bound(index - 1) if index > 0 else -1
                total += count * (below + 1 + self.bound(index)) / 2
        return total

    def since(self, earlier: Distribution) -> Distribution:
        """The values that came after `earlier`, a former state of this distribution."""
        pairs = zip_longest(self.buckets, earlier.buckets, fillvalue=0)
        return Distribution([now - before for now, before in pairs], self.bound)

    def __add__(self, other: Distribution) -> Distribution:
        pairs = zip_longest(self.buckets, other.buckets, fillvalue=0)
        return Distribution([one + another for one, another in pairs], self.bound)
