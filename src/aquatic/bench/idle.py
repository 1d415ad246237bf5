"""Memory of idle connections: open many to a tracker, let each ask once, close them, and look again.

Over WebSocket each asks by an announce without offers. Limits by address are lifted for it.
"""

import base64
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from aquatic.bench.frames import masked_frame
from aquatic.bench.process import RunningTracker, TrackerError
from aquatic.bench.result import Bar, BarChart, Result
from aquatic.bench.runs import Conditions, keep_configuration, log
from aquatic.bench.trackers import Tracker, Wire
from aquatic.loadtest.target import Target

HTTP_REQUEST = b"GET /scrape?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: tracker\r\n\r\n"
CLEANING_INTERVAL_SECONDS = 3
# A tracker may tidy its memory while it cleans.
SETTLE_SECONDS = 2 * CLEANING_INTERVAL_SECONDS + 1
# What is to be given back within an interval, once the tracker has seen all of them go.
CLOSED_SECONDS = CLEANING_INTERVAL_SECONDS + 1
ANSWER_SECONDS_MAX = 30
OPENED_PER_SECOND = {"http": 8000, "https": 500, "ws": 3000, "wss": 400, "udp": 1}


@dataclass(frozen=True, slots=True)
class IdleMemory:
    """Resident memory before, with and after the connections of one round."""

    connections: int
    before_bytes: int
    open_bytes: int
    closed_bytes: int

    @property
    def connection_bytes(self) -> float:
        """What each costs while it is open."""
        return (self.open_bytes - self.before_bytes) / self.connections

    @property
    def given_back(self) -> float:
        """The part of that which is the system's again."""
        return (self.open_bytes - self.closed_bytes) / max(self.open_bytes - self.before_bytes, 1)


@dataclass(frozen=True, slots=True)
class IdleRun:
    """Every tracker, in rounds of which the first pays for what is needed once."""

    name: str
    title: str
    wire: Wire
    trackers: tuple[str, ...]
    connections: int = 10_000
    rounds: int = 2

    @property
    def estimated_seconds(self) -> float:
        """By how fast connections are opened here."""
        opening = self.connections / OPENED_PER_SECOND[self.wire]
        return len(self.trackers) * (4 + self.rounds * (opening + 1 + SETTLE_SECONDS + CLOSED_SECONDS))

    def measure(self, conditions: Conditions) -> Result:
        """One table."""
        result = Result(self.name, self.title, conditions.command)
        found: dict[str, list[IdleMemory]] = {}
        for tracker in conditions.choose(self.trackers, self.wire, result):
            try:
                found[tracker.name] = self._rounds(tracker, conditions, result)
            except (TrackerError, OSError) as error:
                log(f"{tracker.name}: {error}")
                result.notes.append(f"{tracker.name}: {error}")
                result.failed = True
        result.data["rounds"] = found
        caption = (
            f"{self.connections:,} idle connections over {self.wire}, each of which has been answered once"
        )
        head = ["tracker", "round", "bytes each", "given back"]
        rows = [table_row(name, *each) for name, rounds in found.items() for each in enumerate(rounds, 1)]
        result.table(caption, head, rows)
        result.bar_charts.append(idle_chart(caption, found))
        result.notes.append(
            "resident memory of the whole process; the first round also pays for what is needed once; every connection "
            f"is from an address of its own; given back: {CLOSED_SECONDS} s after all have closed, with an interval "
            f"between cleanings of {CLEANING_INTERVAL_SECONDS} s"
        )
        return result

    def _rounds(self, tracker: Tracker, conditions: Conditions, result: Result) -> list[IdleMemory]:
        """TrackerError; OSError when a connection is refused or not answered."""
        found = []
        with conditions.start(
            tracker,
            self.wire,
            cleaning_interval_seconds=CLEANING_INTERVAL_SECONDS,
        ) as running:
            keep_configuration(result, running)
            for _ in range(conditions.rounds or self.rounds):
                found.append(measure_round(running, self.wire, self.connections))
                log(f"{tracker.name}: {', '.join(table_row(tracker.name, len(found), found[-1])[1:])}")
        return found


def measure_round(running: RunningTracker, wire: Wire, count: int) -> IdleMemory:
    """One round. OSError when a connection is refused or not answered."""
    before = running.memory_bytes()
    with open_round(running, wire, count):
        time.sleep(SETTLE_SECONDS)
        opened = running.memory_bytes()
    time.sleep(CLOSED_SECONDS)
    return IdleMemory(count, before, opened, running.memory_bytes())


@contextmanager
def open_round(running: RunningTracker, wire: Wire, count: int) -> Iterator[None]:
    """So many connections, each of which has been answered once. OSError when one is refused or is not."""
    context = client_context() if wire in ("https", "wss") else None
    connections: list[socket.socket] = []
    try:
        for index in range(count):
            connections.append(open_connection(running.target, context, index))
            if wire in ("ws", "wss"):
                ask_by_websocket(connections[-1], index)
            else:
                ask_by_http(connections[-1])
        yield
    finally:
        for connection in connections:
            connection.close()


def client_context() -> ssl.SSLContext:
    """What TLS costs does not depend on whether the certificate is believed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def open_connection(target: Target, context: ssl.SSLContext | None, index: int) -> socket.socket:
    """Ready for a request, from an address of its own of the 65,536 in 127.1.0.0/16. OSError."""
    source = f"127.1.{index >> 8 & 255}.{index & 255}"
    connection: socket.socket = socket.create_connection(
        (str(target.address), target.port), ANSWER_SECONDS_MAX, (source, 0)
    )
    return context.wrap_socket(connection) if context else connection


def ask_by_http(connection: socket.socket) -> None:
    """Be answered once. OSError when it is not."""
    connection.sendall(HTTP_REQUEST)
    if not connection.recv(1 << 16).startswith(b"HTTP/1."):
        raise OSError("a connection was not answered: is there a limit by address?")


def ask_by_websocket(connection: socket.socket, index: int) -> None:
    """Open a WebSocket and announce a peer to a torrent of few. OSError when it is not answered."""
    key = base64.b64encode(os.urandom(16)).decode()
    headers = ("Host: tracker", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}")
    request = "\r\n".join(["GET / HTTP/1.1", *headers, "Sec-WebSocket-Version: 13", "", ""])
    connection.sendall(request.encode())
    if not connection.recv(1 << 16).startswith(b"HTTP/1.1 101"):
        raise OSError("a WebSocket was refused")
    connection.sendall(masked_frame(announce(index).encode()))
    if not connection.recv(1 << 16):
        raise OSError("an announce was not answered")


def announce(index: int) -> str:
    """Of the peer with this number, one of four in its torrent."""
    return json.dumps(
        {
            "action": "announce",
            "info_hash": f"idle-torrent-{index // 4:07}",
            "peer_id": f"-AQ0000-{index:012}",
            "numwant": 0,
            "uploaded": 0,
            "downloaded": 0,
            "left": 1,
            "offers": [],
        }
    )


def table_row(name: str, number: int, memory: IdleMemory) -> list[str]:
    """Tracker, round, bytes of each connection, and the per cent given back."""
    return [name, str(number), f"{memory.connection_bytes:,.0f}", f"{100 * memory.given_back:.1f} %"]


def idle_chart(caption: str, found: Mapping[str, list[IdleMemory]]) -> BarChart:
    """Of the first rounds: who gives nothing back takes nothing again later."""
    first = {name: rounds[0].connection_bytes for name, rounds in found.items()}
    return BarChart(
        caption,
        "bytes a connection",
        ["bytes"],
        [Bar(name, [each], each, each) for name, each in first.items()],
    )
