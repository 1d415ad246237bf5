"""What one generator is told: the compiled side reads these by name."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["greet", "closed", "open", "fill", "drain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is asked for, and how; of one worker."""

    weight_connect: int = 0
    weight_announce: int
    weight_scrape: int
    peers_wanted: int
    scrape_torrents: int
    event: int
    # After its sending, that a request without an answer is lost.
    timeout_seconds: float
    # After a turn that did less than a batch of work; 0: spin on.
    idle_sleep_us: int
    # The torrents may hold peers that are not of the population: counts and addresses are not checked.
    foreign_peers: bool
    random_seed: int
    # The first source's address in network byte order; the others follow it.
    first_source: bytes
    # Workers that divide the population among them, and which of these this is.
    shares: int
    share_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpTerms(Terms):
    """The same over UDP."""

    # Requests under way at most, for each socket.
    window: int
    # That an answer, in a closed loop, lets a second request go out beside the one that follows it.
    additional_request_probability: float
    # A new connection id is asked for after this long, whatever the weights.
    connection_age_seconds: float
    # Let the kernel cut a batch into datagrams (UDP_SEGMENT), where it sends one by one otherwise.
    segmenting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTerms(Terms):
    """The same over HTTP."""

    # Packed, and the port.
    tracker_address: bytes
    tracker_port: int
    # Whether connections come from the sources' addresses, or from any.
    binds: bool
    connections: int
    # New ones each second while they are opened for the first time; 0: all at once.
    connections_per_second: float
    keep_alive: bool
    tls: bool
    resumption: bool
    url_suffix: str
