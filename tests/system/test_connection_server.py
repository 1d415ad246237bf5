"""The connection server on real sockets."""

import contextlib
import json
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from aquatic.testing.stream import StreamGroup, StreamServer, StreamSettings
from tests.support.processes import ROOT, WAIT_SECONDS_MAX, wait_until
from tests.support.processes import running as running_process

LINES = b"first\nsecond\nbig 3\nlast\n"
ANSWERS = b"first\nsecond\nxxx\nlast\n"
SEGMENTS_IN_AT = 140  # of struct tcp_info
TIMEOUT_SECONDS = WAIT_SECONDS_MAX


class RunningServer:
    """A worker in a thread of its own, with an IPv4 and a dual-stack IPv6 listener."""

    def __init__(self, settings: StreamSettings, group: StreamGroup | None = None) -> None:
        self.server = StreamServer(settings, group)
        self.ipv4 = socket.create_server(("127.0.0.1", 0))
        self.dual = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        listeners = (self.ipv4, self.dual)
        for listener in listeners:
            listener.setblocking(False)
        descriptors = [listener.fileno() for listener in listeners]
        self.thread = threading.Thread(target=self.server.run, args=(descriptors,))
        self.thread.start()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.ipv4.getsockname(), TIMEOUT_SECONDS)

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(TIMEOUT_SECONDS)
        assert not self.thread.is_alive()
        self.ipv4.close()
        self.dual.close()
        for family in (4, 6):
            counters = self.server.counters(family)
            closed = sum(count for name, count in counters.items() if name.startswith("closed_"))
            assert counters["accepted"] == closed
            assert counters["active"] == 0

    def wait_for(self, name: str, count: int) -> None:
        wait_until(lambda: self.server.counters()[name] == count)


@contextlib.contextmanager
def running(group: StreamGroup | None = None, **changes: object) -> Iterator[RunningServer]:
    settings = {"listeners": 2, "connections_max": 5000} | changes
    server = RunningServer(StreamSettings(**settings), group)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.stop()


def receive(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        piece = connection.recv(length - len(received))
        if not piece:
            break
        received += piece
    return received


def exchange(connection: socket.socket, request: bytes, answer_bytes: int) -> bytes:
    connection.sendall(request)
    return receive(connection, answer_bytes)


def test_lines_come_back_over_every_listener() -> None:
    with running() as server:
        port = server.dual.getsockname()[1]
        for address in (server.ipv4.getsockname(), ("127.0.0.1", port), ("::1", port)):
            with socket.create_connection(address, TIMEOUT_SECONDS) as connection:
                assert exchange(connection, LINES, len(ANSWERS)) == ANSWERS
                is_ipv6 = address[0] == "::1"
                source = socket.inet_pton(socket.AF_INET6 if is_ipv6 else socket.AF_INET, address[0])
                answer = exchange(connection, b"from\n", len(source) + 6)
                assert answer[: len(source)] == source
        server.wait_for("closed_by_peer", 2)


def test_a_peer_that_reads_late_gets_everything() -> None:
    with running(output_bytes_max=60_000) as server, server.connect() as connection:
        count = 200
        writer = threading.Thread(target=connection.sendall, args=(b"big 50000\n" * count,))
        writer.start()
        # Nothing is read until the kernel's buffers are full and the server waits.
        wait_until(lambda: server.server.counters()["bytes_sent"] > 50_000)
        assert receive(connection, count * 50_001) == (b"x" * 50_000 + b"\n") * count
        writer.join()


def test_the_end_comes_in_one_packet_with_the_last_words() -> None:
    def segments() -> int:
        """How many came. If the worker stands still between its last words and the end, the kernel makes two."""
        with server.connect() as connection:
            assert exchange(connection, b"close\n", 100) == b"close\n"
            information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SEGMENTS_IN_AT + 4)
            count: int = struct.unpack_from("I", information, SEGMENTS_IN_AT)[0]
            return count

    with running() as server:
        # One opened the connection, one acknowledged what was sent.
        wait_until(lambda: segments() <= 3)


def test_an_end_reaches_the_peer_after_the_last_words() -> None:
    with running() as server:
        for request in (b"close\n", b"close\n" + b"ignored" * 1000):
            with server.connect() as connection:
                connection.sendall(request)
                assert receive(connection, 100) == b"close\n"
        with server.connect() as connection:
            connection.sendall(LINES)
            connection.shutdown(socket.SHUT_WR)
            assert receive(connection, 100) == ANSWERS


def test_resets_leave_nothing_behind() -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    with running() as server:
        descriptors = len(os.listdir("/proc/self/fd"))
        for request in (b"", b"half", b"line\n", b"big 4000\n" * 50, b"close\nmore"):
            for _ in range(10):
                connection = server.connect()
                connection.sendall(request)
                reset(connection)
        wait_until(
            lambda: server.server.counters()["accepted"] == 50 and server.server.counters()["active"] == 0
        )
        # Those of tests before this one may still be closed.
        wait_until(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)
        with server.connect() as connection:
            assert exchange(connection, LINES, len(ANSWERS)) == ANSWERS


