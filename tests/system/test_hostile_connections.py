"""Strangers who break the rules of HTTP, TLS and TCP: the tracker's process outlives them, and others are served.

A worker handles what has become ready in its order, so whatever was sent on one connection before an exchange on
another has been received when that ends (`Tracker.settle`). Nothing here depends on how long something takes.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.certificates import Certificate, TlsPeer, make_certificate
from tests.support.http_answers import HttpAnswer, read_answers, response_bytes
from tests.support.http_client import Address, announce_path, running_tracker
from tests.support.metrics import metrics, metrics_showing, metrics_url
from tests.support.processes import WAIT_SECONDS_MAX, Process, wait_until
from tests.support.proxy_header import binary_header, text_header
from tests.system.harness import listen_table, told_addresses

# A PROXY header of a client's address and port.
HeaderOf = Callable[[str, int], bytes]
PEOPLE = "127.0.0.1"
OTHER_PEOPLE = "127.0.0.2"
PATIENT = """
[connections]
per_address_max = 0
new_per_address_per_second_max = 0
handshake_seconds_max = 600
header_seconds_max = 600
idle_seconds_max = 600
"""
METRICS = """
[statistics]
prometheus = true
prometheus_address = "127.0.0.1:0"
"""
PROXIED = """proxy_protocol = true
trusted_proxies = ["127.0.0.1/32"]
"""


def request(target: str = "", *headers: str, version: str = "1.1") -> bytes:
    head = [f"GET {target or announce_path(1111)} HTTP/{version}", "Host: tracker.example", *headers, "", ""]
    return "\r\n".join(head).encode()


def scrape_request(number: int) -> bytes:
    return request("/scrape?info_hash=" + quote(number.to_bytes(20, "big"), safe=""))


def receive(connection: socket.socket, answers_count: int) -> list[HttpAnswer]:
    """So many answers, or as many as come before the end."""
    data, whole = b"", 0
    while answers_count:
        if b"\r\n\r\n" in data[whole:] and len(data) >= (end := whole + response_bytes(data[whole:])):
            whole, answers_count = end, answers_count - 1
            continue
        piece = connection.recv(1 << 16)
        if not piece:
            break
        data += piece
    return read_answers(data[:whole])


def ask(connection: socket.socket, sent: bytes) -> HttpAnswer:
    connection.sendall(sent)
    (answer,) = receive(connection, 1)
    return answer


def is_ended(connection: socket.socket) -> bool:
    """Whether the other end closed, after anything that it still says."""
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


def is_cut_off(connection: socket.socket) -> bool:
    """Whether one more byte can't be sent."""
    try:
        connection.sendall(b"G")
    except OSError:
        return True
    return False


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@dataclass(frozen=True)
class Tracker:
    process: Process
    addresses: dict[str, Address]
    certificate: Certificate

    def connect(self, scheme: str = "http", source: str = PEOPLE) -> socket.socket:
        connection = socket.create_connection(self.addresses[scheme], WAIT_SECONDS_MAX, (source, 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def connect_tls(self, source: str = PEOPLE) -> ssl.SSLSocket:
        plain = self.connect("https", source)
        return self.certificate.client_context().wrap_socket(plain, server_hostname="localhost")

    def check_service(self, source: str = PEOPLE) -> None:
        """Everybody is served."""
        for connect in (self.connect_tls, lambda source: self.connect(source=source)):
            with connect(source) as connection:
                assert ask(connection, request()).dictionary[b"external ip"] == socket.inet_aton(source)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.popen.pid}/fd"))


@contextlib.contextmanager
def running(folder: Path, settings: str, listen: str = "") -> Iterator[Tracker]:
    certificate = make_certificate(folder)
    tables = [listen_table(scheme, PEOPLE, certificate) + listen for scheme in ("http", "https")]
    with running_tracker(folder, "serve", "".join(tables) + settings) as process:
        addresses = {scheme: address for (scheme, _), address in told_addresses(process, 4).items()}
        yield Tracker(process, addresses, certificate)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    with running(tmp_path_factory.mktemp("tracker"), PATIENT) as tracker:
        yield tracker


@pytest.fixture
def tracker(patient: Tracker) -> Iterator[Tracker]:
    """One that must have given everything back at the end, and serve."""
    patient.check_service()
    with patient.connect() as connection:
        ask(connection, request())
        before = patient.descriptors() - 1
    yield patient
    patient.check_service()
    wait_until(lambda: patient.descriptors() == before)


@pytest.fixture
def settle(tracker: Tracker) -> Iterator[socket.socket]:
    """A connection on which an exchange shows that what was sent on others before has been received."""
    with tracker.connect() as connection:
        yield connection


def test_a_request_in_single_bytes_and_split_in_two_at_each(tracker: Tracker, settle: socket.socket) -> None:
    sent = request()
    with tracker.connect() as connection:
        for place in range(1, len(sent)):
            connection.sendall(sent[:place])
            ask(settle, sent)
            assert b"peers" in ask(connection, sent[place:]).dictionary
        for place in range(len(sent) - 1):
            connection.sendall(sent[place : place + 1])
            ask(settle, sent)
        assert b"peers" in ask(connection, sent[-1:]).dictionary


def test_a_handshake_and_a_request_over_tls_in_single_bytes(tracker: Tracker, settle: socket.socket) -> None:
    peer = TlsPeer(tracker.certificate.client_context())
    with tracker.connect("https") as connection:

        def trickle(data: bytes) -> None:
            for place in range(len(data)):
                connection.sendall(data[place : place + 1])
                ask(settle, request())

        trickle(peer.shake_hands())
        while not peer.is_open:
            flight = peer.shake_hands(connection.recv(1 << 16))
            trickle(flight)
        trickle(peer.seal(request()))
        answer = b""
        while not answer:
            answer = peer.open(connection.recv(1 << 16))
        assert b"peers" in read_answers(answer)[0].dictionary


def test_pipelined_requests_are_answered_in_their_order(tracker: Tracker) -> None:
    numbers = range(400)
    sent = b"".join(scrape_request(number) for number in numbers)
    for connect in (tracker.connect, tracker.connect_tls):
        with connect() as connection:
            connection.sendall(sent)
            answers = receive(connection, len(numbers))
            assert [list(answer.dictionary[b"files"]) for answer in answers] == [
                [number.to_bytes(20, "big")] for number in numbers
            ]


def test_a_client_that_has_ended_its_side_gets_its_answers(tracker: Tracker) -> None:
    with tracker.connect() as connection:
        connection.sendall(request() * 3 + request()[:50])
        connection.shutdown(socket.SHUT_WR)
        assert len(receive(connection, 4)) == 3
    peer = TlsPeer(tracker.certificate.client_context())
    with tracker.connect("https") as connection:
        connection.sendall(peer.shake_hands())
        while not peer.is_open:
            connection.sendall(peer.shake_hands(connection.recv(1 << 16)))
        connection.sendall(peer.seal(request()) + peer.end())
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(1 << 16):
            with contextlib.suppress(ssl.SSLError):
                answer += peer.open(piece)
        assert b"peers" in read_answers(answer)[0].dictionary


def test_thousands_that_are_idle(tracker: Tracker) -> None:
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500
    with contextlib.ExitStack() as stack:
        plain = [stack.enter_context(tracker.connect()) for _ in range(min(2_000, room))]
        encrypted = [stack.enter_context(tracker.connect_tls()) for _ in range(min(200, room))]
        tracker.check_service()
        for connection in (*plain[::50], *encrypted[::10]):
            assert b"peers" in ask(connection, request()).dictionary


def test_a_client_that_never_reads_is_not_read_either(tracker: Tracker, settle: socket.socket) -> None:
    one = scrape_request(1)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(tracker.addresses["http"])
        connection.sendall(one)
        answer = connection.recv(1000)
        connection.setblocking(False)
        sent_bytes = send_until_blocked(connection, one * 100, settle)
        tracker.check_service()
        connection.settimeout(WAIT_SECONDS_MAX)
        expected = answer * (sent_bytes // len(one))
        received = bytearray()
        while len(received) < len(expected) and (piece := connection.recv(1 << 20)):
            received += piece
        is_whole = received == expected
        assert is_whole


def send_until_blocked(connection: socket.socket, repeated: bytes, settle: socket.socket) -> int:
    """Send until nothing more is taken, though the tracker had its turns; returns how many bytes went."""
    sent_bytes, turns = 0, 0
    while turns < 10:
        try:
            sent_bytes += connection.send(repeated[sent_bytes % len(repeated) :])
            turns = 0
        except BlockingIOError:
            ask(settle, request())
            turns += 1
    return sent_bytes


def test_resets_in_the_middle_of_answers_and_handshakes(tracker: Tracker, settle: socket.socket) -> None:
    hello = TlsPeer(tracker.certificate.client_context()).shake_hands()
    for scheme, sent in (
        ("http", b""),
        ("http", request()[:40]),
        ("http", request()),
        ("http", scrape_request(2) * 500),
        ("https", b""),
        ("https", hello[:100]),
        ("https", hello),
    ):
        for has_settled in (False, True) * 10:
            connection = tracker.connect(scheme)
            connection.sendall(sent)
            if has_settled:
                ask(settle, request())
            reset(connection)
    for _ in range(10):
        encrypted = tracker.connect_tls()
        encrypted.sendall(scrape_request(3) * 100)
        reset(encrypted)


def test_a_flood_of_handshakes_that_go_no_further(tracker: Tracker, settle: socket.socket) -> None:
    hello = TlsPeer(tracker.certificate.client_context()).shake_hands()
    with contextlib.ExitStack() as stack:
        flood = [stack.enter_context(tracker.connect("https")) for _ in range(300)]
        for connection in flood:
            connection.sendall(hello)
        ask(settle, request())
        tracker.check_service()
        for connection in flood:
            assert connection.recv(1)[0] == 22, "a handshake record, of the flight that nobody answers"


def test_the_wrong_protocol_for_the_port(tracker: Tracker) -> None:
    with tracker.connect("https") as connection:
        connection.sendall(request())
        assert is_ended(connection)
    with tracker.connect() as connection:
        answer = ask(connection, TlsPeer(tracker.certificate.client_context()).shake_hands())
        assert (answer.status, answer.closes) == (400, True)
        assert is_ended(connection)


def test_a_connection_serves_again_and_again(tracker: Tracker) -> None:
    for connect in (tracker.connect, tracker.connect_tls):
        with connect() as connection:
            for _ in range(500):
                assert b"peers" in ask(connection, request()).dictionary


@pytest.mark.parametrize(
    ("version", "header", "stays"),
    [
        ("1.0", "Accept: */*", False),
        ("1.0", "Connection: keep-alive", True),
        ("1.1", "Accept: */*", True),
        ("1.1", "Connection: close", False),
    ],
)
def test_who_stays_connected(tracker: Tracker, version: str, header: str, stays: bool) -> None:
    with tracker.connect() as connection:
        sent = request("", header, version=version)
        assert ask(connection, sent).closes is not stays
        if stays:
            ask(connection, sent)
        else:
            assert is_ended(connection)


def test_slow_requests_are_ended_and_quick_ones_served(tmp_path: Path) -> None:
    settings = "[connections]\nheader_seconds_max = 2\nhandshake_seconds_max = 2\nheader_bytes_max = 65536\n"
    with running(tmp_path, settings + METRICS) as tracker, contextlib.ExitStack() as stack:
        connects: tuple[Callable[[], socket.socket], ...] = (tracker.connect, tracker.connect_tls)
        quick = [stack.enter_context(quick_client(connect)) for connect in connects]
        url = metrics_url(tracker.process)
        before = metrics(url)
        slow = [stack.enter_context(tracker.connect(scheme)) for scheme in ("http", "https") * 20]
        for connection in slow[::4]:
            connection.sendall(b"GET /announce?")
        dripping = stack.enter_context(tracker.connect())
        dripping.sendall(b"GET /announce?")
        while not is_cut_off(dripping):
            for connection in quick:
                assert b"peers" in ask(connection, request()).dictionary
        assert all(map(is_ended, slow))
        labels = 'ip_version="4",worker_index="0"'
        closed = {
            f'aquatic_connections_closed_total{{cause="{cause}",{labels}}}': count
            for cause, count in (("header_time", 21), ("handshake_time", 20))
        }
        metrics_showing(url, {name: before[name] + count for name, count in closed.items()})


def quick_client(connect: Callable[[], socket.socket]) -> socket.socket:
    """A connection that has been answered: one of several tries, since this machine may be too busy to be quick."""
    for _ in range(20):
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            connection = stack.enter_context(connect())
            ask(connection, request())
            stack.pop_all()
            return connection
    raise AssertionError("never quick enough")


def test_an_address_with_too_many_connections_is_refused_and_no_other(tmp_path: Path) -> None:
    settings = PATIENT.replace("per_address_max = 0", "per_address_max = 8", 1)
    with running(tmp_path, settings + METRICS) as tracker, contextlib.ExitStack() as stack:
        url = metrics_url(tracker.process)
        held = [stack.enter_context(tracker.connect(scheme)) for scheme in ("http", "https") * 4]
        # Both listeners are one worker's; each of them is served in its turn.
        wait_until(lambda: metrics(url)['aquatic_active_connections{ip_version="4",worker_index="0"}'] == 8)
        for scheme in ("http", "https", "http"):
            with tracker.connect(scheme) as refused:
                assert is_ended(refused)
        tracker.check_service(OTHER_PEOPLE)
        labels = 'ip_version="4",worker_index="0"'
        metrics_showing(url, {f'aquatic_connections_refused_total{{cause="address_full",{labels}}}': 3})
        for connection in held[:4]:
            connection.close()
        wait_until(lambda: metrics(url)['aquatic_active_connections{ip_version="4",worker_index="0"}'] == 4)
        tracker.check_service()


def test_without_descriptors_those_that_are_connected_are_served(tmp_path: Path) -> None:
    with running(tmp_path, PATIENT) as tracker, contextlib.ExitStack() as stack:
        first = stack.enter_context(tracker.connect())
        ask(first, request())
        before = tracker.descriptors()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.prlimit(tracker.process.popen.pid, resource.RLIMIT_NOFILE, (before + 10, limit[1]))
        crowd = [stack.enter_context(tracker.connect()) for _ in range(40)]
        wait_until(lambda: tracker.descriptors() == before + 10)
        assert b"peers" in ask(first, request()).dictionary
        for connection in crowd:
            assert b"peers" in ask(connection, request()).dictionary
            connection.close()
        tracker.check_service()
        wait_until(lambda: tracker.descriptors() == before)


@pytest.mark.parametrize("header", [text_header, binary_header])
@pytest.mark.parametrize("client", ["198.51.100.7", "2001:db8::7"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_trusted_proxy_is_believed(proxied: Tracker, header: HeaderOf, client: str, scheme: str) -> None:
    with proxied.connect(scheme) as connection:
        connection.sendall(header(client, 4321))
        if scheme == "https":
            context = proxied.certificate.client_context()
            with context.wrap_socket(connection, server_hostname="localhost") as encrypted:
                answer = ask(encrypted, request())
        else:
            answer = ask(connection, request())
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    assert answer.dictionary[b"external ip"] == socket.inet_pton(family, client)


@pytest.mark.parametrize("header", [text_header, binary_header])
def test_who_is_no_trusted_proxy_is_a_client(proxied: Tracker, header: HeaderOf) -> None:
    with proxied.connect(source=OTHER_PEOPLE) as connection:
        answer = ask(connection, header("198.51.100.7", 4321) + request())
        assert (answer.status, answer.closes) == (400, True)
    proxied.check_service(OTHER_PEOPLE)
    with proxied.connect() as connection:
        connection.sendall(request())
        assert is_ended(connection), "a trusted proxy must say who its client is"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    with running(tmp_path_factory.mktemp("tracker"), PATIENT, PROXIED) as tracker:
        yield tracker
