"""Conversations over HTTP through the connection server, held against what the handler by itself answers.

The fuzzer's bytes are read as a list of steps: requests whole, in pieces, in rows and damaged, PROXY headers, from
trusted proxies and others, on connections that end, are reset, take little or wait. Each connection gets what the bare
handler says to the bytes that it sent, in that order: all of it, unless it was reset or may have been given up for its
slowness, and then the beginning of it. It ends when the handler says so or its peer has ended, and nothing is left.

Announces are of a torrent that the connection has for itself, so that it does not matter which connection is served
first. That the handler answers well is what `http_sequence` and the tests look at.
"""

from aquatic.control.answer_sizes import http_torrents_fitting
from aquatic.dataplane.stream.border import ListenerSettings, StreamSettings, StreamWorkers
from aquatic.dataplane.swarm.border import Swarm, SwarmSettings
from aquatic.testing.http import HttpService, HttpSimulation
from aquatic.testing.stream import decode_proxy_header
from aquatic.testing.swarm import Swarm as OwnSwarm
from fuzz.steps import take_all

PEERS = 6
HEADER = b"X-Forwarded-For"
REQUEST_BYTES_MAX = 700
OUTPUT_BYTES_MAX = 2048
# No limit on time is shorter: who is younger cannot have been given up.
PATIENCE_SECONDS = 2
TRUSTED = bytes([10, 0, 0, 1])
SOURCES = [TRUSTED, bytes([192, 0, 2, 1]), bytes.fromhex("20010db8") + bytes(12)]
STRANGER = bytes([198, 51, 100, 1])
ANNOUNCE = b"/announce?info_hash=%b&peer_id=-XX0000-abcdefghijkl&port=1&left=1"
TARGETS = [
    ANNOUNCE,
    ANNOUNCE + b"&left=0&event=completed",
    ANNOUNCE + b"&event=stopped",
    ANNOUNCE + b"&compact=0&trackerid=" + b"t" * 40,
    b"/announce?info_hash=%b&port=0",
    b"/scrape?info_hash=%b",
    b"/scrape?info_hash=%b&info_hash="
    + b"&info_hash=".join(bytes([97 + letter]) * 20 for letter in range(9)),
    b"/scrape?none=%b",
    b"/?%b",
    b"/health?%b",
    b"/nothing?%b",
    b"/" + b"a" * (REQUEST_BYTES_MAX - 100) + b"%b",
]
VERSIONS = [b"1.1", b"1.1", b"1.0", b"2.0"]
LINES = [
    b"\r\n",
    b"\r\n",
    b"Connection: close\r\n\r\n",
    b"Connection: keep-alive\r\n\r\n",
    b"X-Forwarded-For: 192.0.2.9\r\n\r\n",
    b"X-Forwarded-For: 198.51.100.1, 2001:db8::9\r\n\r\n",
    b"X-Forwarded-For: unknown\r\n\r\n",
    b"Content-Length: 16\r\n\r\nGET / HTTP/1.1\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Host: " + b"h" * 400 + b"\r\n\r\n",
]
PROXY_HEADERS = [
    b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
    b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n",
    b"PROXY UNKNOWN\r\n",
    b"PROXY TCP4 192.0.2.7\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 192, 0, 2, 1, 0, 1, 0, 2]),
    b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
]
SCRAPE_TORRENTS_MAX = http_torrents_fitting(OUTPUT_BYTES_MAX)
ANNOUNCE_INTERVAL_SECONDS = 1800
PROXIES = ((bytes([10, 0, 0, 0]), 8),)
# One behind proxies that name clients in a header, one behind such that begin with it, one that closes.
LISTENERS = (
    ListenerSettings(trusted_networks=PROXIES, address_header=HEADER, answers_health=True),
    ListenerSettings(trusted_networks=PROXIES, has_proxy_protocol=True),
    ListenerSettings(keeps_alive=False),
)
SWARM = SwarmSettings(
    workers=1,
    peer_age_seconds_max=86_400,
    cleaning_interval_seconds=60,
    torrents_max=1000,
    peers_max=1000,
    memory_bytes_max=1 << 24,
)
SETTINGS = StreamSettings(
    workers=1,
    listeners=LISTENERS,
    poll_timeout_ms=0,
    connections_max=2 * PEERS,
    connections_per_address_max=0,
    connections_per_address_second_max=0,
    handshake_seconds_max=10,
    header_seconds_max=10,
    idle_seconds_max=20,
    request_bytes_max=REQUEST_BYTES_MAX,
    output_bytes_max=OUTPUT_BYTES_MAX,
    memory_bytes_max=1 << 20,
    announce_interval_seconds_min=0,
    announce_jitter_seconds_max=0,
    large_swarm_peers=0,
    large_swarm_interval_seconds=0,
    not_allowed_retry_minutes=0,
    response_peers_max=0,
    scrape_torrents_max=SCRAPE_TORRENTS_MAX,
    announce_interval_seconds=ANNOUNCE_INTERVAL_SECONDS,
    latency=True,
)


