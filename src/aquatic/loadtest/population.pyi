"""Made peers in made torrents."""

from collections.abc import Sequence

class Population:
    """Peers, numbered from 0, in torrents: by arithmetic, so that a million cost almost no memory.

    A peer is a source address (peer number % sources), an announced port (no two alike within a torrent
    and address) and a role that stays. Another seed or another size makes other info hashes.
    """

    def __init__(self, torrent_sizes: Sequence[int], sources: int, seeder_share: float, seed: int) -> None:
        """`torrent_sizes`: peers of each torrent, as an `array` of 4-byte unsigned integers; may be 0.

        ValueError when there are fewer peers than sources, 2 ** 31 or more, or a torrent has more than the
        sources have ports (65,535 each). MemoryError.
        """
    @property
    def peers(self) -> int: ...
    @property
    def torrents(self) -> int: ...
    @property
    def sources(self) -> int: ...
    def info_hash(self, torrent: int) -> bytes:
        """Of any torrent, with or without peers. IndexError."""
    def describe(self, peer: int) -> tuple[int, bytes, int, int, bool]:
        """(torrent, info hash, index of the source address, announced port, whether a seeder). IndexError."""
    def contains(self, torrent: int, source: int, port: int) -> bool:
        """Whether a peer of that source address and port is in the torrent. IndexError."""
