"""Workers in threads of their own, on real sockets, while the control plane reads, exports and swaps beside them.

Short, and meant for ThreadSanitizer above all (`make test-tsan`).
"""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from random import Random
from typing import Literal

import pytest

from aquatic.control.border import SwarmBorder
from aquatic.control.sockets import SO_TIMESTAMPNS
from aquatic.dataplane.swarm.border import Swarm, SwarmSettings
from aquatic.dataplane.udp.border import COUNTER_NAMES, REQUEST_TYPES, UdpSettings, UdpWorkers
from aquatic.protocol.udp import (
    AnnounceRequest,
    AnnounceResponse,
    ConnectRequest,
    ConnectResponse,
    ErrorResponse,
    Event,
    Peer,
    Request,
    Response,
    ScrapeRequest,
    parse_response,
)

FAMILIES: tuple[Literal[4, 6], ...] = (4, 6)
WAIT_SECONDS_MAX = 60
WORKERS = 3
DENIED = b"\xdd" * 20
HASHES = [bytes((number, 255 - number)) * 10 for number in range(40)]
BURST = 16


def data_plane(workers: int = WORKERS) -> UdpWorkers:
    swarm = SwarmSettings(
        workers=workers,
        peer_age_seconds_max=1000,
        cleaning_interval_seconds=1,
        torrents_max=1 << 20,
        peers_max=1 << 20,
        memory_bytes_max=1 << 28,
        measures_locks=True,
        peers_per_torrent=True,
        peer_clients=True,
    )
    settings = UdpSettings(
        workers=workers,
        announce_interval_seconds=900,
        response_peers_max=50,
        scrape_torrents_max=70,
        connection_age_seconds_max=120,
        poll_timeout_ms=5,
        resend_responses_max=16,
        batch_datagrams=32,
        latency=True,
    )
    return UdpWorkers(Swarm(swarm), settings)


def bound_socket(family: socket.AddressFamily, host: str, port: int, is_dual: bool = False) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    # Each datagram comes with control messages: when it arrived, and which address was asked.
    bound.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    if family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not is_dual)
    bound.bind((host, port))
    return bound


class Running:
    """A tracker whose workers share two ports, one of each family; the IPv6 one serves IPv4 sources too."""

    def __init__(self, workers: int = WORKERS):
        self.udp = data_plane(workers)
        self.swarm = self.udp.swarm
        self.sockets: list[socket.socket] = []
        ports = {socket.AF_INET: 0, socket.AF_INET6: 0}
        self.threads = []
        for worker in range(workers):
            pair = []
            for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::")):
                bound = bound_socket(family, host, ports[family], is_dual=True)
                ports[family] = bound.getsockname()[1]
                pair.append(bound)
            self.sockets.extend(pair)
            arguments = (worker, pair[0].fileno(), pair[1].fileno())
            self.threads.append(threading.Thread(target=self.udp.run_worker, args=arguments))
        self.addresses: dict[str, tuple[socket.AddressFamily, tuple[str, int]]] = {
            "IPv4": (socket.AF_INET, ("127.0.0.1", ports[socket.AF_INET])),
            "IPv6": (socket.AF_INET6, ("::1", ports[socket.AF_INET6])),
            "v4-mapped": (socket.AF_INET, ("127.0.0.1", ports[socket.AF_INET6])),
        }

    def stop(self) -> None:
        self.swarm.stop()
        for thread in self.threads:
            thread.join(WAIT_SECONDS_MAX)
            assert not thread.is_alive()


@contextmanager
def running(workers: int = WORKERS) -> Iterator[Running]:
    started = Running(workers)
    with ExitStack() as stack:
        for one in started.sockets:
            stack.enter_context(one)
        for thread in started.threads:
            thread.start()
        try:
            yield started
        finally:
            started.stop()


