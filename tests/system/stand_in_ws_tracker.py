"""A slow WebTorrent tracker that keeps the rules, in threads: what the load generator is tried on."""

import contextlib
import json
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import RLock, Thread
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

Message = dict[str, Any]


class Connection:
    """A client's, as the tracker has it."""

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.websocket = WSConnection(ConnectionType.SERVER)
        self.peer_id = ""
        self.pongs = 0

    def send(self, content: Message | str | bytes) -> None:
        """A message, a text that is none, or bytes that need not even be a frame."""
        if isinstance(content, dict):
            content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        # To one that has gone, or is going.
        with contextlib.suppress(OSError, LocalProtocolError):
            if isinstance(content, str):
                content = self.websocket.send(TextMessage(data=content))
            self.socket.sendall(content)


@dataclass(frozen=True)
class Sent:
    """What the tracker is about to say: announced, scraped, offer or answer."""

    kind: str
    to: Connection
    content: Message | str | bytes
    # What it says it because of.
    asker: Connection
    request: Message

    @property
    def message(self) -> Message:
        assert isinstance(self.content, dict)
        return self.content

    def changed(self, **fields: Any) -> "Sent":
        return replace(self, content=self.message | fields)

    def saying(self, content: Message | str | bytes) -> "Sent":
        return replace(self, content=content)


# From what is right to what is sent.
Meddle = Callable[["StandInWsTracker", Sent], Iterable[Sent]]


def honest(_tracker: "StandInWsTracker", sent: Sent) -> Iterable[Sent]:
    return [sent]


@dataclass
class StandInWsTracker:
    listener: socket.socket
    meddle: Meddle
    context: ssl.SSLContext | None = None
    # Of each torrent: who is in it, and whether it seeds.
    swarms: dict[str, dict[Connection, bool]] = field(default_factory=lambda: defaultdict(dict))
    requests: list[Message] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        """Until the listener is shut down."""
        while True:
            try:
                opened = self.listener.accept()[0]
            except OSError:
                return
            Thread(target=self.serve, args=(opened,), daemon=True).start()

    def serve(self, opened: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.context:
                opened = self.context.wrap_socket(opened, server_side=True)
            connection = Connection(opened)
            with self.lock:
                self.connections.append(connection)
            try:
                self.talk(connection)
            except RemoteProtocolError as fault:
                self.faults.append(fault)
            finally:
                with self.lock:
                    for swarm in self.swarms.values():
                        swarm.pop(connection, None)
                    opened.close()

    def talk(self, connection: Connection) -> None:
        text = ""
        while True:
            received = connection.socket.recv(1 << 16)
            if not received:
                return
            connection.websocket.receive_data(received)
            for event in connection.websocket.events():
                if isinstance(event, Request):
                    connection.socket.sendall(connection.websocket.send(AcceptConnection()))
                elif isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        self.take(connection, json.loads(text))
                        text = ""
                elif isinstance(event, CloseConnection | Ping):
                    connection.socket.sendall(connection.websocket.send(event.response()))
                elif isinstance(event, Pong):
                    connection.pongs += 1
                else:
                    assert not isinstance(event, BytesMessage)

    def take(self, asker: Connection, request: Message) -> None:
        with self.lock:
            self.requests.append(request)
            for sent in list(self.answers(asker, request)):
                for meddled in self.meddle(self, sent):
                    self.deliver(meddled)

    def deliver(self, sent: Sent) -> None:
        with self.lock:
            sent.to.send(sent.content)

    def answers(self, asker: Connection, request: Message) -> Iterator[Sent]:
        if request["action"] == "scrape":
            files = {
                info_hash: self.counts(info_hash) | {"downloaded": 0} for info_hash in request["info_hash"]
            }
            yield Sent("scraped", asker, {"action": "scrape", "files": files}, asker, request)
            return
        info_hash = request["info_hash"]
        swarm = self.swarms[info_hash]
        common = {"action": "announce", "info_hash": info_hash}
        relayed = common | {"peer_id": request["peer_id"]}
        if "answer" in request:
            answer = {"answer": request["answer"], "offer_id": request["offer_id"]}
            for to in [peer for peer in swarm if peer.peer_id == request["to_peer_id"]]:
                yield Sent("answer", to, relayed | answer, asker, request)
            return
        asker.peer_id = request["peer_id"]
        swarm[asker] = request["left"] == 0
        yield Sent("announced", asker, common | self.counts(info_hash) | {"interval": 120}, asker, request)
        others = [peer for peer in swarm if peer is not asker]
        for offer, peer in zip(request["offers"], others, strict=False):
            yield Sent("offer", peer, relayed | offer, asker, request)

    def counts(self, info_hash: str) -> Message:
        swarm = self.swarms.get(info_hash, {})
        return {"complete": sum(swarm.values()), "incomplete": len(swarm) - sum(swarm.values())}


@contextmanager
def stand_in_ws_tracker(
    meddle: Meddle = honest, context: ssl.SSLContext | None = None
) -> Iterator[StandInWsTracker]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        tracker = StandInWsTracker(listener, meddle, context)
        thread = Thread(target=tracker.accept)
        thread.start()
        try:
            yield tracker
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            with tracker.lock:
                for connection in tracker.connections:
                    with contextlib.suppress(OSError):
                        connection.socket.shutdown(socket.SHUT_RDWR)
