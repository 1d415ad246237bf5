"""The swarm store for tests: plain values in and out."""

from collections.abc import Sequence
from typing import Literal

Family = Literal[4, 6]
Delta = tuple[bytes, bytes, int, Sequence[str], int, bytes]

class Swarm:
    """A store with a clock that stands still until it is set. `seed` keys the hashes, so that runs can be repeated."""

    def __init__(
        self,
        *,
        torrents_max: int = ...,
        peers_max: int = ...,
        downloads_max: int = ...,
        memory_bytes_max: int = ...,
        peer_age_ticks_max: int = 100,
        tick_seconds: int = 1,
        tags: bool = False,
        sweepers: int = 1,
        cleaning_interval_seconds: int = 10,
        seed: int = 1,
    ) -> None: ...
    def set_time(self, seconds: int) -> int:
        """Let the clock run to a second since start; returns the tick, which waits for cleaning after a long pause."""
    def announce(
        self,
        info_hash: bytes,
        ip: bytes,
        port: int,
        flags: Sequence[str] = (),
        wanted: int = 50,
        prefix: bytes = b"-XX0000-",
    ) -> tuple[int, int, list[tuple[bytes, int]]]:
        """Seeders, leechers and chosen peers. Flags: "seeder", "stopped", "completed", "paused" (a partial seed)."""
    def last_counts(self) -> tuple[int, int]:
        """Of the last announce: partial seeds among the leechers, and completed downloads."""
    def apply(self, records: Sequence[Delta]) -> int:
        """Apply deltas (info hash, ip, port, flags, age in seconds, peer id prefix); returns how many took effect."""
    def scrape(self, info_hash: bytes, family: Family) -> tuple[int, int, int, int]:
        """Seeders, completed downloads, leechers, partial seeds among these."""
    def sweep(self, now_seconds: float) -> bool:
        """What a worker's turn cleans at this time; True if more is due."""
    def cleanings(self) -> int: ...
    def peers_per_torrent(self, family: Family, peers: int) -> int:
        """Torrents with about so many peers, as of the last complete cleaning."""
    def fail_allocation(self, after: int) -> None:
        """Let all allocations fail after so many more; a negative number ends that."""
    def fault(self) -> str | None:
        """What a walk over the whole store finds to be inconsistent."""
    def memory_bytes(self) -> int: ...
    def block_bytes(self) -> dict[int, tuple[int, int]]:
        """Slabs and blocks in use by the size of the blocks."""
    def lock_hold_ns_max(self) -> int: ...
    def counts(self) -> dict[str, int]: ...
    def prefixes(self) -> dict[bytes, int]: ...
    def peers(self, info_hash: bytes, family: Family) -> list[bytes] | None:
        """The stored slots of a torrent's peers (address, port, state), or None if it is not known."""
