"""HTTP, HTTPS and UDP workers in threads of their own, on the same swarms and on real sockets, as a process starts
them, while the control plane swaps certificates, ticket keys and the access list, and reads and exports.

Short, and meant for ThreadSanitizer above all (`make test-tsan`).
"""

import shutil
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from random import Random

from aquatic.control.border import IP_VERSIONS, IpVersion
from aquatic.control.model import (
    AccessList,
    AccessListMode,
    Configuration,
    Connections,
    Listener,
    LogLevel,
    Protocol,
    Statistics,
    Swarm,
    Workers,
)
from aquatic.control.setting import FilePath
from aquatic.control.socket_address import SocketAddress
from aquatic.control.start import PreparedTracker, make_data_plane, prepare
from aquatic.control.statistics.collector import Collector
from aquatic.control.statistics.prometheus import PrometheusText
from aquatic.dataplane.stream.tls_context import TlsContext, TlsTicketKeys
from tests.support.certificates import Certificate, make_certificate
from tests.support.http_answers import HttpAnswer, read_answers, response_bytes
from tests.support.http_tracker import announce_target, peers_in, query_of, request_for
from tests.support.processes import wait_until
from tests.system.test_threads import DENIED, HASHES, Client, announce_storm, exported, pieces

WAIT_SECONDS_MAX = 60
HOSTS: dict[IpVersion, str] = {4: "127.0.0.1", 6: "::1"}
TLS_VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
# What there must have been of each before the clients come to their end.
CONTROL_ROUNDS = 6
CLEANINGS = 2
VISITS_MAX = 5_000
# Of each client. Every port is a peer of every torrent in the end, the odd ones leechers.
PORTS = 6
BURST = 16


class HttpClient:
    """Comes again and again; over TLS with either version in turn, and with the session of its last visit or none."""

    def __init__(self, address: SocketAddress, contexts: list[ssl.SSLContext], seed: int) -> None:
        self.address = (str(address.host), address.port)
        self.own_ip = address.host.packed
        self.contexts = contexts  # none: without TLS
        self.sessions: dict[int, ssl.SSLSession | None] = {}
        self.random = Random(seed)
        self.visits = 0
        # Handshakes by version, and whether a session was resumed.
        self.handshakes: Counter[tuple[int, bool]] = Counter()
        self.sent: Counter[str] = Counter()
        self.failures = 0

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        plain = socket.create_connection(self.address, WAIT_SECONDS_MAX)
        which = self.visits % 2
        self.visits += 1
        if not self.contexts:
            with plain:
                yield plain
            return
        session = self.sessions.pop(which, None)
        with self.contexts[which].wrap_socket(plain, server_hostname="localhost", session=session) as wrapped:
            self.handshakes[which, bool(wrapped.session_reused)] += 1
            yield wrapped
            if self.random.random() < 0.8:
                self.sessions[which] = wrapped.session

    @property
    def has_met_all(self) -> bool:
        """Full and resumed handshakes of both versions."""
        return len(self.handshakes) == (4 if self.contexts else 0)

    def exchange(self, connection: socket.socket, targets: list[str], *last_lines: str) -> list[HttpAnswer]:
        """Send all at once and read all answers; the lines are the last request's."""
        requests = [request_for(target) for target in targets[:-1]]
        connection.sendall(b"".join([*requests, request_for(targets[-1], *last_lines)]))
        data, answered = b"", 0
        rest = data
        while answered < len(targets):
            piece = connection.recv(1 << 16)
            assert piece, (answered, data)
            data += piece
            rest += piece
            while b"\r\n\r\n" in rest and len(rest) >= response_bytes(rest):
                rest = rest[response_bytes(rest) :]
                answered += 1
        answers = read_answers(data)
        for target, answer in zip(targets, answers, strict=True):
            self.check(target, answer)
        return answers

    def check(self, target: str, answer: HttpAnswer) -> None:
        kind = target[1 : target.index("?")]
        self.sent[kind] += 1
        content = answer.dictionary
        if b"failure reason" in content:
            assert query_of({"info_hash": DENIED}) in target
            assert answer.failure == "Info hash not allowed"
            self.failures += 1
        elif kind == "announce":
            assert content[b"external ip"] == self.own_ip
            peers = peers_in(content, (self.own_ip, 0))
            assert len(set(peers)) == len(peers) <= 50
            assert {ip for ip, _ in peers} <= {self.own_ip}
        else:
            assert set(content[b"files"]) <= set(HASHES)

    def visit(self, ports: range) -> None:
        """A few bursts, and one of the ways to leave."""
        with self.connection() as connection:
            for _ in range(self.random.randrange(3)):
                self.exchange(connection, self.some_targets(ports))
            leaves_first = self.random.randrange(2)
            lines = () if leaves_first else ("Connection: close",)
            answers = self.exchange(connection, self.some_targets(ports), *lines)
            assert answers[-1].closes != bool(leaves_first)
            assert leaves_first or connection.recv(1) == b""

    def some_targets(self, ports: range) -> list[str]:
        random = self.random
        announces = [
            announce_target(
                random.choice(ports),
                info_hash=random.choice((*random.choices(HASHES, k=3), DENIED, random.randbytes(20))),
                left=random.randrange(2),
                event=random.choice(("started", "completed", "stopped", None)),
            )
            for _ in range(random.randrange(BURST))
        ]
        return [*announces, "/scrape?" + "&".join(query_of({"info_hash": each}) for each in HASHES[:30])]

    def announce_for_good(self, ports: range) -> None:
        with self.connection() as connection:
            for info_hash in HASHES:
                self.exchange(
                    connection,
                    [announce_target(port, info_hash=info_hash, left=port % 2) for port in ports],
                )


