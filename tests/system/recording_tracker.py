"""A tracker of a few lines that gives everybody nobody, and remembers what it was asked."""

import threading
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Self

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


class RecordingTracker:
    """Listens on IPv4 loopback; answers no scrape, and ends when a datagram is no request."""

    def __init__(self) -> None:
        self._socket = socket(AF_INET, SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._announces: list[AnnounceRequest] = []
        self._announced = threading.Condition()
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
            with self._announced:
                self._announces.append(request)
                self._announced.notify_all()

    def wait_for_announce(self, event: Event) -> AnnounceRequest:
        """The first announce with this event."""

        def found() -> AnnounceRequest | None:
            return next((announce for announce in self._announces if announce.event is event), None)

        with self._announced:
            announce = self._announced.wait_for(found, WAIT_SECONDS_MAX)
        assert announce, f"no announce with {event.name} among {self._announces}"
        return announce
