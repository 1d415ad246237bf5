"""WebTorrent with workers in threads of their own, on real sockets, that relay to each other's connections.

Short, and meant for ThreadSanitizer above all (`make test-tsan`).
"""

import json
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from aquatic.testing.stream import StreamGroup, StreamServer, StreamSettings
from aquatic.testing.swarm import Swarm
from aquatic.testing.ws_stream import WsService, WsSettings
from aquatic.testing.ws_swarm import WsSwarmWindow
from tests.support.ws_signalling import announce, answer, frame, offer, take_frame

WORKERS = 3
PEERS = 12
ROUNDS = 25
OFFERS = 4
WAIT_SECONDS_MAX = 60
TORRENTS = [bytes([number]) * 20 for number in (65, 66)]


@contextmanager
def serving(swarm: WsSwarmWindow) -> Iterator[tuple[list[int], list[WsService]]]:
    """Yield the workers' ports, and what they count."""
    downloads, group = Swarm(), StreamGroup()
    stream = StreamSettings(request_bytes_max=8192, output_bytes_max=65536, look_seconds=1)
    servers = [StreamServer(stream, group) for _ in range(WORKERS)]
    services = [WsService(server, swarm, downloads, WsSettings()) for server in servers]
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in servers]
    threads = []
    for server, listener in zip(servers, listeners, strict=True):
        listener.setblocking(False)
        threads.append(threading.Thread(target=server.run, args=([listener.fileno()],)))
    for thread in threads:
        thread.start()
    try:
        yield [listener.getsockname()[1] for listener in listeners], services
    finally:
        for server in servers:
            server.stop()
        for thread in threads:
            thread.join()
        for listener in listeners:
            listener.close()


@dataclass
class Peer:
    """A client that announces a torrent so many times, each time when it has been answered, and answers offers."""

    number: int
    socket: socket.socket
    received: Counter[str]
    rounds: int = 0
    rest: bytes = b""

    def announce(self) -> None:
        offers = [offer((self.number * ROUNDS + self.rounds) * OFFERS + index) for index in range(OFFERS)]
        torrent = TORRENTS[self.number % len(TORRENTS)]
        message = announce(torrent, self.peer_id(), offers, left=Random(self.rounds).randrange(2))
        self.socket.sendall(frame(json.dumps(message).encode()))
        self.rounds += 1

    def peer_id(self) -> bytes:
        return b"-WW0101-%012d" % self.number

    def receive(self) -> None:
        self.rest += self.socket.recv(65536)
        while found := take_frame(self.rest):
            _, payload, self.rest = found
            message = json.loads(payload)
            if "interval" in message:
                self.received["announce"] += 1
                if self.rounds < ROUNDS:
                    self.announce()
            elif "offer" in message:
                self.received["offer"] += 1
                self.socket.sendall(frame(json.dumps(answer(message, self.peer_id())).encode()))
            else:
                assert "answer" in message
                self.received["answer"] += 1


def sums(services: list[WsService]) -> Counter[str]:
    return sum((Counter(service.counters()) for service in services), Counter())


def test_workers_relay_to_each_other() -> None:
    swarm = WsSwarmWindow()
    received: Counter[str] = Counter()
    with serving(swarm) as (ports, services), selectors.DefaultSelector() as selector:
        peers = []
        for number in range(PEERS):
            connection = socket.create_connection(("127.0.0.1", ports[number % WORKERS]))
            peers.append(Peer(number, connection, received))
            selector.register(connection, selectors.EVENT_READ, peers[-1])
            peers[-1].announce()
        until = time.monotonic() + WAIT_SECONDS_MAX
        while received["announce"] < PEERS * ROUNDS or received["answer"] < sums(services)["responses_offer"]:
            assert time.monotonic() < until, (received, sums(services))
            for key, _ in selector.select(0.1):
                key.data.receive()
            swarm.counts()
        counted = sums(services)
        assert counted["responses_announce"] == PEERS * ROUNDS
        assert counted["responses_offer"] == received["offer"] > PEERS * ROUNDS
        assert counted["responses_answer"] == received["answer"] == received["offer"]
        assert not any(name.startswith("errors") for name, value in counted.items() if value)
        for peer in peers:
            peer.socket.close()
        while swarm.counts()["torrents"]:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert swarm.memory_bytes() == 0