def serve_files(pair: Certificate, served: Certificate) -> None:
    shutil.copy(pair.certificate, served.certificate)
    shutil.copy(pair.private_key, served.private_key)


def encrypting_listener(address: SocketAddress, pair: Certificate) -> Listener:
    return Listener(
        address=address,
        protocols=(Protocol.HTTP,),
        tls=True,
        tls_certificate_path=FilePath(str(pair.certificate)),
        tls_private_key_path=FilePath(str(pair.private_key)),
    )


def configuration(certificate: Certificate, denied: Path) -> Configuration:
    """Every protocol on both families; limits by address would be in the way, as all clients have the same, and those
    of time where a client stands still.
    """
    addresses = [SocketAddress(ip_address(host), 0) for host in HOSTS.values()]
    return Configuration(
        listeners=(
            *(Listener(address=address, protocols=(Protocol.UDP,)) for address in addresses),
            *(Listener(address=address, protocols=(Protocol.HTTP,)) for address in addresses),
            *(encrypting_listener(address, certificate) for address in addresses),
        ),
        swarm=Swarm(cleaning_interval_seconds=1, memory_bytes_max=1 << 28),
        workers=Workers(udp_count=2, stream_count=3, poll_timeout_ms=5),
        connections=Connections(
            per_address_max=0,
            new_per_address_per_second_max=0,
            handshake_seconds_max=600,
            header_seconds_max=600,
            idle_seconds_max=600,
        ),
        access_list=AccessList(mode=AccessListMode.DENY, path=FilePath(str(denied))),
        statistics=Statistics(
            standard_output=True, response_latency=True, peers_per_torrent=True, peer_clients=True
        ),
        log_level=LogLevel.OFF,
    )


class Control:
    """The control plane's part."""

    def __init__(self, prepared: PreparedTracker, pairs: list[Certificate], served: Certificate) -> None:
        assert prepared.certificates is not None
        self.prepared = prepared
        self.certificates = prepared.certificates
        self.pairs = pairs
        self.served = served
        self.rounds = 0
        self.short_lived_keys = TlsTicketKeys(rotation_seconds=0.001)
        settings = prepared.configuration.statistics
        protocols = (Protocol.UDP, Protocol.HTTP)
        self.collector = Collector(
            prepared.data_plane, prepared.counts, protocols, settings, prepared.access_list
        )
        self.metrics = PrometheusText(self.collector, settings, prepared.process_figures)

    def turn(self) -> None:
        """All that it may do to workers and ask of them."""
        swarm = self.prepared.data_plane.swarm
        self.rounds += 1
        self.prepared.access_list.serve(DENIED * (self.rounds % 2))
        self.swap_certificates()
        report = self.collector.report()
        counts = report.reading.swarm
        assert counts["seeders_ipv4"] <= counts["peers_ipv4"]
        assert b"\naquatic_active_connections" in self.metrics.render()
        exported(swarm)
        assert sum(map(len, pieces(swarm.export_downloads))) % 30 == 0

    def swap_certificates(self) -> None:
        """The files' new content; each third time the same with keys that every handshake finds to be old."""
        pair = self.pairs[self.rounds % len(self.pairs)]
        if self.rounds % 3:
            serve_files(pair, self.served)
            self.certificates.load()
            return
        context = TlsContext(pair.certificate, pair.private_key, self.short_lived_keys)
        self.certificates.serve([context] * self.certificates.count)


@contextmanager
def running(prepared: PreparedTracker) -> Iterator[None]:
    threads = [threading.Thread(target=job.function) for job in prepared.jobs]
    with ExitStack() as stack:
        for listener in prepared.listeners:
            for bound in listener.sockets:
                stack.enter_context(bound)
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            prepared.data_plane.swarm.stop()
            for thread in threads:
                thread.join(WAIT_SECONDS_MAX)
                assert not thread.is_alive()


def sums(read: Callable[[int, IpVersion], dict[str, int]], workers: int) -> Counter[str]:
    each = (Counter(read(worker, family)) for worker in range(workers) for family in IP_VERSIONS)
    return sum(each, Counter())


def http_client_at_work(client: HttpClient, ports: range, is_enough: threading.Event) -> None:
    while not (is_enough.is_set() and client.has_met_all):
        assert client.visits < VISITS_MAX, client.handshakes
        client.visit(ports)
    client.announce_for_good(ports)


