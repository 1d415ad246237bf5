"""What is lost is said, in one line."""

import pytest

from aquatic.control.border import DataPlane, WorkerCounts
from aquatic.control.loss_log import LossLog
from tests.support.fake_tracker import FakeStream, FakeTracker, bucket_bound


def test_losses_of_all_workers_since_the_last_look(caplog: pytest.LogCaptureFixture) -> None:
    tracker = FakeTracker()
    tracker.counts[0, 4]["dropped_by_kernel"] = 5
    log = LossLog(DataPlane(tracker, tracker, None, None, bucket_bound), WorkerCounts(udp=2, stream=0))
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


def test_lost_connections_are_said_with_what_to_raise(caplog: pytest.LogCaptureFixture) -> None:
    tracker = FakeTracker()
    stream = FakeStream(tracker)
    log = LossLog(DataPlane(tracker, tracker, stream, None, bucket_bound), WorkerCounts(udp=1, stream=2))
    for counter, raised in (
        ("refused_worker_full", "connections.per_worker_max [limits.max_connections_per_worker]"),
        ("closed_for_newcomer", "connections.per_worker_max [limits.max_connections_per_worker]"),
        ("accept_pauses", "LimitNOFILE or ulimit -n"),
        ("refused_no_memory", "connections.memory_bytes_max [limits.max_connections_memory_bytes]"),
        ("closed_no_memory", "connections.memory_bytes_max"),
        ("messages_dropped_slow", "receivers did not take what they were sent before"),
        ("messages_dropped_no_memory", "connections.memory_bytes_max"),
        ("messages_dropped_inbox_full", "a worker did not keep up"),
    ):
        stream.connections[1, 6][counter] += 3
        log.look()
        assert len(caplog.messages) == 1
        assert caplog.messages[0].startswith("lost in the last 60 seconds: 3 ")
        assert raised in caplog.messages[0]
        caplog.clear()


def test_losses_of_both_protocols_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    tracker = FakeTracker()
    stream = FakeStream(tracker)
    log = LossLog(DataPlane(tracker, tracker, stream, None, bucket_bound), WorkerCounts(udp=1, stream=1))
    tracker.counts[0, 4]["dropped_by_kernel"] += 1
    stream.connections[0, 4]["refused_worker_full"] += 2
    # Of single addresses: what the limits are for.
    stream.connections[0, 4]["refused_address_rate"] += 77
    log.look()
    (message,) = caplog.messages
    assert "1 requests dropped" in message
    assert "; 2 connections refused" in message
    assert "77" not in message
