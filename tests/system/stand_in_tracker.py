"""A slow tracker that keeps the rules, in a thread: what the load generator is tried on."""

import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Thread

from aquatic.protocol.udp import (
    AnnounceRequest,
    AnnounceResponse,
    ConnectRequest,
    ConnectResponse,
    Peer,
    Request,
    Response,
    ScrapeEntry,
    ScrapeResponse,
    parse_request,
)

# From a request and its right answer to the datagrams that are sent.
Meddle = Callable[[Request, bytes], list[bytes]]


def honest(_request: Request, answer: bytes) -> list[bytes]:
    return [answer]


@dataclass
class StandInTracker:
    socket: socket.socket
    meddle: Meddle
    swarms: dict[bytes, dict[Peer, bool]] = field(default_factory=lambda: defaultdict(dict))
    requests: list[Request] = field(default_factory=list)

    @property
    def address(self) -> str:
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def serve(self) -> None:
        """Until an empty datagram comes."""
        while True:
            datagram, source = self.socket.recvfrom(4096)
            if not datagram:
                return
            request = parse_request(datagram)
            self.requests.append(request)
            for sent in self.meddle(request, self.answer(request, source[0]).to_bytes()):
                self.socket.sendto(sent, source)

    def answer(self, request: Request, host: str) -> Response:
        if isinstance(request, ConnectRequest):
            return ConnectResponse(request.transaction_id, 0x0102030405060708)
        assert request.connection_id == 0x0102030405060708
        if not isinstance(request, AnnounceRequest):
            entries = tuple(ScrapeEntry(*self.counts(info_hash)) for info_hash in request.info_hashes)
            return ScrapeResponse(request.transaction_id, entries)
        asker = Peer(ip_address(host), request.port)
        swarm = self.swarms[request.info_hash]
        swarm[asker] = request.left == 0
        others = [peer for peer in swarm if peer != asker][: request.num_want]
        seeders, _, leechers = self.counts(request.info_hash)
        return AnnounceResponse(request.transaction_id, 900, leechers, seeders, tuple(others))

    def counts(self, info_hash: bytes) -> tuple[int, int, int]:
        swarm = self.swarms.get(info_hash, {})
        return sum(swarm.values()), 0, len(swarm) - sum(swarm.values())


@contextmanager
def stand_in_tracker(host: str = "127.0.0.1", meddle: Meddle = honest) -> Iterator[StandInTracker]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.socket(family, socket.SOCK_DGRAM) as served,
        socket.socket(family, socket.SOCK_DGRAM) as ending,
    ):
        served.bind((host, 0))
        tracker = StandInTracker(served, meddle)
        thread = Thread(target=tracker.serve)
        thread.start()
        try:
            yield tracker
        finally:
            while thread.is_alive():  # a full receive buffer drops the datagram
                ending.sendto(b"", served.getsockname())
                thread.join(0.1)
