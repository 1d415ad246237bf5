"""Sequences through the connection server: peers that send, stall, end and reset, a network and memory that fail.

The fuzzer's bytes are read as a list of steps. What is checked is what must hold whatever happens: a peer gets the
answers to the lines that it sent, in their order, up to where its connection ended, and between them whole messages
that were sent to it, each once and those of one peer in order; every connection is accounted for; and at the end a
stranger is served and nothing is left behind. There are two workers whose connections send each other messages.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from aquatic.testing.stream import StreamGroup, StreamSettings, StreamSimulation
from fuzz.steps import take_all

CONNECTIONS_MAX = 6
REQUEST_BYTES_MAX = 64
OUTPUT_BYTES_MAX = 256
PEERS = 8
TRUSTED = bytes([10, 0, 0, 1])
ADDRESSES = [TRUSTED, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]), bytes.fromhex("20010db8") + bytes(12)]
STRANGER = bytes([198, 51, 100, 1])
# What lines are made of, so that the fuzzer need not find the words.
WORDS = [
    *(b"\n", b"line\n", b"big 20\n", b"big 300\n", b"quiet\n", b"close\n", b"from\n", b"half"),
    *(b"switch\n", b"who\n", b"keep line\n", b"keep close\n", b"kept\n", b"name\n"),
]
# Those whose answers are not looked at, as what the server says of its own.
UNTOLD = re.compile(rb"from|who|kept|keep|name")
# What is sent to others. Nothing else begins with its first byte, and no line but those that send with theirs.
MESSAGE = re.compile(rb"^~(\d{6})\n", re.MULTILINE)
MESSAGE_IN_PART = re.compile(rb"^~\d{0,6}\Z", re.MULTILINE)
OUTCOME = re.compile(rb"^(?:queued|gone|full)\n", re.MULTILINE)
PROXY_LINE = b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n"


def settings() -> StreamSettings:
    """Small bounds, so that sequences reach them."""
    return StreamSettings(
        connections_max=CONNECTIONS_MAX,
        memory_bytes_max=1 << 20,
        connections_per_address_max=3,
        connections_per_address_second_max=4,
        connections_per_address_burst_max=3,
        request_bytes_max=REQUEST_BYTES_MAX,
        output_bytes_max=OUTPUT_BYTES_MAX,
        trusted_networks=("10.0.0.0/8",),
        has_proxy_protocol=True,
        measures_latency=True,
        look_seconds=7,
        inbox_bytes_max=200,
    )


class Peer:
    """One connection, and what is expected on it."""

    def __init__(self, server: StreamSimulation, number: int, is_proxy: bool) -> None:
        self.server = server
        self.number = number
        self.is_proxy = is_proxy
        self.messages: dict[int, int] = {}  # that were sent to it, and by whom
        self.sent = b""
        self.received = b""

    def check(self) -> None:
        """Hold what it has received against what it may have."""
        arrived = [int(found) for found in MESSAGE.findall(self.received)]
        assert len(set(arrived)) == len(arrived)
        for sender in set(self.messages.values()):
            mine = [message for message in arrived if self.messages[message] == sender]
            assert all(before < after for before, after in pairwise(mine)), arrived
        assert set(arrived) <= set(self.messages), (arrived, self.messages)
        rest = MESSAGE_IN_PART.sub(b"", MESSAGE.sub(b"", self.received))
        # Of a line in part nothing is known; the last one is said when the time is over.
        rest = rest[: rest.rfind(b"\n") + 1].removesuffix(b"bye\n")
        if not UNTOLD.search(self.sent):
            answers = OUTCOME.sub(b"@\n", self.answers())
            assert answers.startswith(OUTCOME.sub(b"@\n", rest)), (self.sent, self.received)

    def answers(self) -> bytes:
        """What the server may answer to what was sent; the client's address in it is not looked at."""
        sent = self.sent
        if self.is_proxy:
            if not sent.startswith(PROXY_LINE):
                return b""
            sent = sent[len(PROXY_LINE) :]
        return b"".join(answer_to(line) for line in whole_lines(sent))


def whole_lines(content: bytes) -> Iterator[bytes]:
    """Yield the lines that the server reads: up to the one that closes, or the first of which there is no answer."""
    while (end := content.find(b"\n") + 1) > 0:
        yield content[:end]
        if content[:end].startswith(b"close"):
            return
        content = content[end:]


def answer_to(line: bytes) -> bytes:
    """As line_protocol.py has it, with the client's address left out."""
    if line.startswith(b"big ") and len(line) > 4:
        return b"x" * number_in(line[4:10]) + b"\n"
    if line.startswith(b"quiet") and len(line) > 5:
        return b""
    if line.startswith(b"@") and len(line) > 1:
        return b"queued\n"
    return line


def number_in(text: bytes) -> int:
    """The digits that it begins with."""
    digits = text[: len(text) - len(text.lstrip(b"0123456789"))]
    return int(digits or b"0")


