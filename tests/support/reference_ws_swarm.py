"""What the WebRTC swarm must do, as dictionaries, and a driver that holds the compiled one against it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from aquatic.testing.ws_swarm import Connection, WsSwarmWindow

Role = Literal["seeder", "leecher", "unsaid"]
OFFERS_WAITING_MAX = 64


@dataclass
class Waiting:
    offer_id: bytes
    receiver: tuple[int, int]
    second: int


@dataclass
class Peer:
    connection: Connection
    role: Role
    second: int
    waiting: list[Waiting] = field(default_factory=list)
    has_completed: bool = False


def is_same_place(one: Connection, other: Connection) -> bool:
    """Whether two addresses are taken for one client's: equal, or in one IPv6 /64."""
    return len(one.ip) == len(other.ip) and one.ip[:8] == other.ip[:8]


def receiver_of(connection: Connection) -> tuple[int, int]:
    return connection.worker, connection.name


class CheckedWsSwarm:
    """Makes every call on a swarm and on a plain model of it, and compares what comes of it."""

    def __init__(self, *, peer_age: int = 180, offer_age: int = 120, seed: int = 1, tags: bool = False):
        self.swarm = WsSwarmWindow(
            peer_age_seconds_max=peer_age, offer_age_seconds_max=offer_age, seed=seed, tags=tags
        )
        self.peer_age = peer_age
        self.offer_age = offer_age
        self.torrents: dict[bytes, dict[bytes, Peer]] = {}
        self.set_second(1000)

    def set_second(self, second: int) -> None:
        self.second = second
        self.swarm.second = second

    def is_old(self, second: int, age: int) -> bool:
        return self.second - second > age

    def expire_offers(self, peer: Peer) -> None:
        peer.waiting = [one for one in peer.waiting if not self.is_old(one.second, self.offer_age)]

    def announce(
        self,
        connection: Connection,
        info_hash: bytes,
        peer_id: bytes,
        role: Role = "leecher",
        offer_ids: Sequence[bytes] = (),
        completed: bool = False,
    ) -> list[tuple[int, int]]:
        """Returns the receivers of the offers."""
        found = self.swarm.announce(connection, info_hash, peer_id, role, offer_ids, completed)
        peers = self.torrents.setdefault(info_hash, {})
        peer = peers.get(peer_id)
        if peer and not is_same_place(peer.connection, connection):
            assert found.outcome == "id taken"
            assert found.receivers == []
            return []
        assert found.outcome == "stored"
        if peer is None:
            peer = peers[peer_id] = Peer(connection, "leecher", self.second)
        peer.connection = connection
        peer.second = self.second
        peer.role = role if role != "unsaid" else peer.role
        assert found.counts_download == (completed and not peer.has_completed)
        peer.has_completed |= completed
        assert (found.seeders, found.leechers) == self.scraped(info_hash)
        self.check_offers(info_hash, peer_id, offer_ids, found.over_limit, found.receivers)
        return found.receivers

    def check_offers(
        self,
        info_hash: bytes,
        peer_id: bytes,
        offer_ids: Sequence[bytes],
        over_limit: int,
        receivers: list[tuple[int, int]],
    ) -> None:
        peers = self.torrents[info_hash]
        peer = peers[peer_id]
        if offer_ids:
            self.expire_offers(peer)
        room = OFFERS_WAITING_MAX - len(peer.waiting)
        assert over_limit == max(0, len(offer_ids) - room)
        eligible = Counter(
            receiver_of(other.connection)
            for other_id, other in peers.items()
            if other_id != peer_id
            and not self.is_old(other.second, self.peer_age)
            and not (peer.role == "seeder" and other.role == "seeder")
        )
        assert len(receivers) == min(len(offer_ids), room, eligible.total())
        # A connection may have several peers in the torrent, but none hears of two offers.
        assert Counter(receivers) <= eligible
        peer.waiting += [
            Waiting(offer_id, receiver, self.second)
            for offer_id, receiver in zip(offer_ids, receivers, strict=False)
        ]

    def take_answer(
        self, connection: Connection, info_hash: bytes, to_peer_id: bytes, offer_id: bytes
    ) -> bool:
        found = self.swarm.take_answer(connection, info_hash, to_peer_id, offer_id)
        peer = self.torrents.get(info_hash, {}).get(to_peer_id)
        waiting = []
        if peer:
            self.expire_offers(peer)
            waiting = [
                one
                for one in peer.waiting
                if one.offer_id == offer_id and one.receiver == receiver_of(connection)
            ]
        if not peer or not waiting:
            assert found is None
            return False
        assert found == receiver_of(peer.connection)
        peer.waiting.remove(waiting[0])
        return True

    def own(self, connection: Connection, info_hash: bytes, peer_id: bytes) -> Peer | None:
        peer = self.torrents.get(info_hash, {}).get(peer_id)
        return peer if peer and receiver_of(peer.connection) == receiver_of(connection) else None

    def leave(self, connection: Connection, info_hash: bytes, peer_id: bytes) -> None:
        self.swarm.leave(connection, info_hash, peer_id)
        if self.own(connection, info_hash, peer_id):
            self.remove(info_hash, peer_id)

    def remove(self, info_hash: bytes, peer_id: bytes) -> None:
        del self.torrents[info_hash][peer_id]
        if not self.torrents[info_hash]:
            del self.torrents[info_hash]

    def look_after(self, connection: Connection, info_hash: bytes, peer_id: bytes) -> bool:
        stays = self.swarm.look_after(connection, info_hash, peer_id)
        peer = self.own(connection, info_hash, peer_id)
        if peer and self.is_old(peer.second, self.peer_age):
            self.remove(info_hash, peer_id)
            peer = None
        elif peer:
            self.expire_offers(peer)
        assert stays == (peer is not None)
        return stays

    def scraped(self, info_hash: bytes) -> tuple[int, int]:
        peers = self.torrents.get(info_hash, {}).values()
        seeders = sum(peer.role == "seeder" for peer in peers)
        return seeders, len(peers) - seeders

    def check_torrent(self, info_hash: bytes) -> None:
        """Compare what is stored of a torrent."""
        assert self.swarm.scrape(info_hash) == self.scraped(info_hash)
        stored = self.swarm.peers(info_hash)
        if info_hash not in self.torrents:
            assert stored is None
            return
        assert stored == {
            peer_id: (peer.role, receiver_of(peer.connection), peer.second, len(peer.waiting))
            for peer_id, peer in self.torrents[info_hash].items()
        }

    def check_counts(self) -> None:
        counts: Counter[str] = Counter(torrents=len(self.torrents))
        for peers in self.torrents.values():
            families = {4: 0, 6: 0}
            for peer in peers.values():
                family = 4 if len(peer.connection.ip) == 4 else 6
                families[family] += 1
                counts[f"{peer.role}s_ipv{family}"] += 1
            for family, number in families.items():
                counts[f"torrents_ipv{family}"] += bool(number)
        found = self.swarm.counts()
        assert {name: number for name, number in found.items() if number} == {
            name: number for name, number in counts.items() if number
        }
