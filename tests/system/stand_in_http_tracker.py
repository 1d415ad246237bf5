"""A slow HTTP tracker that keeps the rules, in threads: what the load generator is tried on."""

import contextlib
import socket
import socketserver
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address, ip_address
from threading import Lock, Thread
from typing import Any

from aquatic.protocol import bencode
from aquatic.protocol.http import AnnounceRequest, Request, parse_target


def head(body: bytes, *fields: bytes, status: bytes = b"200 OK", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"HTTP/" + version + b" " + status, *fields, b"", body])


def with_length(body: bytes, **changes: bytes) -> bytes:
    return head(body, b"Content-Length: %d" % len(body), **changes)


# From a request and its right answer's body to the parts that are sent; None ends the connection.
Meddle = Callable[[Request, bytes], Iterable[bytes | None]]


def honest(_request: Request, body: bytes) -> Iterable[bytes | None]:
    return [with_length(body)]


def peer_as_bytes(address: str, port: int) -> bytes:
    return ip_address(address).packed + port.to_bytes(2, "big")


@dataclass
class StandInHttpTracker:
    meddle: Meddle = honest
    swarms: dict[bytes, dict[tuple[str, int], bool]] = field(default_factory=lambda: defaultdict(dict))
    requests: list[Request] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    address: str = ""
    lock: Lock = field(default_factory=Lock)

    def serve(self, connected: socket.socket, host: str) -> None:
        """Until either side ends the connection."""
        with self.lock:
            self.connections += 1
        received = b""
        with contextlib.suppress(ConnectionError):
            while True:
                while b"\r\n\r\n" not in received:
                    if not (part := connected.recv(8192)):
                        return
                    received += part
                asked, _, received = received.partition(b"\r\n\r\n")
                with self.lock:
                    request = parse_target(asked.split(b" ")[1])
                    self.requests.append(request)
                    self.heads.append(asked)
                    parts = self.meddle(request, self.answer(request, host))
                for sent in parts:
                    if sent is None:
                        return
                    connected.sendall(sent)
                if b"Connection: close" in asked:
                    return

    def answer(self, request: Request, host: str) -> bytes:
        if not isinstance(request, AnnounceRequest):
            return bencode.encode({b"files": {each: self.counts(each) for each in request.info_hashes}})
        swarm = self.swarms[request.info_hash]
        asker = (host, request.port)
        swarm[asker] = request.left == 0
        others = [peer for peer in swarm if peer != asker][: request.num_want]
        key = b"peers" if isinstance(ip_address(host), IPv4Address) else b"peers6"
        peers = b"".join(peer_as_bytes(*peer) for peer in others)
        return bencode.encode({**self.counts(request.info_hash), b"interval": 900, key: peers})

    def counts(self, info_hash: bytes) -> dict[bytes, Any]:
        swarm = self.swarms.get(info_hash, {})
        seeders = sum(swarm.values())
        return {b"complete": seeders, b"downloaded": 0, b"incomplete": len(swarm) - seeders}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(socketserver.BaseRequestHandler):
    def __init__(self, tracker: StandInHttpTracker, *arguments: Any) -> None:
        self.tracker = tracker
        super().__init__(*arguments)

    def handle(self) -> None:
        self.tracker.serve(self.request, self.client_address[0])


@contextmanager
def stand_in_http_tracker(host: str = "127.0.0.1", meddle: Meddle = honest) -> Iterator[StandInHttpTracker]:
    tracker = StandInHttpTracker(meddle)
    kind = _Server6 if ":" in host else _Server
    with kind((host, 0), partial(_Handler, tracker)) as server:
        port = server.server_address[1]
        tracker.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        thread = Thread(target=partial(server.serve_forever, poll_interval=0.02))
        thread.start()
        try:
            yield tracker
        finally:
            server.shutdown()
            thread.join()
