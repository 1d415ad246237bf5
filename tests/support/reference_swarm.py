"""What the swarm store must do, as dictionaries, and a driver that holds the compiled store against it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import Literal

from aquatic.testing.swarm import Swarm

Address = tuple[bytes, int]
Family = Literal[4, 6]
FAMILIES: tuple[Family, ...] = (4, 6)
STATE_SEEDER = 0x8000
STATE_PARTIAL_SEED = 0x1000
STATE_TICK_MASK = 0x0FFF


def family_of(ip: bytes) -> Family:
    return 4 if len(ip) == 4 else 6


@cache
def scope_of(ip: bytes) -> str:
    """The reach of the addresses that the tests use, by the standard library's tables."""
    address = ip_address(ip)
    if address.is_loopback:
        return "loopback"
    return "private" if address.is_private or address.is_link_local else "global"


@dataclass
class Peer:
    tick: int
    is_seeder: bool
    prefix: bytes
    has_completed: bool = False
    is_partial_seed: bool = False

    @property
    def wants_nothing(self) -> bool:
        return self.is_seeder or self.is_partial_seed


@dataclass
class Torrent:
    """A torrent stays known without peers until it is cleaned."""

    peers: dict[Family, dict[Address, Peer]] = field(default_factory=lambda: {4: {}, 6: {}})

    def by_role(self, family: Family) -> tuple[int, int]:
        seeders = sum(peer.is_seeder for peer in self.peers[family].values())
        return seeders, len(self.peers[family]) - seeders

    def partial_seeds(self, family: Family) -> int:
        return sum(peer.is_partial_seed for peer in self.peers[family].values())


class ReferenceSwarm:
    """Everything that was announced and not yet cleaned; `tick` is the store's, without its wrap."""

    def __init__(self, peer_age_ticks_max: int):
        self.peer_age_ticks_max = peer_age_ticks_max
        self.tick = 0
        self.torrents: dict[bytes, Torrent] = {}
        self.downloads: Counter[tuple[bytes, Family]] = Counter()

    def is_expired(self, peer: Peer) -> bool:
        return self.tick - peer.tick > self.peer_age_ticks_max

    def announce(
        self, info_hash: bytes, address: Address, flags: Sequence[str], prefix: bytes, age_ticks: int = 0
    ) -> None:
        family = family_of(address[0])
        if "stopped" in flags:
            if info_hash in self.torrents:
                self.torrents[info_hash].peers[family].pop(address, None)
            return
        peers = self.torrents.setdefault(info_hash, Torrent()).peers[family]
        peer = peers.setdefault(address, Peer(0, False, prefix))
        peer.tick = self.tick - age_ticks
        peer.is_seeder = "seeder" in flags
        peer.is_partial_seed = "paused" in flags and not peer.is_seeder
        if "completed" in flags and not peer.has_completed:
            peer.has_completed = True
            self.downloads[info_hash, family] += 1

    def others(self, info_hash: bytes, asker: Address) -> dict[Address, Peer]:
        if info_hash not in self.torrents:
            return {}
        peers = self.torrents[info_hash].peers[family_of(asker[0])]
        return {address: peer for address, peer in peers.items() if address != asker}

    def may_choose(self, asker: Address, wants_nothing: bool, address: Address, peer: Peer) -> bool:
        if self.is_expired(peer) or (wants_nothing and peer.wants_nothing):
            return False
        return scope_of(address[0]) in ("global", scope_of(asker[0]))

    def counts(self) -> dict[str, int]:
        counts: Counter[str] = Counter(
            torrents=len(self.torrents), downloads=len({h for h, _ in self.downloads})
        )
        for torrent in self.torrents.values():
            for family in FAMILIES:
                seeders, leechers = torrent.by_role(family)
                counts["peers"] += seeders + leechers
                counts[f"seeders_ipv{family}"] += seeders
                counts[f"leechers_ipv{family}"] += leechers
                counts[f"torrents_ipv{family}"] += bool(seeders or leechers)
        return dict(counts)


def parse_slots(slots: Iterable[bytes]) -> dict[Address, int]:
    """State by address and port; a peer that is stored twice is an error."""
    found: dict[Address, int] = {}
    for slot in slots:
        address = slot[:-4], int.from_bytes(slot[-4:-2], "big")
        assert address not in found
        found[address] = int.from_bytes(slot[-2:], "little")
    return found


def stored_counts(swarm: Swarm, info_hashes: Iterable[bytes]) -> dict[str, int]:
    """What the counters must say, from what is stored of these torrents."""
    counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
    for info_hash in set(info_hashes):
        counts["torrents"] += swarm.peers(info_hash, 4) is not None
        for family in FAMILIES:
            states = parse_slots(swarm.peers(info_hash, family) or []).values()
            seeders = sum(bool(state & STATE_SEEDER) for state in states)
            counts["peers"] += len(states)
            counts[f"seeders_ipv{family}"] += seeders
            counts[f"leechers_ipv{family}"] += len(states) - seeders
            counts[f"torrents_ipv{family}"] += bool(states)
    return dict(counts)


COUNTED = (
    *("torrents", "peers", "torrents_ipv4", "torrents_ipv6"),
    *("leechers_ipv4", "seeders_ipv4", "leechers_ipv6", "seeders_ipv6"),
)


def counted(swarm: Swarm) -> dict[str, int]:
    """The counters that follow from what is stored."""
    counts = swarm.counts()
    return {name: counts[name] for name in COUNTED}


