"""A line in the log when requests or responses were lost, at most one a minute."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from aquatic.control.border import IP_VERSIONS, UdpBorder

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 60
LOSSES = {
    "dropped_by_kernel": "requests dropped by the kernel (raise the receive buffer or net.core.rmem_max)",
    "dropped_send_buffer_full": "responses dropped because the send buffer was full",
    "dropped_send_error": "responses that could not be sent",
}


class LossLog:
    """Compares the counters of losses once in a while: what is lost is never silent, nor is it noisy."""

    def __init__(self, udp: UdpBorder, workers_count: int) -> None:
        self._udp = udp
        self._workers_count = workers_count
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
            for name, text in LOSSES.items()
            if now[name] > self._last[name]
        ]
        self._last = now
        if lost:
            logger.warning("lost in the last %d seconds: %s", INTERVAL_SECONDS, "; ".join(lost))

    def _count(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for index in range(self._workers_count):
            for family in IP_VERSIONS:
                counters = self._udp.counters(index, family)
                counted.update({name: counters[name] for name in LOSSES})
        return counted
