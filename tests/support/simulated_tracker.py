"""The real worker loop in memory, every answer, counter and swarm compared with a reference tracker."""

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from socket import AF_INET, AF_INET6
from typing import Literal

from aquatic.dataplane.swarm.border import SwarmSettings
from aquatic.dataplane.udp.border import UdpSettings
from aquatic.protocol.udp import (
    AnnounceRequest,
    AnnounceResponse,
    ConnectRequest,
    ConnectResponse,
    ErrorResponse,
    Event,
    ProtocolError,
    Request,
    ScrapeEntry,
    ScrapeRequest,
    ScrapeResponse,
    parse_request,
    parse_response,
)
from aquatic.testing.udp import Simulation
from tests.support.reference_swarm import FAMILIES, Address, Family, Peer, ReferenceSwarm, Torrent, family_of

RESPONSE_BYTES_MAX = 1400
REQUEST_BYTES_MAX = 2336
SECONDS_AHEAD_MAX = 60
NOT_ALLOWED = b"Info hash not allowed"


@dataclass(frozen=True)
class Setup:
    """Settings of a tracker whose ticks are seconds."""

    workers: int = 1
    peer_age_seconds_max: int = 800
    cleaning_interval_seconds: int = 120
    torrents_max: int = 1 << 20
    peers_max: int = 1 << 20
    memory_bytes_max: int = 1 << 28
    announce_interval_seconds: int = 900
    response_peers_max: int = 50
    scrape_torrents_max: int = 70
    connection_age_seconds_max: int = 120
    poll_timeout_ms: int = 0
    resend_responses_max: int = 0
    batch_datagrams: int = 16
    peer_clients: bool = False

    def parts(self) -> tuple[SwarmSettings, UdpSettings]:
        values = asdict(self)
        swarm = {name: values.pop(name) for name in SWARM_NAMES}
        return SwarmSettings(**swarm, workers=self.workers), UdpSettings(**values)


SWARM_NAMES = (
    *("peer_age_seconds_max", "cleaning_interval_seconds", "torrents_max", "peers_max", "memory_bytes_max"),
    "peer_clients",
)


BATCHES_A_TURN_MAX = 16


@dataclass
class Delivery:
    packet: bytes
    source: Address