class CheckedSwarm:
    """Makes every call on a store and on the reference, and compares what comes of it."""

    def __init__(self, swarm: Swarm, peer_age_ticks_max: int = 100):
        self.swarm = swarm
        self.reference = ReferenceSwarm(peer_age_ticks_max)
        self.is_dense = (
            True  # nothing was removed since the last cleaning: selection finds all that it looks for
        )

    def announce(
        self,
        info_hash: bytes,
        address: Address,
        flags: Sequence[str] = (),
        wanted: int = 0,
        prefix: bytes = b"-XX0000-",
    ) -> list[Address]:
        self.reference.announce(info_hash, address, flags, prefix)
        seeders, leechers, chosen = self.swarm.announce(info_hash, *address, flags, wanted, prefix)
        others = self.reference.others(info_hash, address)
        other_seeders = sum(peer.is_seeder for peer in others.values())
        assert (seeders, leechers) == (other_seeders, len(others) - other_seeders)
        partial_seeds = sum(peer.is_partial_seed for peer in others.values())
        completed = self.reference.downloads[info_hash, family_of(address[0])]
        assert self.swarm.last_counts() == (partial_seeds, completed)
        self.check_chosen(others, address, flags, wanted, chosen)
        if "stopped" in flags:
            self.is_dense = False
        return chosen

    def check_chosen(
        self,
        others: dict[Address, Peer],
        asker: Address,
        flags: Sequence[str],
        wanted: int,
        chosen: list[Address],
    ) -> None:
        wants_nothing = "seeder" in flags or "paused" in flags
        eligible = {
            address
            for address, peer in others.items()
            if self.reference.may_choose(asker, wants_nothing, address, peer)
        }
        if "stopped" in flags:
            assert chosen == []
            return
        assert len(set(chosen)) == len(chosen) <= wanted
        assert eligible.issuperset(chosen)
        candidates = [peer for peer in others.values() if not (wants_nothing and peer.is_seeder)]
        if len(candidates) <= wanted:
            assert eligible.issubset(chosen)
        elif self.is_dense and len(eligible) == len(candidates):
            assert len(chosen) == wanted

    def apply(self, records: Sequence[tuple[bytes, Address, Sequence[str], int]]) -> None:
        """Deltas: info hash, address, flags, age in seconds (of a store with a tick a second)."""
        effective = 0
        for info_hash, address, flags, age in records:
            if age <= self.reference.peer_age_ticks_max:
                self.reference.announce(info_hash, address, flags, b"-XX0000-", age)
                effective += info_hash in self.reference.torrents
        deltas = [
            (info_hash, *address, flags, age, b"-XX0000-") for info_hash, address, flags, age in records
        ]
        assert self.swarm.apply(deltas) == effective
        self.is_dense = False

    def scrape(self, info_hash: bytes, family: Family) -> None:
        torrent = self.reference.torrents.get(info_hash, Torrent())
        seeders, leechers = torrent.by_role(family)
        completed = self.reference.downloads[info_hash, family]
        found = self.swarm.scrape(info_hash, family)
        assert found == (seeders, completed, leechers, torrent.partial_seeds(family))

    def set_time(self, seconds: int) -> None:
        self.reference.tick = self.swarm.set_time(seconds)
        self.is_dense = False

    def sweep(self, now_seconds: float) -> None:
        """Clean what is due; whatever goes must have expired."""
        while self.swarm.sweep(now_seconds):
            pass
        self.reconcile()

    def reconcile(self) -> None:
        """Compare all peers; those that the store has cleaned must have expired, and torrents be empty."""
        for info_hash, torrent in list(self.reference.torrents.items()):
            for family in FAMILIES:
                self.reconcile_peers(info_hash, family, torrent.peers[family])
            if self.swarm.peers(info_hash, 4) is None:
                assert not any(torrent.peers.values())
                del self.reference.torrents[info_hash]

    def reconcile_peers(self, info_hash: bytes, family: Family, peers: dict[Address, Peer]) -> None:
        stored = parse_slots(self.swarm.peers(info_hash, family) or [])
        assert stored.keys() <= peers.keys()
        for address in peers.keys() - stored.keys():
            assert self.reference.is_expired(peers[address])
            del peers[address]
        for address, state in stored.items():
            assert bool(state & STATE_SEEDER) == peers[address].is_seeder
            assert bool(state & STATE_PARTIAL_SEED) == peers[address].is_partial_seed
            assert state & STATE_TICK_MASK == peers[address].tick & STATE_TICK_MASK

    def clean(self, now_seconds: float, interval_seconds: float = 10) -> float:
        """A complete cleaning at this tick; returns the time at which it ends."""
        cleanings = self.swarm.cleanings()
        while self.swarm.cleanings() < cleanings + 2:
            now_seconds += interval_seconds / 4
            self.sweep(now_seconds)
        for torrent in self.reference.torrents.values():
            assert any(torrent.peers.values())
            for family in FAMILIES:
                assert not any(map(self.reference.is_expired, torrent.peers[family].values()))
        self.is_dense = True
        return now_seconds

    def check_counts(self) -> None:
        expected = dict.fromkeys(COUNTED, 0) | self.reference.counts()
        assert self.swarm.fault() is None
        assert counted(self.swarm) | {"downloads": self.swarm.counts()["downloads"]} == expected
        # However the store divides them, prefixes are counted once a peer.
        prefixes: defaultdict[bytes, int] = defaultdict(int)
        if self.swarm.prefixes():
            for torrent in self.reference.torrents.values():
                for family in FAMILIES:
                    for peer in torrent.peers[family].values():
                        prefixes[peer.prefix] += 1
            assert self.swarm.prefixes() == dict(prefixes)
