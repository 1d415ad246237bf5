"""What is lost is said, in one line."""

import pytest

from aquatic.control.loss_log import LossLog
from tests.support.fake_tracker import FakeTracker


def test_losses_of_all_workers_since_the_last_look(caplog: pytest.LogCaptureFixture) -> None:
    tracker = FakeTracker()
    tracker.counts[0, 4]["dropped_by_kernel"] = 5
    log = LossLog(tracker, workers_count=2)
    log.look()
    assert caplog.messages == []
    tracker.counts[0, 4]["dropped_by_kernel"] += 1_000
    tracker.counts[1, 6]["dropped_by_kernel"] += 234
    tracker.counts[1, 4]["dropped_send_error"] += 2
    log.look()
    (message,) = caplog.messages
    assert "1,234 requests dropped by the kernel (raise the receive buffer or net.core.rmem_max)" in message
    assert "2 responses that could not be sent" in message
    assert "buffer was full" not in message
    log.look()
    assert len(caplog.messages) == 1
