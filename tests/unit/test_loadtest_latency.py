import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatic.loadtest.drive import latency_bucket_bound_ns, latency_bucket_of
from aquatic.loadtest.latency import summarise

latencies = st.integers(0, (1 << 63) - 1)


@given(latencies)
def test_a_bucket_holds_what_is_above_the_one_before_up_to_its_bound(latency_ns: int) -> None:
    bucket = latency_bucket_of(latency_ns)
    assert latency_ns <= latency_bucket_bound_ns(bucket)
    assert bucket == 0 or latency_bucket_bound_ns(bucket - 1) < latency_ns


@given(latencies)
def test_a_bound_is_exact_to_a_thirty_second(latency_ns: int) -> None:
    bound = latency_bucket_bound_ns(latency_bucket_of(latency_ns))
    assert bound - latency_ns <= latency_ns / 32


@given(st.lists(st.integers(0, 199), min_size=1, max_size=300))
def test_percentiles_are_those_of_the_sorted_answers(answers: list[int]) -> None:
    buckets = [0] * 200
    for answer in answers:
        buckets[answer] += 1
    latency = summarise(buckets, lambda bucket: bucket * 1000)
    assert latency is not None
    ranked = sorted(answers)
    assert latency.answers == len(answers)
    assert latency.max_us == ranked[-1]
    for per_mille, found in (
        (500, latency.p50_us),
        (900, latency.p90_us),
        (990, latency.p99_us),
        (999, latency.p999_us),
    ):
        assert sum(answer <= found for answer in ranked) * 1000 >= per_mille * len(ranked)
        assert sum(answer < found for answer in ranked) * 1000 < per_mille * len(ranked)


def test_no_answers_have_no_percentiles() -> None:
    assert summarise([0, 0], lambda bucket: bucket) is None


@pytest.mark.parametrize("index", [-1, 1 << 20])
def test_a_bucket_that_is_none_has_no_bound(index: int) -> None:
    with pytest.raises(IndexError):
        latency_bucket_bound_ns(index)
