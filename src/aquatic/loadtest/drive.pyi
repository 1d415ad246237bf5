"""What the compiled generators of all protocols have in common."""

from typing import Final

from aquatic.loadtest.terms import Mode

COMMON_COUNTER_NAMES: Final[tuple[str, ...]]

class LoadGenerator:
    """Asks a tracker over several sockets in one thread, and checks and counts the answers.

    `run` is for that thread alone; everything else may be called from any.
    """

    def run(
        self, mode: Mode, seconds: float, requests_per_second: float = 0.0, requests_max: int = 0
    ) -> bool:
        """Work for so long, or until the aim of the mode is reached, without the GIL; whether it is reached.

        greet: every socket has a connection id, or every connection is open. closed: a new request for each
        answer. open: at a set rate, latency counted from when a request was due. The aim of both is
        `requests_max`, none if that is 0.
        fill: every peer of this share has been acknowledged once. drain: nothing is under way.
        hold: connections stay open, no aim.
        """
    def stop(self) -> None:
        """End this and every later `run` soon, but for those that drain."""
    def stop_all(self) -> None:
        """Those too."""
    def counters(self) -> dict[str, int]:
        """Since the beginning, by name: the common ones, then the protocol's own."""
    def latency_buckets(self) -> list[int]:
        """Answers by latency since the beginning.

        Bucket i counts those above `latency_bucket_bound_ns(i - 1)` and up to that of i.
        """
    def relay_buckets(self) -> dict[str, list[int]]:
        """The same of messages from one connection to another, by what they are; of protocols that have them."""

def latency_bucket_bound_ns(index: int) -> int:
    """The greatest latency that is counted in this bucket: exact below 32, then within a 32nd. IndexError."""

def latency_bucket_of(latency_ns: int) -> int:
    """The bucket that this latency is counted in."""
