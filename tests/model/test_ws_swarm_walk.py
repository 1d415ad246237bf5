"""Long random walks on the WebRTC swarm, held against a plain model."""

from dataclasses import dataclass
from random import Random

import pytest

from aquatic.testing.ws_swarm import Connection
from tests.support.reference_ws_swarm import CheckedWsSwarm, Role

ROLES: tuple[Role, ...] = ("seeder", "leecher", "unsaid")


@dataclass
class Walk:
    """So many torrents, connections and peer ids. Names of connections are the same in each of three workers."""

    swarm: CheckedWsSwarm
    random: Random
    torrents: int
    connections: int
    peer_ids: int
    step_seconds: float

    def __post_init__(self) -> None:
        self.heard: list[
            tuple[Connection, bytes, bytes, bytes]
        ] = []  # receiver, torrent, offering peer, offer id
        self.number = 0

    def info_hash(self) -> bytes:
        return b"torrent %012d" % self.random.randrange(self.torrents)

    def peer_id(self, home: int) -> bytes:
        """Mostly one that nobody else uses."""
        if self.random.random() < 0.1:
            home = self.random.randrange(self.connections)
        return b"-AQ%04d-%012d" % (home % 7, home % self.peer_ids)

    def connection(self, number: int) -> Connection:
        """A third of them share an address, or a /64, with others."""
        place = number if number % 3 else number % 12
        ip = b"\x20\x01" + bytes(5) + bytes([place % 256]) + self.random.randbytes(8)
        if number % 2:
            ip = (place + (1 << 24)).to_bytes(4, "big")
        return Connection(number % 3, number // 3 + (1 << 33), ip)

    def step(self) -> None:
        self.number += 1
        number = self.random.randrange(self.connections)
        connection = self.connection(number)
        info_hash = self.info_hash()
        peer_id = self.peer_id(number)
        choice = self.random.random()
        if choice < 0.55:
            self.announce(connection, info_hash, peer_id)
        elif choice < 0.75:
            self.answer(connection, info_hash)
        elif choice < 0.87:
            self.swarm.leave(connection, info_hash, peer_id)
        elif choice < 0.98:
            self.swarm.look_after(connection, info_hash, peer_id)
        else:
            self.swarm.set_second(self.swarm.second + int(self.random.random() * 2 * self.step_seconds + 0.5))

    def announce(self, connection: Connection, info_hash: bytes, peer_id: bytes) -> None:
        count = self.random.choice((0, 0, 1, 2, 5, 10, 30, 64))
        offer_ids = [b"offer %014d" % (self.number * 64 + index) for index in range(count)]
        completed = self.random.random() < 0.1
        role = self.random.choice(ROLES)
        receivers = self.swarm.announce(connection, info_hash, peer_id, role, offer_ids, completed)
        for offer_id, (worker, name) in zip(offer_ids, receivers, strict=False):
            if len(self.heard) < 200 or self.random.random() < 0.2:
                self.heard.append((Connection(worker, name, b"\0" * 4), info_hash, peer_id, offer_id))

    def answer(self, connection: Connection, info_hash: bytes) -> None:
        """Mostly what was offered, by whom it was offered to; sometimes not, or twice."""
        if not self.heard:
            return
        index = self.random.randrange(len(self.heard))
        receiver, torrent, peer_id, offer_id = self.heard[index]
        if self.random.random() < 0.1:
            receiver = connection
        if self.random.random() < 0.05:
            torrent = info_hash
        self.swarm.take_answer(receiver, torrent, peer_id, offer_id)
        if self.random.random() < 0.7:
            del self.heard[index]

    def end(self) -> None:
        """Let everybody go."""
        for info_hash, peers in list(self.swarm.torrents.items()):
            for peer_id, peer in list(peers.items()):
                self.swarm.leave(peer.connection, info_hash, peer_id)


@pytest.mark.parametrize(
    ("torrents", "connections", "peer_ids", "step_seconds", "steps"),
    [
        (3, 12, 12, 20, 5000),
        (300, 60, 40, 5, 5000),
        (2, 3000, 2500, 0.5, 9000),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_does_what_the_model_does(
    torrents: int, connections: int, peer_ids: int, step_seconds: float, steps: int, seed: int
) -> None:
    swarm = CheckedWsSwarm(seed=seed)
    walk = Walk(swarm, Random(seed), torrents, connections, peer_ids, step_seconds)
    for number in range(steps):
        walk.step()
        if number % 500 == 0:
            swarm.check_counts()
            for torrent in range(min(torrents, 20)):
                swarm.check_torrent(b"torrent %012d" % torrent)
    walk.end()
    swarm.check_counts()
    assert swarm.swarm.memory_bytes() == 0
