"""What a request over HTTP costs without the kernel."""

from typing import Literal

from aquatic.bench.micro.loop import Loop

def heads(requests: list[bytes]) -> Loop:
    """Done: bytes of complete requests."""

def targets(targets: list[bytes]) -> Loop:
    """Done: info hashes."""

def announce_answers(peers: bytes, family: Literal[4, 6], is_compact: bool) -> Loop:
    """With these peers, in compact form here. Done: bytes written, head and content."""

def scrape_answers(info_hashes: list[bytes]) -> Loop:
    """Content alone, of the first ten. Done: bytes written."""

def requests(requests: list[bytes], ips: list[bytes], known: list[bytes], known_ips: list[bytes]) -> Loop:
    """From requests to answers, each from its address; others have been answered before. Done: announces and scrapes
    answered.
    """
