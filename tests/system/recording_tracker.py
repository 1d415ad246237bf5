"""Trackers of a few lines that give everybody nobody, and remember what they were asked."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Generic, Self, TypeVar

from aquatic.protocol import http
from aquatic.protocol.udp import (
    AnnounceRequest,
    AnnounceResponse,
    ConnectRequest,
    ConnectResponse,
    Event,
    Request,
    parse_request,
)
from tests.support.processes import WAIT_SECONDS_MAX

A = TypeVar("A")


class Announces(Generic[A]):
    """What one thread notes and another waits for."""

    def __init__(self) -> None:
        self._announces: list[A] = []
        self._announced = threading.Condition()

    def note(self, announce: A) -> None:
        with self._announced:
            self._announces.append(announce)
            self._announced.notify_all()

    def wait_for(self, is_wanted: Callable[[A], bool]) -> A:
        """The first such announce."""

        def found() -> A | None:
            return next(filter(is_wanted, self._announces), None)

        with self._announced:
            announce = self._announced.wait_for(found, WAIT_SECONDS_MAX)
        assert announce, f"none of the announces: {self._announces}"
        return announce


class RecordingTracker:
    """Listens on IPv4 loopback; answers no scrape, and ends when a datagram is no request."""

    def __init__(self) -> None:
        self._socket = socket(AF_INET, SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._announces: Announces[AnnounceRequest] = Announces()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.announce_url = f"udp://127.0.0.1:{self._socket.getsockname()[1]}/announce?passkey=1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # An empty datagram to itself wakes the thread and tells it to end.
        with socket(AF_INET, SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            datagram, sender = self._socket.recvfrom(65536)
            if not datagram:
                return
            self._answer(parse_request(datagram), sender)

    def _answer(self, request: Request, address: tuple[str, int]) -> None:
        if isinstance(request, ConnectRequest):
            self._socket.sendto(ConnectResponse(request.transaction_id, 7).to_bytes(), address)
        elif isinstance(request, AnnounceRequest):
            self._socket.sendto(AnnounceResponse(request.transaction_id, 1800, 0, 0).to_bytes(), address)
            self._announces.note(request)

    def wait_for_announce(self, event: Event) -> AnnounceRequest:
        """The first announce with this event."""
        return self._announces.wait_for(lambda announce: announce.event is event)


class RecordingHttpTracker:
    """Listens on IPv4 loopback; remembers what the library makes of targets, and the targets."""

    def __init__(self) -> None:
        announces: Announces[tuple[http.AnnounceRequest, str]] = Announces()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                request = http.parse_target(self.path)
                assert isinstance(request, http.AnnounceRequest)
                announces.note((request, self.path))
                body = http.AnnounceResponse(interval_seconds=1800).to_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._announces = announces
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.announce_url = f"http://127.0.0.1:{self._server.server_port}/announce?passkey=1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for_announce(self, event: http.Event) -> tuple[http.AnnounceRequest, str]:
        """The first announce with this event, and its target."""
        return self._announces.wait_for(lambda announce: announce[0].event is event)