def service(swarm: OwnSwarm, listener: int) -> HttpService:
    """The handler as that listener has it."""
    return HttpService(
        swarm,
        request_bytes_max=REQUEST_BYTES_MAX,
        response_bytes_max=OUTPUT_BYTES_MAX,
        address_header=HEADER if listener == 0 else b"",
        peers_max=0,
        scrape_torrents_max=SCRAPE_TORRENTS_MAX,
        announce_interval_seconds=ANNOUNCE_INTERVAL_SECONDS,
        keeps_alive=listener != 2,
        answers_health=listener == 0,
    )


class Expectation:
    """What must be answered to the bytes that a connection has sent so far."""

    def __init__(self, service: HttpService, ip: bytes, listener: int) -> None:
        self.service = service
        self.ip = ip
        self.is_from_proxy = ip == TRUSTED and listener == 0
        self.begins_with_header = ip == TRUSTED and listener == 1
        self.left = b""
        self.answer = b""
        self.closes = False

    def add(self, content: bytes) -> None:
        """Read on."""
        self.left += content
        if self.begins_with_header and not self.closes:
            verdict, length, source = decode_proxy_header(self.left)
            self.closes = verdict == "bad"
            if verdict != "complete":
                return
            self.begins_with_header = False
            self.left = self.left[length:]
            self.ip = source[0] if source else self.ip
        while self.left and not self.closes:
            used, written, _, needs_room, self.closes = self.service.serve(
                self.left, self.ip, 0, self.is_from_proxy, 1 << 16
            )
            self.answer += written
            self.left = self.left[used:]
            if not used and not needs_room:
                return


