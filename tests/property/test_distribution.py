"""Percentiles of buckets against the sorted values themselves."""

import math

from hypothesis import given
from hypothesis import strategies as st

from aquatic.control.statistics.distribution import Distribution
from tests.support.fake_tracker import bucket_bound

values_lists = st.lists(st.integers(0, 5_000), max_size=60)


def bucket(value: int) -> int:
    return next(index for index in range(500) if value <= bucket_bound(index))


def in_buckets(values: list[int]) -> Distribution:
    indexes = [bucket(value) for value in values]
    return Distribution([indexes.count(index) for index in range(max(indexes, default=-1) + 1)], bucket_bound)


@given(values_lists, st.sampled_from([10.0, 50.0, 90.0, 99.0, 99.9, 100.0]))
def test_percentiles(values: list[int], percent: float) -> None:
    distribution = in_buckets(values)
    if not values:
        assert distribution.percentile(percent) is None
        assert distribution.minimum() is None
        assert distribution.maximum() is None
        return
    exact = sorted(values)[max(1, math.ceil(round(len(values) * percent / 100, 9))) - 1]
    assert distribution.percentile(percent) == bucket_bound(bucket(exact))
    assert distribution.minimum() == bucket_bound(bucket(min(values)))
    assert distribution.maximum() == bucket_bound(bucket(max(values)))


@given(values_lists, values_lists)
def test_differences_and_sums_of_states(before: list[int], after: list[int]) -> None:
    earlier, later = in_buckets(before), in_buckets(before + after)
    came = later.since(earlier)
    assert came.count == len(after)
    assert came.percentile(50) == in_buckets(after).percentile(50)
    assert (earlier + came).count == later.count
    assert (earlier + came).maximum() == later.maximum()


@given(values_lists, st.integers(0, 5_000))
def test_cumulative_counts_never_claim_too_much(values: list[int], limit: int) -> None:
    counted = in_buckets(values).count_up_to(limit)
    assert counted <= sum(value <= limit for value in values)
    assert counted >= sum(value < limit * 15 // 16 for value in values)


@given(values_lists)
def test_the_sum_is_within_the_width_of_the_buckets(values: list[int]) -> None:
    assert abs(in_buckets(values).sum() - sum(values)) <= sum(values) / 32 + 1e-6
