"""The WebRTC swarm for tests: plain values in and out."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

class Connection(NamedTuple):
    """A connection of a worker, and the address at its other end: four or sixteen bytes."""

    worker: int
    name: int
    ip: bytes

class Announced(NamedTuple):
    """What comes of an announce: `outcome` is "stored", "not stored" or "id taken"; the receivers of offers, from the
    first on, as (worker, name of the connection).
    """

    outcome: str
    seeders: int
    leechers: int
    counts_download: bool
    over_limit: int
    receivers: list[tuple[int, int]]

class WsSwarmWindow:
    """A swarm with a clock that stands still until it is set. `seed` keys the hashes, so that runs can be repeated."""

    second: int

    def __init__(
        self,
        *,
        memory_bytes_max: int = 1 << 28,
        peer_age_seconds_max: int = 180,
        offer_age_seconds_max: int = 120,
        tags: bool = False,
        seed: int = 1,
    ) -> None: ...
    def announce(
        self,
        connection: Connection,
        info_hash: bytes,
        peer_id: bytes,
        role: Literal["seeder", "leecher", "unsaid"] = "leecher",
        offer_ids: Sequence[bytes] = (),
        completed: bool = False,
    ) -> Announced: ...
    def take_answer(
        self, connection: Connection, info_hash: bytes, to_peer_id: bytes, offer_id: bytes
    ) -> tuple[int, int] | None:
        """Where the answer goes, as (worker, name of the connection); None where nobody waits for it."""
    def leave(self, connection: Connection, info_hash: bytes, peer_id: bytes) -> None: ...
    def look_after(self, connection: Connection, info_hash: bytes, peer_id: bytes) -> bool: ...
    def scrape(self, info_hash: bytes) -> tuple[int, int]:
        """Seeders and leechers."""
    def counts(self) -> dict[str, int]: ...
    def prefixes(self) -> dict[bytes, int]: ...
    def peers(self, info_hash: bytes) -> dict[bytes, tuple[str, tuple[int, int], int, int]] | None:
        """By peer id: role, (worker, name of the connection), second, offers waiting. None if it is not known."""
    def fail_allocation(self, after: int) -> None:
        """Let all allocations fail after so many more; a negative number ends that."""
    def allocations_left(self) -> int: ...
    def memory_bytes(self) -> int: ...
    def held_bytes(self) -> int:
        """With empty slabs that the system has not been given back."""
