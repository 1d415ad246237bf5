"""Sequences through WebTorrent's signalling: two workers, whose peers announce, offer, answer, send rubbish and leave.

The fuzzer's bytes are read as a list of steps. What is checked is what must hold whatever happens: a client is sent
frames, and in each a message of a known shape; and at the end nothing is left behind, and two strangers find each
other.
"""

import json

from aquatic.testing.stream import StreamSettings
from aquatic.testing.ws_stream import WsSettings
from fuzz.steps import take_all
from tests.support.ws_signalling import (
    CLOSE,
    PING,
    TEXT,
    Client,
    Message,
    Workers,
    announce,
    answer,
    frame,
    offer,
    text,
)

CLIENTS_MAX = 6
TORRENTS = [bytes([number]) * 20 for number in (0, 34, 200)]
PEERS = [bytes([number]) * 20 for number in (1, 92, 128, 255)]
ADDRESSES = [bytes([10, 0, 0, host]) for host in range(3)] + [
    bytes.fromhex("20010db8") + bytes(4) + bytes([host]) * 8 for host in range(2)
]
STRANGE = b"strange torrent 1234"
EVENTS = [None, "started", "stopped", "completed", "paused"]
SHAPES = [
    {"action", "info_hash", "complete", "incomplete", "interval"},
    {"action", "info_hash", "peer_id", "offer_id", "offer"},
    {"action", "info_hash", "peer_id", "offer_id", "answer"},
    {"action", "files"},
    {"action", "failure reason"},
    {"action", "info_hash", "failure reason"},
]