def udp_client_at_work(address: SocketAddress, ports: range, is_enough: threading.Event) -> Client:
    family = socket.AF_INET6 if address.ip_version == 6 else socket.AF_INET
    client = Client(family, (str(address.host), address.port))
    with client.socket:
        while not is_enough.is_set():
            announce_storm(client, ports, 1, ports.start)
    return client


def clients_of(prepared: PreparedTracker, pairs: list[Certificate]) -> list[HttpClient]:
    """One of each listener for connections."""
    contexts = [ssl.create_default_context() for _ in TLS_VERSIONS]
    for context, version in zip(contexts, TLS_VERSIONS, strict=True):
        context.minimum_version = context.maximum_version = version
        for pair in pairs:
            context.load_verify_locations(cafile=str(pair.certificate))
    bound = [each for each in prepared.listeners if Protocol.HTTP in each.listener.protocols]
    return [
        HttpClient(each.address, contexts if each.listener.tls else [], seed)
        for seed, each in enumerate(bound)
    ]


def at_work(prepared: PreparedTracker, control: Control, clients: list[HttpClient]) -> list[Client]:
    """Let all do their part at once; returns the clients over UDP."""
    is_enough = threading.Event()
    udp = [each.address for each in prepared.listeners if Protocol.UDP in each.listener.protocols]
    ports = iter(range(start, start + PORTS) for start in range(1, 1000, 10))
    with ThreadPoolExecutor(len(clients) + len(udp)) as pool:
        http_work = [pool.submit(http_client_at_work, client, next(ports), is_enough) for client in clients]
        udp_work = [pool.submit(udp_client_at_work, address, next(ports), is_enough) for address in udp]
        try:
            while not (all(work.done() for work in http_work) and all(work.done() for work in udp_work)):
                control.turn()
                if control.rounds >= CONTROL_ROUNDS and prepared.data_plane.swarm.cleanings() >= CLEANINGS:
                    is_enough.set()
        finally:
            is_enough.set()
        for work in http_work:
            work.result()
        return [work.result() for work in udp_work]


def check_connections(counted: Counter[str], clients: list[HttpClient]) -> None:
    assert counted["accepted"] == sum(client.visits for client in clients)
    assert counted["closed_by_peer"] + counted["closed_by_answer"] == counted["accepted"]
    handshakes = sum((client.handshakes for client in clients), Counter[tuple[int, bool]]())
    assert counted["tls_handshakes"] == handshakes.total()
    resumed = sum(count for (_, is_resumed), count in handshakes.items() if is_resumed)
    assert counted["tls_resumptions"] == resumed


def check_requests(counted: Counter[str], clients: list[HttpClient]) -> None:
    sent = sum((client.sent for client in clients), Counter[str]())
    failures = sum(client.failures for client in clients)
    assert counted["requests_announce"] == sent["announce"]
    assert counted["responses_announce"] == sent["announce"] - failures
    assert counted["responses_failure"] == counted["errors_not_allowed"] == failures
    assert counted["requests_scrape"] == counted["responses_scrape"] == sent["scrape"]


def check_datagrams(counted: Counter[str], clients: list[Client]) -> None:
    for client in clients:
        assert client.sent["announce"] > 0
    for kind in ("connect", "announce", "scrape"):
        assert counted[f"requests_{kind}"] == sum(client.sent[kind] for client in clients)
    for kind in ("connect", "announce", "scrape", "error"):
        assert counted[f"responses_{kind}"] == sum(client.answered[kind] for client in clients)


def test_workers_of_all_kinds_clients_and_the_control_plane_together(tmp_path: Path) -> None:
    pairs = []
    for kind in ("ec", "rsa"):
        folder = tmp_path / kind
        folder.mkdir()
        pairs.append(make_certificate(folder, kind=kind))
    served = Certificate(tmp_path / "served.pem", tmp_path / "served.key")
    (tmp_path / "denied").write_text(DENIED.hex())
    serve_files(pairs[0], served)
    prepared = prepare(configuration(served, tmp_path / "denied"), make_data_plane)
    control, clients = Control(prepared, pairs, served), clients_of(prepared, pairs)
    stream, udp, workers = prepared.data_plane.stream, prepared.data_plane.udp, prepared.counts
    assert stream
    assert udp
    with running(prepared):
        udp_clients = at_work(prepared, control, clients)
        wait_until(lambda: not sums(stream.connection_counters, workers.stream)["active"])
        swarms = exported(prepared.data_plane.swarm)
        for info_hash in HASHES:
            # Half of the ports are odd. Over each family there is a client by HTTP, HTTPS and UDP each.
            assert {swarms[family, info_hash.hex()] for family in "46"} == {(9, 9)}
    check_connections(sums(stream.connection_counters, workers.stream), clients)
    check_requests(sums(stream.http_counters, workers.stream), clients)
    check_datagrams(sums(udp.counters, workers.udp), udp_clients)