class Client:
    """One source address; sends in bursts and waits for all answers."""

    def __init__(self, family: socket.AddressFamily, address: tuple[str, int]):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.connect(address)
        self.socket.settimeout(WAIT_SECONDS_MAX)
        self.family = family
        self.connection_id = 0
        self.sent: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def exchange(self, requests: list[Request]) -> dict[int, Response]:
        """Answers by transaction id."""
        for request in requests:
            self.socket.send(request.to_bytes())
            self.sent[request.action.name.lower()] += 1
        answers = {}
        for _ in requests:
            answer = parse_response(self.socket.recv(2048), self.family)
            answers[answer.transaction_id] = answer
            self.answered[answer.action.name.lower()] += 1
        assert answers.keys() == {request.transaction_id for request in requests}
        return answers

    def connect(self) -> None:
        (answer,) = self.exchange([ConnectRequest(1)]).values()
        assert isinstance(answer, ConnectResponse)
        self.connection_id = answer.connection_id


def announce_storm(client: Client, ports: range, rounds: int, seed: int) -> None:
    """Each port is a peer of every torrent in the end, after roles that change and torrents that nobody wants."""
    random = Random(seed)
    client.connect()
    wanted = [(info_hash, port) for info_hash in HASHES for port in ports]
    for _ in range(rounds):
        random.shuffle(wanted)
        for start in range(0, len(wanted), BURST):
            requests: list[Request] = []
            for place, (info_hash, port) in enumerate(wanted[start : start + BURST]):
                requests.append(
                    AnnounceRequest(
                        client.connection_id,
                        place,
                        random.choice((info_hash, info_hash, DENIED, random.randbytes(20))),
                        random.choice((b"-qB4250-", b"-TR3000-", random.randbytes(8))) + bytes(12),
                        port,
                        left=random.randrange(2),
                        event_number=random.choice((0, 1, 3)),
                    )
                )
            requests.append(ScrapeRequest(client.connection_id, 1000, tuple(HASHES[:30])))
            check_peers(client.exchange(requests))
    for info_hash in HASHES:
        final: list[Request] = [
            AnnounceRequest(
                client.connection_id, port, info_hash, b"-qB4250-" + bytes(12), port, left=port % 2
            )
            for port in ports
        ]
        check_peers(client.exchange(final))


def check_peers(answers: dict[int, Response]) -> None:
    for answer in answers.values():
        if isinstance(answer, AnnounceResponse):
            assert len(set(answer.peers)) == len(answer.peers) <= 50
            assert {str(peer.address) for peer in answer.peers} <= {"127.0.0.1", "::1"}
        elif isinstance(answer, ErrorResponse):
            assert answer.message == b"Info hash not allowed"


def control_loop(udp: UdpWorkers, is_over: Callable[[], bool]) -> None:
    """Everything that the control plane asks, again and again until the clients are done."""
    swarm = udp.swarm
    rounds = 0
    while not is_over() or rounds < 2:
        rounds += 1
        swarm.set_access_list("deny" if rounds % 2 else "off", DENIED * (rounds % 2))
        for worker in range(WORKERS):
            assert swarm.heartbeat(worker) >= 0
            for request_type in REQUEST_TYPES:
                udp.latency_buckets(worker, request_type)
            assert tuple(udp.counters(worker, 4)) == tuple(udp.counters(worker, 6)) == COUNTER_NAMES
        counts = swarm.swarm_counts()
        assert counts["seeders_ipv4"] <= counts["peers_ipv4"]
        exported(swarm)
        records = list(pieces(swarm.export_downloads))
        assert sum(map(len, records)) % 30 == 0
        swarm.peers_per_torrent_buckets(4)
        assert all(peers > 0 for _, peers in swarm.peer_prefixes())


def pieces(export: Callable[[int], tuple[int, bytes]]) -> Iterator[bytes]:
    cursor, piece = export(0)
    while cursor >= 0:
        yield piece
        cursor, piece = export(cursor)


