"""What announces, scrapes and cleaning do to the swarm store. Torrents of one size take turns, as do their peers."""

from typing import Final, Literal

from aquatic.bench.micro.loop import Loop

PEERS_WANTED: Final[int]

def newcomers(torrents: int, size: int, family: Literal[4, 6] = 4) -> Loop:
    """Announces of peers that were not there. Done: other peers of the torrent, and how many of them were given."""

def announces(torrents: int, size: int, family: Literal[4, 6] = 4) -> Loop:
    """Announces of peers that are there, one of four a seeder. Done: the same."""

def stops(torrents: int, size: int, newcomers: int) -> Loop:
    """As many peers as newcomers stop in each torrent, before it has its size. Done: peers of the torrent then."""

def selections(torrents: int, size: int) -> Loop:
    """The choice of peers alone, among a torrent's leechers. Done: how many were chosen."""

def scrapes(torrents: int, size: int) -> Loop:
    """Done: peers of the torrent."""

def cleanings(torrents: int, size: int, expired: bool) -> Loop:
    """The whole store is cleaned: a call is as many operations as peers. Done: those that are left, or have gone."""

def look_ups(listed: bytes, asked: list[bytes]) -> Loop:
    """Of info hashes, in an access list of 20 bytes each. Done: one each, and another for those that are allowed."""
