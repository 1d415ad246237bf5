"""What one generator is told: the compiled side reads these by name."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["greet", "closed", "open", "fill", "drain", "hold"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class WsTerms(Terms):
    """The same of WebTorrent. The sources of the population are the connections of all workers."""

    # Socket addresses as C has them: the tracker's, and without a port those that connections come from, in
    # turn; none: wherever the system likes.
    tracker: bytes
    sources: tuple[bytes, ...]
    tls: bool
    # The request that begins a WebSocket, and what must be answered to its key.
    upgrade: bytes
    accept: bytes
    first_connection: int
    connections: int
    # New ones each second; 0: all at once.
    connections_per_second: float
    # The first so many connections read no more than this, and answer nothing.
    slow_readers: int
    slow_bytes_per_second: int
    # Requests under way at most, for each connection.
    window: int
    # Of each announce.
    offers: int
    answer_probability: float
    # The tracker responds to answers as to announces.
    answers_acknowledged: bool
    # Session descriptions as JSON, of several sizes, and where in them the digits stand that tell them apart.
    offer_sessions: tuple[bytes, ...]
    answer_sessions: tuple[bytes, ...]
    offer_mark: int
    answer_mark: int
    # Longer messages are sent in several frames.
    frame_bytes_max: int