class Peer:
    """One connection: what it has sent, received, and what is expected of it."""

    def __init__(
        self, simulation: HttpSimulation, number: int, torrent: bytes, expectation: Expectation, since: float
    ) -> None:
        self.simulation = simulation
        self.number = number
        self.torrent = torrent
        self.expectation = expectation
        self.since = since
        self.unsent = b""
        self.received = b""
        self.has_ended = False
        self.is_reset = False

    def send(self, content: bytes, kept_back: int = 0) -> None:
        """Send what was kept back before, and this; all but some last bytes."""
        if self.has_ended:
            return
        content = self.unsent + content
        taken = self.simulation.deliver(self.number, content[: max(0, len(content) - kept_back)])
        self.expectation.add(content[:taken])
        self.unsent = content[taken:]

    def requests(self, choices: bytes) -> bytes:
        """A request for each two bytes."""
        return b"".join(self.request(*choice) for choice in zip(choices[::2], choices[1::2], strict=False))

    def request(self, target: int, line: int) -> bytes:
        """A request in a row."""
        method = b"POST" if target >= 240 else b"GET"
        version = VERSIONS[line // 64]
        return b"%b %b HTTP/%b\r\n%b" % (
            method,
            TARGETS[target % len(TARGETS)] % self.torrent,
            version,
            LINES[line % len(LINES)],
        )

    def look(self) -> None:
        """Take what has come and hold it against what may come."""
        self.received += self.simulation.take(self.number)
        assert self.expectation.answer.startswith(self.received), (self.expectation.answer, self.received)

    def check_all_has_come(self) -> None:
        """What can be expected once it takes everything and was not given up."""
        assert self.received == self.expectation.answer, (self.expectation.answer, self.received)
        ends = self.expectation.closes or self.has_ended
        assert self.simulation.has_ended(self.number) == ends


class Sequence:
    """The worker, the handler by itself, and the steps that connections are put through."""

    def __init__(self) -> None:
        self.simulation = HttpSimulation(StreamWorkers(Swarm(SWARM), SETTINGS))
        self.swarm = OwnSwarm(peer_age_ticks_max=1800, tick_seconds=60)
        self.services = [service(self.swarm, listener) for listener in range(len(LISTENERS))]
        self.peers: list[Peer] = []
        self.connections = 0
        # Whether every request has been served that was sent.
        self.is_exact = True
        self.seconds = 1000.0
        self.simulation.set_time(self.seconds)

    def connect(self, ip: bytes, listener: int) -> Peer:
        """A new connection, in place of the oldest if there are enough."""
        if len(self.peers) == PEERS:
            self.part_with(self.peers.pop(0))
        number = self.simulation.connect(ip, listener)
        self.connections += 1
        expectation = Expectation(self.services[listener], ip, listener)
        self.peers.append(
            Peer(self.simulation, number, b"%020d" % self.connections, expectation, self.seconds)
        )
        return self.peers[-1]

    def part_with(self, peer: Peer) -> None:
        """Let it get all that there is for it, check that, and be gone."""
        self.simulation.limit_sends(peer.number, -1)
        # The network tells of one listener in each turn.
        for _ in LISTENERS:
            self.simulation.turn()
        self.settle(peer)
        if peer.is_reset or self.seconds - peer.since >= PATIENCE_SECONDS:
            self.is_exact = False
        else:
            peer.check_all_has_come()
        self.simulation.reset(peer.number)
        for _ in range(2):
            self.simulation.turn()
        self.simulation.forget(peer.number)

    def settle(self, peer: Peer) -> None:
        """Let time stand still until a turn moves nothing; the one after it can only be for an end."""
        last, moved = -1, 0
        while moved != last:
            last = moved
            self.simulation.turn()
            peer.look()
            moved = self.counted("bytes_received") + len(peer.received)
        self.simulation.turn()

    def act(self, peer: Peer, kind: int, rest: bytes) -> None:
        """One step of a connection."""
        number = rest[0] if rest else 0
        match kind % 10:
            case 0:
                peer.send(rest)
            case 1 | 2:
                peer.send(peer.requests(rest))
            case 3:
                peer.send(peer.requests(rest[1:]), kept_back=number)
            case 4:
                request = peer.requests(rest[1:3]).ljust(256)
                changed = bytes(old ^ new for old, new in zip(request[number:], rest[3:], strict=False))
                peer.send(request[:number] + changed + request[number + len(changed) :])
            case 5:
                peer.send(PROXY_HEADERS[number % len(PROXY_HEADERS)], kept_back=number // 16)
            case 6:
                peer.simulation.end(peer.number)
                peer.has_ended = True
            case 7:
                peer.simulation.reset(peer.number)
                peer.is_reset = True
            case 8:
                peer.simulation.limit_sends(peer.number, 4 * number - 1)
            case 9:
                peer.look()

    def step(self, kind: int, which: int, rest: bytes) -> None:
        """Take one step, and let the server work unless more is to come at once."""
        if kind & 0x40 and self.peers:
            self.act(self.peers[which % len(self.peers)], kind & 0x3F, rest)
        elif kind & 1:
            self.seconds += which / 16
            self.simulation.set_time(self.seconds)
        else:
            self.connect(SOURCES[which % len(SOURCES)], which // 64 % len(LISTENERS))
        if not kind & 0x80:
            self.simulation.turn()
        assert self.simulation.descriptors() == self.counted("active") <= PEERS

    def counted(self, name: str) -> int:
        """Of both families together."""
        workers = self.simulation.workers
        return sum(workers.connection_counters(0, family)[name] for family in (4, 6))

    def end(self) -> None:
        """Check that everybody gets the rest, then a stranger too, and that nothing is left."""
        while self.peers:
            self.part_with(self.peers.pop())
        stranger = self.connect(STRANGER, 0)
        stranger.send(stranger.request(0, 0))
        self.part_with(self.peers.pop())
        assert b"11:external ip4:" + STRANGER in stranger.received
        if self.is_exact:
            counts = self.simulation.workers.swarm.swarm_counts()
            assert counts["peers_ipv4"] + counts["peers_ipv6"] == self.swarm.counts()["peers"]
        self.seconds += 100
        self.simulation.set_time(self.seconds)
        self.simulation.turn()
        names = self.simulation.workers.connection_counters(0, 4)
        closed = sum(self.counted(name) for name in names if name.startswith("closed_"))
        assert self.counted("accepted") == closed
        assert self.simulation.descriptors() == self.simulation.memory_bytes() == 0


def run(data: bytes) -> None:
    """Take all steps in the fuzzer's bytes. What must not be ends in an AssertionError or a crash."""
    take_all(Sequence(), data)
