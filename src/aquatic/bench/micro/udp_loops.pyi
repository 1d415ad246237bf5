"""What a datagram costs without the kernel."""

from aquatic.bench.micro.loop import Loop

def decodings(datagrams: list[bytes]) -> Loop:
    """Done: the numbers of the actions, plus one each."""

def connect_answers() -> Loop:
    """Done: bytes written."""

def announce_heads() -> Loop:
    """Without peers, which the swarm writes. Done: bytes written."""

def scrape_answers() -> Loop:
    """Of ten torrents. Done: bytes written."""

def new_ids(ips: list[bytes]) -> Loop:
    """Connection ids. Done: those that are as they were made before."""

def id_checks(ips: list[bytes]) -> Loop:
    """Done: valid connection ids."""

def answers(datagrams: list[bytes], ips: list[bytes], known: list[bytes], known_ips: list[bytes]) -> Loop:
    """From datagrams to answers, in whole batches, each from its address, with a valid connection id; others have been
    answered before. Done: answers.
    """
