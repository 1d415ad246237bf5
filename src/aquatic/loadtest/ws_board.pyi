"""What the workers of a WebTorrent load test have in common."""

from aquatic.loadtest.population import Population

class Board:
    """Offers made and not yet answered, torrents by info hash, and the peer ids of connections.

    A connection is a source of the population, and its peers are one in each of its torrents.
    """

    def __init__(self, population: Population) -> None:
        """ValueError, MemoryError."""
    def peer_id(self, connection: int) -> bytes:
        """Of the connection of this number, in all torrents. IndexError."""
