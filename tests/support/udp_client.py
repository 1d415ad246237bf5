"""A client of a UDP tracker that waits for each answer, and a tracker process to talk to."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from aquatic.protocol.udp import (
    AnnounceRequest,
    AnnounceResponse,
    ConnectRequest,
    ConnectResponse,
    Request,
    Response,
    ScrapeEntry,
    ScrapeRequest,
    ScrapeResponse,
    parse_response,
)
from tests.support.processes import WAIT_SECONDS_MAX, Process, running

R = TypeVar("R", bound=Response)
Address = tuple[str, int]


class UdpClient:
    """A socket of its own, connected: an answer from another address than the one asked is not received."""

    def __init__(self, tracker: Address) -> None:
        family = socket.AF_INET6 if ":" in tracker[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.settimeout(WAIT_SECONDS_MAX)
        self.socket.connect(tracker)
        self.port = self.socket.getsockname()[1]
        self.connection_id = 0
        self._transaction_id = 0

    def __enter__(self) -> UdpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def connect(self) -> None:
        answer = self.ask(ConnectRequest(self._next()), ConnectResponse)
        self.connection_id = answer.connection_id

    def announce(self, info_hash: bytes, **fields: Any) -> AnnounceResponse:
        return self.ask(self.announce_request(info_hash, **fields), AnnounceResponse)

    def announce_request(self, info_hash: bytes, **fields: Any) -> AnnounceRequest:
        described = {"peer_id": b"-qB4500-abcdefghijkl", "port": self.port, "left": 1} | fields
        return AnnounceRequest(self.connection_id, self._next(), info_hash, **described)

    def scrape(self, *info_hashes: bytes) -> list[ScrapeEntry]:
        request = ScrapeRequest(self.connection_id, self._next(), info_hashes)
        return list(self.ask(request, ScrapeResponse).entries)

    def ask(self, request: Request, answer_type: type[R]) -> R:
        self.send(request)
        answer = self.receive()
        assert isinstance(answer, answer_type), answer
        assert answer.transaction_id == request.transaction_id
        return answer

    def send(self, request: Request) -> None:
        self.socket.send(request.to_bytes())

    def receive(self) -> Response:
        return parse_response(self.socket.recv(2_000), self.socket.family)

    def _next(self) -> int:
        self._transaction_id += 1
        return self._transaction_id


@contextlib.contextmanager
def running_udp_tracker(folder: Path, configuration: str, **options: Any) -> Iterator[Process]:
    """`aquatic udp` with a configuration file, in `folder`."""
    path = folder / "aquatic.toml"
    path.write_text(configuration)
    command = [sys.executable, "-m", "aquatic", "udp", "-c", str(path)]
    with running(command, cwd=folder, **options) as process:
        yield process


def listening_address(process: Process) -> Address:
    """Where the next UDP socket listens that the process tells of."""
    match = re.fullmatch(r"listening on udp://\[?([^\]]+?)\]?:(\d+)", process.wait_for_line("udp://"))
    assert match is not None
    return match[1], int(match[2])
