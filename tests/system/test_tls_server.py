"""TLS on real sockets, with Python's client."""

import contextlib
import socket
import ssl
import threading
from pathlib import Path

import pytest

from aquatic.dataplane.stream.tls_context import TlsContext, TlsTicketKeys
from tests.support.certificates import Certificate, make_certificate
from tests.system.test_connection_server import (
    ANSWERS,
    LINES,
    TIMEOUT_SECONDS,
    RunningServer,
    exchange,
    receive,
    running,
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def served_context(certificate: Certificate, ticket_keys: TlsTicketKeys) -> TlsContext:
    return TlsContext(certificate.certificate, certificate.private_key, ticket_keys)


def connect(
    server: RunningServer, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLSocket:
    plain = socket.create_connection(server.ipv4.getsockname(), TIMEOUT_SECONDS)
    return context.wrap_socket(plain, server_hostname="localhost", session=session)


def test_connections_come_and_go_with_and_without_resumption(certificate: Certificate) -> None:
    with running() as server:
        server.server.set_tls(served_context(certificate, TlsTicketKeys()))
        context = certificate.client_context()
        session = None
        for number in range(20):
            with connect(server, context, session) as connection:
                assert exchange(connection, LINES, len(ANSWERS)) == ANSWERS
                assert connection.session_reused == (number > 0)
                session = connection.session
                if number % 2:
                    assert exchange(connection, b"close\n", 100) == b"close\n"
        assert server.server.counters()["tls_resumptions"] == 19


def test_a_peer_that_reads_late_gets_everything(certificate: Certificate) -> None:
    with running(output_bytes_max=60_000) as server:
        server.server.set_tls(served_context(certificate, TlsTicketKeys()))
        count = 100
        with connect(server, certificate.client_context()) as connection:
            # All of it at once: the kernel's buffers and the server's are full before anything is read.
            connection.sendall(b"big 50000\n" * count)
            assert receive(connection, count * 50_001) == (b"x" * 50_000 + b"\n") * count


def test_certificates_change_under_load(certificate: Certificate, tmp_path: Path) -> None:
    keys = TlsTicketKeys()
    others = [certificate, make_certificate(tmp_path, kind="rsa")]
    context = ssl.create_default_context(cafile=str(certificate.certificate))
    context.load_verify_locations(cafile=str(others[1].certificate))
    ended = threading.Event()
    failures: list[BaseException] = []

    def load(server: RunningServer) -> None:
        try:
            while not ended.is_set():
                with connect(server, context) as connection:
                    assert exchange(connection, LINES, len(ANSWERS)) == ANSWERS
        except BaseException as failure:
            failures.append(failure)

    with running() as server:
        server.server.set_tls(served_context(others[0], keys))
        old = connect(server, context)
        threads = [threading.Thread(target=load, args=(server,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(10):
            server.server.set_tls(served_context(others[number % 2], keys))
            with connect(server, context) as connection:
                assert exchange(connection, LINES, len(ANSWERS)) == ANSWERS
        assert exchange(old, LINES, len(ANSWERS)) == ANSWERS
        old.close()
        ended.set()
        for thread in threads:
            thread.join(TIMEOUT_SECONDS)
        assert not failures


def test_what_is_not_tls_is_closed_and_the_next_is_served(certificate: Certificate) -> None:
    with running() as server:
        server.server.set_tls(served_context(certificate, TlsTicketKeys()))
        for content in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(1000), b"\x80" * 500):
            with server.connect() as connection:
                connection.sendall(content)
                with contextlib.suppress(ConnectionResetError):
                    while connection.recv(1000):
                        pass
        with connect(server, certificate.client_context()) as connection:
            assert exchange(connection, LINES, len(ANSWERS)) == ANSWERS
        server.wait_for("closed_tls", 3)
