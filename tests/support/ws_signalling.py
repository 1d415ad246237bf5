"""Simulated workers that speak WebTorrent with each other's connections, and a client for them: frames and messages."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from aquatic.testing.stream import StreamGroup, StreamSettings, StreamSimulation
from aquatic.testing.swarm import Swarm
from aquatic.testing.ws_stream import WsService, WsSettings
from aquatic.testing.ws_swarm import WsSwarmWindow

MASK = b"\x37\xfa\x21\x3d"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
Message = dict[str, Any]


def frame(payload: bytes, opcode: int = TEXT, final: bool = True) -> bytes:
    """A frame as a client sends it."""
    head = bytes([opcode | (0x80 if final else 0)])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", 0x80 | 126, len(payload))
    else:
        head += struct.pack("!BQ", 0x80 | 127, len(payload))
    return head + MASK + bytes(byte ^ mask for byte, mask in zip(payload, cycle(MASK), strict=False))


def text(data: bytes) -> str:
    """Bytes as the characters that stand for them."""
    return data.decode("latin-1")


def offer(number: int) -> Message:
    return {"offer_id": f"offer {number:014}", "offer": {"type": "offer", "sdp": f"sdp {number}"}}


def announce(
    info_hash: bytes, peer_id: bytes, offers: Sequence[Message] = (), left: int | None = 1, **others: Any
) -> Message:
    return {
        "action": "announce",
        "info_hash": text(info_hash),
        "peer_id": text(peer_id),
        "numwant": len(offers),
        "left": left,
        "offers": list(offers),
        **others,
    }


def answer(offered: Message, peer_id: bytes, sdp: str = "answer") -> Message:
    """What a client answers to an offer that it was sent."""
    return {
        "action": "announce",
        "info_hash": offered["info_hash"],
        "peer_id": text(peer_id),
        "to_peer_id": offered["peer_id"],
        "offer_id": offered["offer_id"],
        "answer": {"type": "answer", "sdp": sdp},
    }


def take_frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The opcode and the payload of the first frame of a server's, and what follows it; None where it is not whole."""
    if len(data) < 2:
        return None
    opcode, length, start = data[0] & 15, data[1], 2
    assert data[0] & 0xF0 == 0x80
    if length == 126:
        length, start = struct.unpack_from("!H", data.ljust(4, b"\0"), 2)[0], 4
    assert length < 126 or start == 4
    if len(data) < start + length:
        return None
    return opcode, data[start : start + length], data[start + length :]


@dataclass
class Client:
    """A connection to one of the workers."""

    workers: "Workers"
    worker: StreamSimulation
    number: int
    rest: bytes = b""
    close_code: int | None = None
    pongs: list[bytes] = field(default_factory=list)

    def send(self, *messages: Message) -> None:
        for message in messages:
            self.deliver(frame(json.dumps(message).encode()))

    def deliver(self, data: bytes) -> None:
        assert self.worker.deliver(self.number, data) == len(data)

    def take(self) -> list[Message]:
        """The messages that have come since the last call, after every worker has turned until nothing moves."""
        self.workers.settle()
        self.rest += self.worker.take(self.number)
        messages = []
        while found := take_frame(self.rest):
            opcode, payload, self.rest = found
            if opcode == TEXT:
                messages.append(json.loads(payload))
            elif opcode == PONG:
                self.pongs.append(payload)
            else:
                assert opcode == CLOSE
                self.close_code = struct.unpack("!H", payload)[0] if payload else 0
        return messages

    def is_open(self) -> bool:
        self.workers.settle()
        return self.worker.state(self.number) == "open"

    def leave(self) -> None:
        self.worker.end(self.number)
        self.workers.settle()


class Workers:
    """So many workers with one swarm and one clock."""

    def __init__(
        self,
        count: int = 2,
        stream: StreamSettings | None = None,
        ws: WsSettings | None = None,
        memory_bytes_max: int = 1 << 26,
        peer_age: int = 180,
    ):
        self.second = 1000.0
        self.swarm = WsSwarmWindow(
            memory_bytes_max=memory_bytes_max, peer_age_seconds_max=peer_age, offer_age_seconds_max=120
        )
        self.downloads = Swarm()
        group = StreamGroup()
        stream = stream or StreamSettings(request_bytes_max=8192, idle_seconds_max=180, look_seconds=30)
        self.workers = [StreamSimulation(stream, group) for _ in range(count)]
        ws = ws or WsSettings()
        self.services = [WsService(worker, self.swarm, self.downloads, ws) for worker in self.workers]
        self.set_time(self.second)

    def set_time(self, second: float) -> None:
        self.second = second
        for worker in self.workers:
            worker.set_time(second)
        self.settle()

    def settle(self) -> None:
        """What one turn of a worker says to another is there in the other's next one."""
        for _ in range(3):
            for worker in self.workers:
                worker.turn()

    def connect(self, worker: int = 0, ip: bytes = b"\x01\0\0\1") -> Client:
        found = self.workers[worker]
        client = Client(self, found, found.connect(ip))
        self.settle()
        return client

    def counters(self) -> dict[str, int]:
        """Of all workers and families together, but for what is zero."""
        sums: dict[str, int] = {}
        for service in self.services:
            for counters in (service.counters(4), service.counters(6)):
                for name, value in counters.items():
                    sums[name] = sums.get(name, 0) + value
        return {name: value for name, value in sums.items() if value}