def exported(swarm: SwarmBorder) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for piece in pieces(swarm.export_torrents):
        for line in piece.decode().splitlines():
            family, info_hash, seeders, leechers = line.split()
            assert (family, info_hash) not in found
            found[family, info_hash] = int(seeders), int(leechers)
    return found


def totals(udp: UdpWorkers) -> Counter[str]:
    total: Counter[str] = Counter()
    for worker in range(WORKERS):
        for family in FAMILIES:
            total.update(udp.counters(worker, family))
    return total


def test_workers_clients_and_the_control_plane_together() -> None:
    with running() as started, ExitStack() as stack:
        clients = [
            Client(*address)
            for address in (
                started.addresses["IPv4"],
                started.addresses["IPv6"],
                started.addresses["v4-mapped"],
            )
            for _ in range(2)
        ]
        for client in clients:
            stack.enter_context(client.socket)
        failures: list[BaseException] = []

        def storm(place: int) -> None:
            try:
                announce_storm(clients[place], range(1 + 10 * place, 7 + 10 * place), 8, place)
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=storm, args=(place,)) for place in range(len(clients))]
        for thread in threads:
            thread.start()
        control_loop(started.udp, lambda: not any(thread.is_alive() for thread in threads))
        for thread in threads:
            thread.join(WAIT_SECONDS_MAX)
        assert not failures
        swarms = exported(started.swarm)
        for info_hash in HASHES:
            # Half of each client's six ports are odd, that is leechers; four clients are IPv4's.
            assert swarms["4", info_hash.hex()] == (12, 12)
            assert swarms["6", info_hash.hex()] == (6, 6)
    check_totals(totals(started.udp), clients)


def check_totals(total: Counter[str], clients: list[Client]) -> None:
    sent: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for client in clients:
        sent.update(client.sent)
        answered.update(client.answered)
    assert {name: total[f"requests_{name}"] for name in sent} == dict(sent)
    assert {name: total[f"responses_{name}"] for name in answered} == dict(answered)
    assert total["errors_not_allowed"] == answered["error"]
    assert not any(total[name] for name in COUNTER_NAMES if name.startswith("dropped"))


@pytest.mark.parametrize("way", ["IPv4", "IPv6", "v4-mapped"])
def test_answers_have_the_addresses_of_the_family_that_was_asked_from(way: str) -> None:
    with running(1) as started:
        peers: list[Peer] = []
        for port in (5, 6):
            client = Client(*started.addresses[way])
            with client.socket:
                client.connect()
                announce = AnnounceRequest(client.connection_id, 9, HASHES[0], bytes(20), port, left=1)
                (answer,) = client.exchange([announce]).values()
                assert isinstance(answer, AnnounceResponse)
                peers.extend(answer.peers)
        host = ip_address("::1" if way == "IPv6" else "127.0.0.1")
        assert [(peer.address, peer.port) for peer in peers] == [(host, 5)]
        assert exported(started.swarm) == {("6" if way == "IPv6" else "4", HASHES[0].hex()): (0, 2)}


def test_workers_stop_in_the_middle_of_a_flood_and_answer_what_they_received() -> None:
    with running() as started:
        clients = [Client(*address) for address in started.addresses.values() for _ in range(2)]
        stopped = threading.Event()

        def flood(client: Client) -> None:
            packet = AnnounceRequest(
                client.connection_id, 1, HASHES[0], bytes(20), 1, event_number=Event.NONE
            )
            with client.socket:
                while not stopped.is_set():
                    client.socket.send(packet.to_bytes())

        for client in clients:
            client.connect()
        threads = [threading.Thread(target=flood, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        while totals(started.udp)["requests_announce"] < 1000:
            stopped.wait(0.01)
        started.stop()
        stopped.set()
        for thread in threads:
            thread.join(WAIT_SECONDS_MAX)
    total = totals(started.udp)
    assert total["requests_announce"] == total["responses_announce"] >= 1000
