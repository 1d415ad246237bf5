"""A line in the log when requests, responses or connections were lost, at most one a minute."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable

from aquatic.control.border import IP_VERSIONS, DataPlane, IpVersion, WorkerCounts

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 60
# Settings are called as in the native file; those of `aquatic http` are in brackets.
UDP_LOSSES = {
    "dropped_by_kernel": "requests dropped by the kernel (raise the receive buffer or net.core.rmem_max)",
    "dropped_send_buffer_full": "responses dropped because the send buffer was full",
    "dropped_send_error": "responses that could not be sent",
}
STREAM_LOSSES = {
    "refused_worker_full": "connections refused because a worker had all that it may have (raise"
    " connections.per_worker_max [limits.max_connections_per_worker] or the number of workers)",
    "closed_for_newcomer": "idle connections closed for new ones because a worker had all that it may have (raise"
    " connections.per_worker_max [limits.max_connections_per_worker] or the number of workers)",
    "accept_pauses": "pauses of accepting connections for want of file descriptors or of the kernel's memory (raise"
    " LimitNOFILE or ulimit -n)",
    "refused_no_memory": "connections refused for want of memory (raise connections.memory_bytes_max"
    " [limits.max_connections_memory_bytes])",
    "closed_no_memory": "connections closed for want of memory (raise connections.memory_bytes_max"
    " [limits.max_connections_memory_bytes])",
    "messages_dropped_slow": "WebTorrent messages dropped because their receivers did not take what they were sent"
    " before",
    "messages_dropped_no_memory": "WebTorrent messages dropped for want of memory (raise connections.memory_bytes_max"
    " [limits.max_connections_memory_bytes])",
    "messages_dropped_inbox_full": "WebTorrent messages dropped because a worker did not keep up with what others had"
    " for it (give it a core of its own, or raise the number of workers)",
}

CountersOfWorker = Callable[[int, IpVersion], dict[str, int]]


class LossLog:
    """Compares the counters of losses once in a while: what is lost is never silent, nor is it noisy."""

    def __init__(self, data_plane: DataPlane, counts: WorkerCounts) -> None:
        self._data_plane = data_plane
        self._counts = counts
        self._last = self._count()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            self.look()

    def look(self) -> None:
        """Log what was lost since the last look."""
        now = self._count()
        lost = [
            f"{now[name] - self._last[name]:,} {text}"
            for name, text in (UDP_LOSSES | STREAM_LOSSES).items()
            if now[name] > self._last[name]
        ]
        self._last = now
        if lost:
            logger.warning("lost in the last %d seconds: %s", INTERVAL_SECONDS, "; ".join(lost))

    def _count(self) -> Counter[str]:
        udp, stream, counted = self._data_plane.udp, self._data_plane.stream, Counter[str]()
        if udp is not None:
            counted += _sum(udp.counters, self._counts.udp, UDP_LOSSES)
        if stream is not None:
            counted += _sum(stream.connection_counters, self._counts.stream, STREAM_LOSSES)
        return counted


def _sum(of_worker: CountersOfWorker, workers_count: int, names: Iterable[str]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for index in range(workers_count):
        for family in IP_VERSIONS:
            counters = of_worker(index, family)
            counted.update({name: counters[name] for name in names})
    return counted
