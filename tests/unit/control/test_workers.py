"""Signs of life."""

import pytest

from aquatic.control import workers
from aquatic.control.workers import HeartbeatWatch
from tests.support.fake_tracker import FakeTracker


class EndedError(Exception):
    pass


@pytest.fixture(autouse=True)
def no_real_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(cause: str) -> None:
        raise EndedError(cause)

    monkeypatch.setattr(workers, "end_process", end)


def test_advancing_workers_are_well() -> None:
    tracker = FakeTracker()
    watch = HeartbeatWatch(tracker, names=("UDP worker 0", "UDP worker 1"), still_checks_max=3)
    for _ in range(10):
        assert watch.check()
        tracker.beats.update([0, 1])


def test_a_worker_that_stands_still_is_named_after_so_many_checks() -> None:
    tracker = FakeTracker()
    watch = HeartbeatWatch(
        tracker, names=("UDP worker 0", "UDP worker 1", "UDP worker 2"), still_checks_max=3
    )
    assert watch.check()
    for _ in range(2):
        tracker.beats.update([0, 1])
        assert not watch.check(), "the service manager must not be told that all is well"
    tracker.beats.update([0, 1])
    with pytest.raises(EndedError, match="UDP worker 2 hangs"):
        watch.check()


def test_a_worker_that_goes_on_is_forgiven() -> None:
    tracker = FakeTracker()
    watch = HeartbeatWatch(tracker, names=("UDP worker 0",), still_checks_max=3)
    watch.check()
    for _ in range(5):
        assert not watch.check()
        assert not watch.check()
        tracker.beats.update([0])
        assert watch.check()