class Sequence:
    """Two workers and the steps that they are put through."""

    def __init__(self) -> None:
        group = StreamGroup()
        self.servers = [StreamSimulation(settings(), group) for _ in range(2)]
        self.peers: list[Peer] = []
        self.messages = 0
        self.set_time(1000.0)

    def set_time(self, seconds: float) -> None:
        """Of both workers."""
        self.seconds = seconds
        for server in self.servers:
            server.set_time(seconds)

    def turn(self) -> None:
        """One of each worker."""
        for server in self.servers:
            server.turn()

    def connect(self, kind: int) -> None:
        """A new peer, in place of the oldest if there are enough."""
        if len(self.peers) == PEERS:
            oldest = self.peers.pop(0)
            oldest.server.reset(oldest.number)
            self.turn()
            self.turn()
            if oldest.server.state(oldest.number) == "closed":
                oldest.server.forget(oldest.number)
        address = ADDRESSES[kind % len(ADDRESSES)]
        server = self.servers[kind >> 2 & 1]
        self.peers.append(Peer(server, server.connect(address), address == TRUSTED))

    def deliver(self, peer: Peer, content: bytes) -> None:
        """Let a peer send."""
        peer.sent += content[: peer.server.deliver(peer.number, content)]

    def relay(self, peer: Peer, to: Peer) -> None:
        """Let a peer send a message to another, which may not have been accepted yet."""
        if peer.sent.endswith(b"\n") and to.server.state(to.number) == "open":
            self.messages += 1
            to.messages[self.messages] = peer.number + 100_000 * self.servers.index(peer.server)
            self.deliver(peer, b"@%b ~%06d\n" % (to.server.name(to.number), self.messages))

    def look(self, peer: Peer) -> None:
        """Take what a peer has received, and hold it against what it may have."""
        peer.received += peer.server.take(peer.number)
        peer.check()

    def act(self, peer: Peer, kind: int, rest: bytes) -> None:
        """One step of a peer."""
        number = rest[0] if rest else 0
        match kind % 10:
            case 0:
                self.deliver(peer, rest.translate(None, b"@~"))
            case 1:
                self.deliver(peer, b"".join(WORDS[byte % len(WORDS)] for byte in rest))
            case 2:
                self.deliver(peer, PROXY_LINE[: number or None])
            case 3:
                peer.server.end(peer.number)
            case 4:
                peer.server.reset(peer.number)
            case 5:
                peer.server.limit_sends(peer.number, number - 1)
            case 6:
                peer.server.split_receives(peer.number, number + 1)
            case 9:
                self.relay(peer, self.peers[number % len(self.peers)])
            case _:
                self.look(peer)

    def befall(self, kind: int, number: int) -> None:
        """One step of the network or the machine."""
        server = self.servers[number >> 3 & 1]
        match kind % 7:
            case 0:
                self.connect(number)
            case 1:
                self.set_time(self.seconds + number / 8)
            case 2:
                server.limit_descriptors(number % 8)
            case 3:
                server.fail_allocation(number % 8)
            case 4:
                self.mend()
            case 5:
                server.fail_watch(number % 8)
            case 6:
                server.fail_accept((4, 24, 103, 71)[number % 4])  # EINTR, EMFILE, ECONNABORTED, EPROTO

    def mend(self) -> None:
        """Let nothing fail from now on."""
        for server in self.servers:
            server.fail_allocation(-1)
            server.limit_descriptors(-1)
            server.fail_watch(-1)

    def step(self, kind: int, which: int, rest: bytes) -> None:
        """Take one step, and let the server work unless more is to come at once."""
        if kind & 0x40 and self.peers:
            self.act(self.peers[which % len(self.peers)], kind & 0x3F, rest)
        else:
            self.befall(kind & 0x3F, which)
        if not kind & 0x80:
            self.turn()
        for server in self.servers:
            assert server.descriptors() == active(server) <= CONNECTIONS_MAX

    def end(self) -> None:
        """Check that a stranger is served once the machine is well, and that nothing is left."""
        self.mend()
        for peer in self.peers:
            self.look(peer)
            peer.server.reset(peer.number)
        self.set_time(self.seconds + 100)
        for _ in range(4):
            self.turn()
        for server in self.servers:
            assert active(server) == server.memory_bytes() == 0
            self.serve_stranger(server)
        for server in self.servers:
            server.drain()
            for family in (4, 6):
                counters = server.counters(family)
                closed = sum(count for name, count in counters.items() if name.startswith("closed_"))
                assert counters["accepted"] == closed
            assert server.descriptors() == 0

    def serve_stranger(self, server: StreamSimulation) -> None:
        """A line, and a message from itself."""
        stranger = server.connect(STRANGER)
        server.deliver(stranger, b"well\n")
        for _ in range(3):
            # It may have stopped to accept for a moment.
            self.set_time(self.seconds + 1)
            server.turn()
        assert server.take(stranger) == b"well\n"
        server.deliver(stranger, b"@%b hello\n" % server.name(stranger))
        server.turn()
        assert server.take(stranger) == b"hello\nqueued\n"


def active(server: StreamSimulation) -> int:
    """Open connections, as the counters have it."""
    return sum(server.counters(family)["active"] for family in (4, 6))


def run(data: bytes) -> None:
    """Take all steps in the fuzzer's bytes. What must not be ends in an AssertionError or a crash."""
    take_all(Sequence(), data)