def test_the_end_of_the_worker_answers_what_was_received() -> None:
    with running() as server, server.connect() as connection:
        server.wait_for("active", 1)
        connection.sendall(LINES)
        server.stop()
        assert receive(connection, 100) == ANSWERS + b"bye\n"


@pytest.mark.parametrize("send", [b"", b"half a line"])
def test_who_says_nothing_is_closed(send: bytes) -> None:
    with running(header_seconds_max=1) as server, server.connect() as connection:
        connection.sendall(send)
        assert connection.recv(9, socket.MSG_WAITALL) == b"bye\n"
        server.wait_for("closed_header_time", 1)


def serve_all(connections: list[socket.socket], round_number: int) -> None:
    lines = [b"%d of %d\n" % (index, round_number) for index in range(len(connections))]
    for connection, line in zip(connections, lines, strict=True):
        connection.sendall(line)
    for connection, line in zip(connections, lines, strict=True):
        assert receive(connection, len(line)) == line


def test_many_connections_at_once() -> None:
    with running() as server, contextlib.ExitStack() as open_connections:
        connections = [open_connections.enter_context(server.connect()) for _ in range(300)]
        for round_number in range(3):
            serve_all(connections, round_number)
        assert server.server.counters()["active"] == 300


def test_without_descriptors_it_keeps_serving_and_accepts_again() -> None:
    command = [sys.executable, "-m", "tests.support.line_server", "40"]
    with (
        running_process(command, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process,
        contextlib.ExitStack() as open_connections,
    ):
        address = ("127.0.0.1", int(process.wait_for_line("port ").split()[1]))

        def connect() -> socket.socket:
            return open_connections.enter_context(socket.create_connection(address, TIMEOUT_SECONDS))

        connections = [connect() for _ in range(20)]
        serve_all(connections, 0)
        # More than it can have: the kernel answers for it, and they wait.
        waiting = [connect() for _ in range(60)]
        for connection in waiting:
            connection.sendall(b"line\n")
        for round_number in range(20):
            serve_all(connections, round_number)
        for connection in connections:
            connection.close()
        for connection in waiting:
            assert receive(connection, 5) == b"line\n"
            connection.close()
        process.signal(signal.SIGTERM)
        counters = json.loads(process.wait_for_line("counters ").removeprefix("counters "))
        assert process.wait() == 0
        assert counters["accepted"] == 80
        assert counters["accept_pauses"] > 0
        assert counters["active"] == 0


def name_of(connection: socket.socket) -> bytes:
    """What other connections call it."""
    connection.sendall(b"name\n")
    name = b""
    while not name.endswith(b"\n"):
        name += receive(connection, 1)
    return name.rstrip()


class Talker:
    """A client that sends messages to others and reads what comes, in a thread of its own."""

    def __init__(self, index: int, connection: socket.socket) -> None:
        self.index = index
        self.connection = connection
        self.name = name_of(connection)
        self.answers = 0
        self.received: dict[int, list[int]] = {}
        self.thread = threading.Thread(target=self.talk)
        self.others: list[Talker] = []

    def talk(self) -> None:
        """Thirty messages at a time, so that everybody keeps up."""
        with self.connection.makefile("rb") as lines:
            for first in range(0, MESSAGES, 30):
                for place in range(first, first + 30):
                    other = self.others[place % len(self.others)]
                    self.connection.sendall(b"@%b %d %d\n" % (other.name, self.index, place))
                self.read_until(lines, answers=first + 30)
            self.read_until(lines, messages=MESSAGES)

    def read_until(self, lines: BinaryIO, answers: int = 0, messages: int = 0) -> None:
        while self.answers < answers or sum(map(len, self.received.values())) < messages:
            line = lines.readline().rstrip()
            if line == b"queued":
                self.answers += 1
            else:
                sender, place = map(int, line.split())
                self.received.setdefault(sender, []).append(place)


MESSAGES = 3000


def test_workers_relay_to_each_other_without_losing_a_message() -> None:
    group = StreamGroup()
    with running(group) as first, running(group) as second, contextlib.ExitStack() as opened:
        connections = [opened.enter_context(server.connect()) for server in (first, first, second, second)]
        talkers = [Talker(index, connection) for index, connection in enumerate(connections)]
        for talker in talkers:
            talker.others = [other for other in talkers if other is not talker]
            talker.thread.start()
        for talker in talkers:
            talker.thread.join(3 * TIMEOUT_SECONDS)
            assert not talker.thread.is_alive()
        for talker in talkers:
            sent = {other.index: other.others.index(talker) for other in talker.others}
            assert talker.received == {
                index: list(range(place, MESSAGES, 3)) for index, place in sent.items()
            }


def test_a_message_wakes_a_worker_that_would_wait_longer_than_the_test() -> None:
    group = StreamGroup()
    with running(group, poll_timeout_ms=1000 * TIMEOUT_SECONDS) as first, running(group) as second:
        with first.connect() as receiver, second.connect() as sender:
            name = name_of(receiver)
            for _ in range(10):
                assert exchange(sender, b"@%b hello\n" % name, 7) == b"queued\n"
                assert receive(receiver, 6) == b"hello\n"
        # Nor would it see that it is to stop.
        first.server.stop()
        first.connect().close()
