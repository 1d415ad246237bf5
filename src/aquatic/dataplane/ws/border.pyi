"""The border between the control plane and WebTorrent's swarms: everything Python may ask of them."""

class WsSwarm:
    """The swarms of all stream workers."""

    def __init__(
        self,
        *,
        memory_bytes_max: int,
        offer_age_seconds_max: int,
        peer_age_seconds_max: int,
        peer_clients: bool = False,
    ) -> None:
        """`memory_bytes_max` bounds torrents, peers and offers; 0 = the arena's size. MemoryError if its address space
        can't be had.
        """
    def swarm_counts(self) -> dict[str, int]:
        """Now: torrents, torrents_ipv4, torrents_ipv6 (with at least one peer behind such a connection), peers_ipv4,
        peers_ipv6, seeders_ipv4, seeders_ipv6, memory_bytes, refused_peers (since start: for want of memory).
        """
    def peer_prefixes(self) -> list[tuple[bytes, int]]:
        """The first eight bytes of peer ids with the number of peers in the swarms; b"" collects what did not
        fit the table. Empty unless `peer_clients`.
        """
