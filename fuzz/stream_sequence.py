"""Sequences through the connection server: peers that send, stall, end and reset, a network and memory that fail.

The fuzzer's bytes are read as a list of steps. What is checked is what must hold whatever happens: a peer gets the
answers to the lines that it sent, in their order, up to where its connection ended; every connection is accounted for;
and at the end a stranger is served and nothing is left behind.
"""

from collections.abc import Iterator

from aquatic.testing.stream import StreamSettings, StreamSimulation

CONNECTIONS_MAX = 6
REQUEST_BYTES_MAX = 64
OUTPUT_BYTES_MAX = 256
PEERS = 8
TRUSTED = bytes([10, 0, 0, 1])
ADDRESSES = [TRUSTED, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]), bytes.fromhex("20010db8") + bytes(12)]
STRANGER = bytes([198, 51, 100, 1])
# What lines are made of, so that the fuzzer need not find the words.
WORDS = [b"\n", b"line\n", b"big 20\n", b"big 300\n", b"quiet\n", b"close\n", b"from\n", b"half"]
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
    )


class Peer:
    """One connection, and what is expected on it."""

    def __init__(self, number: int, is_proxy: bool) -> None:
        self.number = number
        self.is_proxy = is_proxy
        self.sent = b""
        self.received = b""

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
    if line.startswith(b"from") and len(line) > 4:
        return b"?"
    return line


def number_in(text: bytes) -> int:
    """The digits that it begins with."""
    digits = text[: len(text) - len(text.lstrip(b"0123456789"))]
    return int(digits or b"0")


class Sequence:
    """One server and the steps that it is put through."""

    def __init__(self) -> None:
        self.server = StreamSimulation(settings())
        self.seconds = 1000.0
        self.peers: list[Peer] = []
        self.server.set_time(self.seconds)

    def connect(self, kind: int) -> None:
        """A new peer, in place of the oldest if there are enough."""
        if len(self.peers) == PEERS:
            oldest = self.peers.pop(0)
            self.server.reset(oldest.number)
            self.server.turn()
            self.server.turn()
            if self.server.state(oldest.number) == "closed":
                self.server.forget(oldest.number)
        address = ADDRESSES[kind % len(ADDRESSES)]
        self.peers.append(Peer(self.server.connect(address), address == TRUSTED))

    def deliver(self, peer: Peer, content: bytes) -> None:
        """Let a peer send."""
        peer.sent += content[: self.server.deliver(peer.number, content)]

    def look(self, peer: Peer) -> None:
        """Take what a peer has received, and hold it against what it may have."""
        peer.received += self.server.take(peer.number)
        if b"from" not in peer.sent:
            assert peer.answers().startswith(peer.received), (peer.sent, peer.received)

    def act(self, peer: Peer, kind: int, rest: bytes) -> None:
        """One step of a peer."""
        number = rest[0] if rest else 0
        match kind % 9:
            case 0:
                self.deliver(peer, rest)
            case 1:
                self.deliver(peer, b"".join(WORDS[byte % len(WORDS)] for byte in rest))
            case 2:
                self.deliver(peer, PROXY_LINE[: number or None])
            case 3:
                self.server.end(peer.number)
            case 4:
                self.server.reset(peer.number)
            case 5:
                self.server.limit_sends(peer.number, number - 1)
            case 6:
                self.server.split_receives(peer.number, number + 1)
            case _:
                self.look(peer)

    def befall(self, kind: int, number: int) -> None:
        """One step of the network or the machine."""
        match kind % 7:
            case 0:
                self.connect(number)
            case 1:
                self.seconds += number / 8
                self.server.set_time(self.seconds)
            case 2:
                self.server.limit_descriptors(number % 8)
            case 3:
                self.server.fail_allocation(number % 8)
            case 4:
                self.server.fail_allocation(-1)
                self.server.limit_descriptors(-1)
                self.server.fail_watch(-1)
            case 5:
                self.server.fail_watch(number % 8)
            case 6:
                self.server.fail_accept((4, 24, 103, 71)[number % 4])  # EINTR, EMFILE, ECONNABORTED, EPROTO

    def step(self, kind: int, which: int, rest: bytes) -> None:
        """Take one step, and let the server work unless more is to come at once."""
        if kind & 0x40 and self.peers:
            self.act(self.peers[which % len(self.peers)], kind & 0x3F, rest)
        else:
            self.befall(kind & 0x3F, which)
        if not kind & 0x80:
            self.server.turn()
        assert self.server.descriptors() == self.active() <= CONNECTIONS_MAX

    def active(self) -> int:
        """As the counters have it."""
        return sum(self.server.counters(family)["active"] for family in (4, 6))

    def end(self) -> None:
        """Check that a stranger is served once the machine is well, and that nothing is left."""
        self.befall(4, 0)
        for peer in self.peers:
            self.look(peer)
            self.server.reset(peer.number)
        self.seconds += 100
        self.server.set_time(self.seconds)
        for _ in range(4):
            self.server.turn()
        assert self.active() == self.server.memory_bytes() == 0
        stranger = self.server.connect(STRANGER)
        self.server.deliver(stranger, b"well\n")
        for _ in range(3):
            # It may have stopped to accept for a moment.
            self.seconds += 1
            self.server.set_time(self.seconds)
            self.server.turn()
        assert self.server.take(stranger) == b"well\n"
        self.server.drain()
        for family in (4, 6):
            counters = self.server.counters(family)
            closed = sum(count for name, count in counters.items() if name.startswith("closed_"))
            assert counters["accepted"] == closed
        assert self.server.descriptors() == 0


def steps(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Read the fuzzer's bytes: kind, whom it concerns, length and content of each step."""
    place = 0
    while place + 3 <= len(data):
        kind, which, length = data[place : place + 3]
        yield kind, which, data[place + 3 : place + 3 + length % 64]
        place += 3 + length % 64


def run(data: bytes) -> None:
    """Take all steps in the fuzzer's bytes. What must not be ends in an AssertionError or a crash."""
    sequence = Sequence()
    for step in steps(data):
        sequence.step(*step)
    sequence.end()
