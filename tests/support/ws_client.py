"""A WebTorrent client over a real connection that signals only, its WebSocket by wsproto."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from tests.support.processes import WAIT_SECONDS_MAX

Address = tuple[str, int]


def binary(content: bytes) -> str:
    """Bytes as WebTorrent's messages have them."""
    return content.decode("latin-1")


class WsRefusedError(Exception):
    """The tracker did not switch protocols; `status` is of its HTTP answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


class WsClient:
    """`sock` may be encrypted. WsRefusedError when the tracker does not accept it."""

    def __init__(
        self, sock: socket.socket, path: str = "/announce", headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        self.socket = sock
        self._connection = WSConnection(ConnectionType.CLIENT)
        self._events: list[Event] = []
        request = Request(host="localhost", target=path, extra_headers=list(headers))
        sock.sendall(self._connection.send(request))
        opened = self.next_event()
        if isinstance(opened, RejectConnection):
            raise WsRefusedError(opened.status_code)
        assert isinstance(opened, AcceptConnection), opened

    def next_event(self) -> Event:
        """The next thing that the tracker says; EOFError at the end of the connection."""
        while not self._events:
            received = self.socket.recv(1 << 16)
            self._connection.receive_data(received or None)
            self._events += self._connection.events()
            if not received and not self._events:
                raise EOFError
        return self._events.pop(0)

    def send(self, **message: object) -> None:
        self.send_text(json.dumps(message))

    def send_text(self, text: str) -> None:
        self.socket.sendall(self._connection.send(TextMessage(text)))

    def receive(self) -> dict[str, Any]:
        """The next message, which must be a JSON object."""
        text = ""
        while True:
            event = self.next_event()
            assert isinstance(event, TextMessage), event
            text += event.data
            if event.message_finished:
                message = json.loads(text)
                assert isinstance(message, dict)
                return message

    def ask(self, **message: object) -> dict[str, Any]:
        self.send(**message)
        return self.receive()

    def announce(self, info_hash: bytes, peer_id: bytes, **more: object) -> dict[str, Any]:
        """The tracker's answer to an announce without an answer of its own."""
        return self.ask(action="announce", info_hash=binary(info_hash), peer_id=binary(peer_id), **more)

    def ping(self, payload: bytes) -> None:
        """Returns when the tracker has read, and answered, everything that was sent before."""
        self.socket.sendall(self._connection.send(Ping(payload)))
        event = self.next_event()
        assert isinstance(event, Pong), event
        assert event.payload == payload

    def close_code(self) -> int:
        """The code with which the tracker closes the connection, passing over what it said before."""
        while True:
            event = self.next_event()
            if isinstance(event, CloseConnection):
                return event.code


@contextmanager
def ws_client(
    address: Address,
    tls: ssl.SSLContext | None = None,
    *,
    path: str = "/announce",
    headers: Sequence[tuple[bytes, bytes]] = (),
    preface: bytes = b"",
) -> Iterator[WsClient]:
    """A client whose connection ends at the end; `preface` is sent first of all."""
    with socket.create_connection(address, WAIT_SECONDS_MAX) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.sendall(preface)
        if tls is None:
            yield WsClient(plain, path, headers)
            return
        with tls.wrap_socket(plain, server_hostname="localhost") as encrypted:
            yield WsClient(encrypted, path, headers)


def offer(number: int, text: str = "offer") -> dict[str, Any]:
    """An offer, its id made of the number."""
    return {"offer_id": binary(number.to_bytes(20, "big")), "offer": {"type": "offer", "sdp": text}}
