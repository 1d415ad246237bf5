"""The border between the control plane and the swarm store: everything Python may ask of it."""

from typing import Final, Literal

DOWNLOAD_RECORD_BYTES: Final = 30

class SwarmSettings:
    """What the store is told once, at start. All counts and bytes are bounds; 0 bytes of memory = the arena's size.

    `workers` of all kinds together: each cleans its share of the store.
    """

    def __init__(
        self,
        *,
        workers: int,
        peer_age_seconds_max: int,
        cleaning_interval_seconds: int,
        torrents_max: int,
        peers_max: int,
        memory_bytes_max: int,
        measures_locks: bool = False,
        peers_per_torrent: bool = False,
        peer_clients: bool = False,
    ) -> None: ...

class Swarm:
    """The swarm store, and what workers of all kinds have in common. Workers are numbered through all kinds."""

    def __init__(self, settings: SwarmSettings) -> None:
        """MemoryError if its address space can't be had."""
    def stop(self) -> None:
        """Ask every worker to answer what it has received and return."""
    def heartbeat(self, index: int) -> int:
        """Turns of the worker's loop so far. A worker turns at least every poll_timeout_ms; it is hung when
        this stands still.
        """
    def swarm_counts(self) -> dict[str, int]:
        """Now: torrents, torrents_ipv4, torrents_ipv6 (with at least one such peer), peers_ipv4, peers_ipv6,
        seeders_ipv4, seeders_ipv6, memory_bytes, evicted_torrents, refused_torrents, refused_peers (since
        start), lock_hold_ns_max (since start: by maintenance, and by requests where latency is measured),
        lock_wait_ns_max (of requests since start; 0 unless latency is measured).
        """
    def peers_per_torrent_buckets(self, family: Literal[4, 6]) -> list[int]:
        """Torrents by their number of peers of that family, as of the last complete cleaning of every shard;
        same bucket scale as latency (`latency_bucket_bound_ns`), torrents without such peers left out. Empty
        before the first cleaning.
        """
    def peer_prefixes(self) -> list[tuple[bytes, int]]:
        """The first eight bytes of peer ids with the number of peers in the swarms; b"" collects what did not
        fit the table.
        """
    def set_access_list(self, mode: Literal["off", "allow", "deny"], info_hashes: bytes) -> None:
        """Swap the list (20 bytes a hash, in a row). Torrents no longer allowed go at the next cleaning.
        MemoryError.
        """
    def export_torrents(self, cursor: int) -> tuple[int, bytes]:
        """A piece of the scrape export: (next cursor, lines "4|6 hexhash seeders leechers\\n"); start with 0,
        -1 ends. Bounded work; requests go on meanwhile. Without the GIL while it collects.
        """
    def export_downloads(self, cursor: int) -> tuple[int, bytes]:
        """A piece of the download counts: (next cursor, records of `DOWNLOAD_RECORD_BYTES`: info hash, downloads
        over IPv4 and over IPv6 (4 bytes each, little endian), day of the last one (2 bytes)).
        """
    def import_downloads(self, records: bytes) -> int:
        """Add records as `export_downloads` gives them; returns how many fitted the bound."""
    def cleanings(self) -> int:
        """Complete cleanings of the whole store since start (scrape exports count these)."""

def latency_bucket_bound_ns(index: int) -> int:
    """The greatest value that falls into this bucket of the log-linear scale (exact below 16, within 1/16
    above).
    """