class Sequence:
    """Two workers and the steps that they are put through."""

    def __init__(self) -> None:
        # Small bounds, so that sequences reach them.
        stream = StreamSettings(
            memory_bytes_max=1 << 20,
            request_bytes_max=2048,
            output_bytes_max=5000,
            idle_seconds_max=180,
            output_seconds_max=20,
            look_seconds=30,
        )
        ws = WsSettings(
            frame_bytes_max=1500, message_bytes_max=2000, memberships_max=4, scrape_torrents_max=5
        )
        self.workers = Workers(2, stream, ws, memory_bytes_max=1 << 20)
        self.clients: list[Client] = []
        self.offered: dict[int, list[Message]] = {}
        self.offers = 0

    def connect(self, number: int) -> None:
        """A new client, in place of the oldest if there are enough."""
        if len(self.clients) == CLIENTS_MAX:
            self.part(self.clients.pop(0))
        ip = ADDRESSES[number % len(ADDRESSES)]
        worker = self.workers.workers[number % 2]
        client = Client(self.workers, worker, worker.connect(ip))
        self.workers.settle()
        self.clients.append(client)

    def part(self, client: Client) -> None:
        """Let a client go, and its number be another's."""
        client.worker.reset(client.number)
        self.workers.settle()
        if client.worker.state(client.number) == "closed":
            client.worker.forget(client.number)

    def deliver(self, client: Client, content: bytes) -> None:
        """Let a client send, unless it has been closed to."""
        if client.worker.state(client.number) == "open":
            client.worker.deliver(client.number, content)

    def send(self, client: Client, message: Message) -> None:
        """Let it send a message."""
        self.deliver(client, frame(json.dumps(message).encode()))

    def look(self, client: Client) -> None:
        """Take what a client has been sent, and hold it against what it may be sent."""
        for message in client.take():
            assert set(message) in SHAPES, message
            if "offer" in message:
                assert len(message["info_hash"]) == len(message["peer_id"]) == len(message["offer_id"]) == 20
                self.offered.setdefault(id(client), []).append(message)
            elif "interval" in message:
                assert message["complete"] + message["incomplete"] >= 0

    def announce(self, client: Client, rest: bytes) -> None:
        """Announce; the fields are chosen from few, or odd, values by five bytes."""
        torrent, peer, offers, event, left = rest.ljust(5, b"\0")[:5]
        made = [offer(self.offers + index) for index in range(offers % 12)]
        self.offers += len(made)
        self.send(
            client,
            announce(
                TORRENTS[torrent % len(TORRENTS)],
                PEERS[peer % len(PEERS)],
                made,
                left=(None, 0, 1, -1)[left % 4],
                event=EVENTS[event % len(EVENTS)],
            ),
        )

    def answer(self, client: Client, rest: bytes) -> None:
        """Answer an offer that it, or another, was sent: some of them twice."""
        which, whose, peer = rest.ljust(3, b"\0")[:3]
        owner = client if whose < 200 else self.clients[whose % len(self.clients)]
        offers = self.offered.get(id(owner), [])
        if offers:
            place = which % len(offers)
            self.send(client, answer(offers[place], PEERS[peer % len(PEERS)]))
            if which < 200:
                del offers[place]

    def act(self, client: Client, kind: int, rest: bytes) -> None:
        """One step of a client."""
        number = rest[0] if rest else 0
        match kind % 12:
            case 0:
                self.deliver(client, rest)
            case 1:
                self.deliver(client, frame(rest, TEXT, number < 128))
            case 2:
                self.deliver(client, frame(rest, (PING, CLOSE, 0, 2)[number % 4]))
            case 3 | 4:
                self.announce(client, rest)
            case 5:
                self.answer(client, rest)
            case 6:
                hashes = [text(TORRENTS[byte % len(TORRENTS)]) for byte in rest[:9]]
                self.send(client, {"action": "scrape", "info_hash": hashes})
            case 7:
                client.worker.end(client.number)
            case 8:
                client.worker.limit_sends(client.number, number * 8 - 1)
            case 9:
                client.worker.split_receives(client.number, number + 1)
            case _:
                self.look(client)

    def befall(self, kind: int, number: int) -> None:
        """One step of the machine."""
        match kind % 6:
            case 0 | 1:
                self.connect(number)
            case 2:
                self.workers.set_time(self.workers.second + number)
            case 3:
                self.workers.workers[number % 2].fail_allocation(number // 2 % 8)
            case 4:
                self.workers.swarm.fail_allocation(number % 8)
            case 5:
                self.heal()

    def heal(self) -> None:
        """Memory can be had again."""
        self.workers.swarm.fail_allocation(-1)
        for worker in self.workers.workers:
            worker.fail_allocation(-1)

    def step(self, kind: int, which: int, rest: bytes) -> None:
        """Take one step, and let the workers work unless more is to come at once."""
        if kind & 0x40 and self.clients:
            self.act(self.clients[which % len(self.clients)], kind & 0x3F, rest)
        else:
            self.befall(kind & 0x3F, which)
        if not kind & 0x80:
            self.workers.settle()

    def end(self) -> None:
        """Check that strangers find each other once the machine is well, and that nothing is left without them."""
        self.heal()
        for client in self.clients:
            client.worker.limit_sends(client.number, -1)
            self.look(client)
            client.worker.reset(client.number)
        self.workers.settle()
        counts = self.workers.swarm.counts()
        assert not any(value for name, value in counts.items() if name != "refused_peers"), counts
        assert self.workers.swarm.memory_bytes() == 0
        for worker in self.workers.workers:
            assert worker.memory_bytes() == 0
        first, second = (self.workers.connect(number, bytes([192, 0, 2, number])) for number in range(2))
        second.send(announce(STRANGE, PEERS[1]))
        assert len(second.take()) == 1
        first.send(announce(STRANGE, PEERS[0], [offer(0)]))
        (offered,) = second.take()
        second.send(answer(offered, PEERS[1]))
        assert second.take() == []
        assert [set(message) for message in first.take()] == [SHAPES[0], SHAPES[2]]


def run(data: bytes) -> None:
    """Take all steps in the fuzzer's bytes. What must not be ends in an AssertionError or a crash."""
    take_all(Sequence(), data)