class SimulatedTracker:
    """A simulation and what it must do. Ticks are seconds, unless a pause is longer than half their range."""

    def __init__(self, setup: Setup | None = None, seed: int = 1):
        self.settings = setup or Setup()
        self.simulation = Simulation(*self.settings.parts(), seed)
        self.swarm = self.simulation.swarm
        self.reference = ReferenceSwarm(self.settings.peer_age_seconds_max)
        self.ticks = [0] * self.settings.workers
        self.now = 0.0
        self.issued: dict[tuple[bytes, int], int] = {}
        self.counters: Counter[tuple[Family, str]] = Counter()
        self.waiting: list[list[Delivery]] = [[] for _ in range(self.settings.workers)]
        self.access_mode = "off"
        self.access_hashes: frozenset[bytes] = frozenset()
        self.is_exact = True  # nothing was refused for want of memory or by a bound

    # Driving

    def set_time(self, seconds: float) -> None:
        self.now = seconds
        self.simulation.set_time(seconds)

    def deliver(self, packet: bytes, source: Address, worker: int = 0) -> None:
        assert self.simulation.deliver(packet, *source, worker)
        self.waiting[worker].append(Delivery(packet[:REQUEST_BYTES_MAX], source))

    def turn(self, worker: int = 0, sends: int = -1) -> list[tuple[bytes, Address]]:
        """One turn of a worker's loop, of whose answers only the first `sends` find room."""
        self.simulation.limit_sends(sends, worker)
        self.ticks[worker] = max(self.ticks[worker], int(self.now))
        self.reference.tick = self.ticks[worker]
        self.simulation.turn(worker)
        answers = [(packet, (ip, port)) for packet, ip, port in self.simulation.answers(worker)]
        self.check_answers(worker, answers, sends)
        if self.is_exact:
            self.reconcile()
        return answers

    def exchange(self, request: Request | bytes, source: Address, worker: int = 0) -> bytes | None:
        """The answer to one datagram."""
        self.deliver(request if isinstance(request, bytes) else request.to_bytes(), source, worker)
        answers = self.turn(worker)
        return answers[0][0] if answers else None

    def connect(self, source: Address, worker: int = 0) -> int:
        answer = self.exchange(ConnectRequest(1), source, worker)
        assert answer is not None
        return int.from_bytes(answer[8:16], "big")

    def set_access_list(self, mode: Literal["off", "allow", "deny"], hashes: Iterable[bytes]) -> None:
        """Swap the list while the workers turn, for which the old one's end waits."""
        self.access_mode, self.access_hashes = mode, frozenset(hashes)
        swap = threading.Thread(target=self.swarm.set_access_list, args=(mode, b"".join(self.access_hashes)))
        swap.start()
        while swap.is_alive():
            for worker in range(self.settings.workers):
                if not self.waiting[worker]:
                    self.simulation.turn(worker)
            swap.join(0.001)
        self.reconcile()

    def clean(self) -> None:
        """Let a whole cleaning pass that begins now."""
        cleanings = self.swarm.cleanings()
        while self.swarm.cleanings() < cleanings + 2:
            self.set_time(self.now + self.settings.cleaning_interval_seconds / 4)
            for worker in range(self.settings.workers):
                # A worker that is behind with cleaning turns again at once.
                for _ in range(40):
                    self.simulation.turn(worker)
                self.turn(worker)

    # What must come of it

    def allows(self, info_hash: bytes) -> bool:
        return self.access_mode == "off" or (info_hash in self.access_hashes) == (self.access_mode == "allow")

    def judge(self, connection_id: int, source: Address) -> str:
        issued = self.issued.get((source[0], connection_id))
        age = None if issued is None else int(self.now) - issued
        if age is None or age < -SECONDS_AHEAD_MAX:
            return "bad"
        return "expired" if age > self.settings.connection_age_seconds_max else "valid"

    def check_answers(self, worker: int, answers: list[tuple[bytes, Address]], sends: int) -> None:
        """Compare with what the deliveries, in their order, must be answered."""
        remaining = iter(answers)
        sent = 0
        handled = self.settings.batch_datagrams * BATCHES_A_TURN_MAX
        for delivery in self.waiting[worker][:handled]:
            expected = self.expect(delivery)
            if expected is None:
                continue
            sent += 1
            if 0 <= sends < sent:
                self.note_lost(delivery, expected)
                continue
            packet, destination = next(remaining)
            assert destination == delivery.source
            self.check_answer(delivery, expected, packet)
        assert next(remaining, None) is None
        del self.waiting[worker][:handled]

    def note(self, delivery: Delivery, name: str, amount: int = 1) -> None:
        self.counters[family_of(delivery.source[0]), name] += amount

    def expect(self, delivery: Delivery) -> Request | ErrorResponse | None:
        """The request to answer, or the refusal to answer it with; None for silence."""
        self.note(delivery, "bytes_received", len(delivery.packet))
        refusal: ErrorResponse | None = None
        request: Request | None = None
        try:
            request = parse_request(delivery.packet)
            connection_id = None if isinstance(request, ConnectRequest) else request.connection_id
        except ProtocolError as error:
            refusal, connection_id = error.answer, error.connection_id
            if refusal is None:
                self.note(delivery, "errors_malformed")
                return None
        action = delivery.packet[11]
        if connection_id is not None and (verdict := self.judge(connection_id, delivery.source)) != "valid":
            self.note(delivery, f"errors_connection_id_{verdict}")
            return None
        self.note(delivery, f"requests_{('connect', 'announce', 'scrape')[action]}")
        if refusal is not None:
            self.note(delivery, "errors_refused")
        elif isinstance(request, AnnounceRequest) and not self.allows(request.info_hash):
            self.note(delivery, "errors_not_allowed")
            refusal = ErrorResponse(request.transaction_id, NOT_ALLOWED)
        name = "error" if refusal else ("connect", "announce", "scrape")[action]
        self.note(delivery, f"responses_{name}")
        return refusal or request

    def note_lost(self, delivery: Delivery, expected: Request | ErrorResponse) -> None:
        """An answer that nobody saw; what the request changed it changed all the same."""
        if isinstance(expected, AnnounceRequest):
            self.apply(expected, delivery.source)

    def check_answer(self, delivery: Delivery, expected: Request | ErrorResponse, packet: bytes) -> None:
        assert len(packet) <= RESPONSE_BYTES_MAX
        self.note(delivery, "bytes_sent", len(packet))
        family = AF_INET if len(delivery.source[0]) == 4 else AF_INET6
        response = parse_response(packet, family)
        assert response.to_bytes() == packet
        assert response.transaction_id == expected.transaction_id
        if isinstance(expected, ErrorResponse):
            assert response == expected
        elif isinstance(expected, ConnectRequest):
            assert isinstance(response, ConnectResponse)
            assert len(packet) == 16
            self.issued[delivery.source[0], response.connection_id] = int(self.now)
        elif isinstance(expected, ScrapeRequest):
            assert response == ScrapeResponse(
                expected.transaction_id, self.entries(expected, delivery.source)
            )
        else:
            assert isinstance(response, AnnounceResponse)
            self.check_announce(delivery, expected, response)

    def entries(self, scrape: ScrapeRequest, source: Address) -> tuple[ScrapeEntry, ...]:
        family = family_of(source[0])
        entries = []
        for info_hash in scrape.info_hashes[: self.settings.scrape_torrents_max]:
            allowed = self.allows(info_hash)
            torrent = self.reference.torrents.get(info_hash, Torrent()) if allowed else Torrent()
            seeders, leechers = torrent.by_role(family)
            completed = self.reference.downloads[info_hash, family] if allowed else 0
            entries.append(ScrapeEntry(seeders, completed, leechers))
        return tuple(entries)

    def apply(self, announce: AnnounceRequest, source: Address) -> tuple[Address, list[str]]:
        flags = ["seeder"] if announce.left == 0 else []
        if announce.event in (Event.COMPLETED, Event.STOPPED, Event.PAUSED):
            flags.append(announce.event.name.lower())
        asker = source[0], announce.port
        self.reference.announce(announce.info_hash, asker, flags, announce.peer_id[:8])
        return asker, flags

    def check_announce(
        self, delivery: Delivery, announce: AnnounceRequest, response: AnnounceResponse
    ) -> None:
        asker, flags = self.apply(announce, delivery.source)
        others = self.reference.others(announce.info_hash, asker)
        chosen = [(peer.address.packed, peer.port) for peer in response.peers]
        assert response.interval_seconds == self.settings.announce_interval_seconds
        assert len(set(chosen)) == len(chosen) <= self.peers_max(announce, delivery.source)
        assert asker not in chosen
        if not self.is_exact:
            return
        seeders = sum(peer.is_seeder for peer in others.values())
        assert (response.seeders, response.leechers) == (seeders, len(others) - seeders)
        self.check_chosen(asker, flags, others, chosen, self.peers_max(announce, delivery.source))

    def check_chosen(
        self,
        asker: Address,
        flags: list[str],
        others: dict[Address, Peer],
        chosen: list[Address],
        wanted: int,
    ) -> None:
        wants_nothing = "seeder" in flags or "paused" in flags
        eligible = {
            address
            for address, peer in others.items()
            if self.reference.may_choose(asker, wants_nothing, address, peer)
        }
        assert eligible.issuperset(chosen)
        if "stopped" in flags:
            assert chosen == []
        elif len(others) <= wanted:
            assert eligible == set(chosen)

    def peers_max(self, announce: AnnounceRequest, source: Address) -> int:
        fitting = (RESPONSE_BYTES_MAX - 20) // (6 if len(source[0]) == 4 else 18)
        cap = min(self.settings.response_peers_max, fitting)
        return cap if announce.num_want < 0 else min(announce.num_want, cap)

    # What is stored

    def exported(self) -> dict[tuple[bytes, Family], tuple[int, int]]:
        """Seeders and leechers of every torrent; one that comes twice is an error."""
        found: dict[tuple[bytes, Family], tuple[int, int]] = {}
        cursor, lines = self.swarm.export_torrents(0)
        while cursor >= 0:
            for line in lines.decode().splitlines():
                family, info_hash, seeders, leechers = line.split()
                key: tuple[bytes, Family] = (bytes.fromhex(info_hash), 4 if family == "4" else 6)
                assert key not in found
                found[key] = int(seeders), int(leechers)
            cursor, lines = self.swarm.export_torrents(cursor)
        return found

    def reconcile(self) -> None:
        """Compare all counts; what cleaning has taken must have been expired or not allowed."""
        exported = self.exported()
        for info_hash, torrent in self.reference.torrents.items():
            for family in FAMILIES:
                for is_seeder in (True, False):
                    stored = exported.get((info_hash, family), (0, 0))[0 if is_seeder else 1]
                    self.reconcile_role(info_hash, torrent.peers[family], is_seeder, stored)
        known = {
            (info_hash, family)
            for info_hash, torrent in self.reference.torrents.items()
            for family in FAMILIES
            if torrent.peers[family]
        }
        assert exported.keys() == known

    def reconcile_role(
        self, info_hash: bytes, peers: dict[Address, Peer], is_seeder: bool, stored: int
    ) -> None:
        of_role = [address for address, peer in peers.items() if peer.is_seeder == is_seeder]
        if len(of_role) == stored:
            return
        for address in of_role:
            if self.reference.is_expired(peers[address]) or not self.allows(info_hash):
                del peers[address]
        assert sum(peer.is_seeder == is_seeder for peer in peers.values()) == stored

    def check_counters(self) -> None:
        """Every counter of requests, answers and errors, of all workers together."""
        for family in FAMILIES:
            totals: Counter[str] = Counter()
            for worker in range(self.settings.workers):
                totals.update(self.simulation.workers.counters(worker, family))
            for name in COMPARED_COUNTERS:
                assert totals[name] == self.counters[family, name], (family, name)


COMPARED_COUNTERS = (
    *("requests_connect", "requests_announce", "requests_scrape"),
    *("responses_connect", "responses_announce", "responses_scrape", "responses_error"),
    *("errors_malformed", "errors_connection_id_bad", "errors_connection_id_expired"),
    *("errors_refused", "errors_not_allowed", "bytes_received"),
)
