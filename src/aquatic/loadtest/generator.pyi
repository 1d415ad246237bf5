"""The compiled part of the UDP load generator: one thread's sockets."""

from collections.abc import Sequence
from socket import socket
from typing import Final

from aquatic.loadtest.population import Population
from aquatic.loadtest.terms import Mode, Terms

COUNTER_NAMES: Final[tuple[str, ...]]

class UdpGenerator:
    """Asks a tracker from several sockets in one thread, and checks and counts the answers.

    `run` is for that thread alone; `stop`, `counters` and `latency_buckets` may be called from any.
    """

    def __init__(self, population: Population, sockets: Sequence[socket], terms: Terms) -> None:
        """`sockets`: non-blocking, connected to the tracker, bound to the population's sources.

        ValueError, MemoryError.
        """
    def run(self, mode: Mode, seconds: float, requests_per_second: float = 0.0) -> bool:
        """Work for so long, or until the aim of the mode is reached, without the GIL; whether it is reached.

        greet: every socket has a connection id. closed: a new request for each answer, no aim.
        open: at a set rate, latency counted from when a request was due, no aim.
        fill: every peer of this share has been acknowledged once. drain: nothing is under way.
        """
    def stop(self) -> None:
        """End this and every later `run` soon."""
    def counters(self) -> dict[str, int]:
        """Since the beginning, by the names in COUNTER_NAMES."""
    def latency_buckets(self) -> list[int]:
        """Answers by latency since the beginning.

        Bucket i counts those above `latency_bucket_bound_ns(i - 1)` and up to that of i.
        """

def latency_bucket_bound_ns(index: int) -> int:
    """The greatest latency that is counted in this bucket: exact below 32, then within a 32nd. IndexError."""

def latency_bucket_of(latency_ns: int) -> int:
    """The bucket that this latency is counted in."""
