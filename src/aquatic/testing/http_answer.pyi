"""What load tests make of a tracker's answers over HTTP, which may be any tracker's: bytes in, findings out."""

from typing import Final, Literal

from aquatic.loadtest.population import Population

# What requests were about.
POPULATION: Final[Population]
PEERS_WANTED: Final[int]
FIRST_SOURCES: Final[tuple[bytes, bytes]]  # IPv4, IPv6

def read(
    data: bytes, ended: bool
) -> tuple[Literal["partial", "complete", "wrong"], tuple[int, bytes, int, bool] | None]:
    """The response at the start; where it is complete its status, body, its bytes, and whether it ends the connection.
    `ended`: the tracker has done so.
    """

def judge(
    body: bytes,
    subject: int,
    is_scrape: bool = False,
    family: Literal[4, 6] = 4,
    foreign_peers: bool = False,
) -> tuple[str, int]:
    """What is found in a body that answers this peer's announce, or this scrape, and how many peers it has."""

def run(data: bytes) -> str | None:
    """Try an input of the fuzzer's. Returns what was wrong, or None."""
