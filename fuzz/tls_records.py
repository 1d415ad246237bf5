"""What a client of TLS says, changed on its way: records cut, moved, repeated, made up, or in pieces, in any flight.

The fuzzer's bytes are a byte for the version and then steps: the flight that is changed, how, where, and with what. Of
a flight that no step names all arrives. Whatever comes, nothing is answered but what came in good records, the server
closes that connection or goes on, gives back all that it had, and serves a stranger. Keys differ from run to run, so an
input does much the same each time, but not quite.
"""

import contextlib
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

from aquatic.dataplane.stream.tls_context import TlsContext, TlsTicketKeys
from aquatic.testing.stream import StreamSettings, StreamSimulation
from fuzz.steps import steps
from tests.support.certificates import TlsPeer, make_certificate
from tests.support.tls_records import HEAD_BYTES, record, records_of

FLIGHTS = 4
REQUESTS = (b"one\ntwo\n", b"close\n")
WHOLE_ANSWER = b"one\ntwo\nclose\n"
TURNS = 6
SETTINGS = StreamSettings(handshake_seconds_max=10, header_seconds_max=10, idle_seconds_max=10)

with TemporaryDirectory() as _folder:
    _certificate = make_certificate(Path(_folder))
    CONTEXT = TlsContext(_certificate.certificate, _certificate.private_key, TlsTicketKeys())
    CLIENTS = [_certificate.client_context() for _ in range(2)]
for _client, _version in zip(CLIENTS, (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3), strict=True):
    _client.minimum_version = _client.maximum_version = _version


def change(stream: bytes, kind: int, place: int, content: bytes) -> bytes:
    """One step's change of a flight. `place` is relative to its bytes or its records."""
    records = records_of(stream) if kind % 9 >= 5 else []
    which = place % (len(records) or 1)
    at = place * len(stream) // 256
    match kind % 9:
        case 0:
            mixed = bytes(old ^ new for old, new in zip(stream[at:], content, strict=False))
            return stream[:at] + mixed + stream[at + len(mixed) :]
        case 1:
            return stream[:at]
        case 2:
            return stream[:at] + content + stream[at:]
        case 3:
            return stream[:at] + stream[at + len(content) :]
        case 4:
            return content
        case 5:
            made = record(20 + place % 6, content)
            return b"".join([*records[:which], made * (1 + place // 16), *records[which:]])
        case 6:
            return b"".join([*records[:which], *records[which : which + 1] * 2, *records[which + 1 :]])
        case 7:
            return b"".join(records[which:] + records[:which])
        case _:
            lengths = content[:2].rjust(2, b"\0")
            spoilt = [old[:3] + lengths + old[HEAD_BYTES:] for old in records[which : which + 1]]
            return b"".join([*records[:which], *spoilt, *records[which + 1 :]])


class Connection:
    """One client, what it says, and what happens to that."""

    def __init__(self, server: StreamSimulation, version: int, steps: list[tuple[int, int, bytes]]) -> None:
        self.server = server
        self.peer = TlsPeer(CLIENTS[version % 2])
        self.number = server.connect()
        self.steps = steps
        self.flight = 0
        self.answer = b""

    def send(self, stream: bytes) -> bytes:
        """A flight; returns what comes back."""
        for kind, place, content in self.steps:
            if kind >> 6 == self.flight and stream:
                stream = change(stream, kind & 0x1F, place, content)
                if kind & 0x20:
                    # What has been made so far arrives in two parts.
                    self.deliver(stream[: 1 + place % 7])
                    stream = stream[1 + place % 7 :]
        self.flight += 1
        self.deliver(stream)
        return self.server.take(self.number)

    def deliver(self, content: bytes) -> None:
        """Let the server read it."""
        self.server.deliver(self.number, content)
        for _ in range(TURNS):
            self.server.turn()

    def live(self) -> None:
        """From the first byte to the last, or to where it does not understand the server any more."""
        with contextlib.suppress(ssl.SSLError):
            received = self.send(self.peer.shake_hands())
            received = self.send(self.peer.shake_hands(received))
            if not self.peer.is_open:
                self.peer.shake_hands(received)
                received = b""
            self.answer += self.peer.open(received)
            for request in REQUESTS:
                self.answer += self.peer.open(self.send(self.peer.seal(request)))


def run(data: bytes) -> None:
    """Let a client live through all of it. What must not be ends in an AssertionError or a crash."""
    server = StreamSimulation(SETTINGS)
    server.set_tls(CONTEXT)
    version = data[0] if data else 0
    client = Connection(server, version, list(steps(data[1:], 255)))
    client.live()
    assert WHOLE_ANSWER.startswith(client.answer)
    if client.steps == []:
        assert client.answer == WHOLE_ANSWER
    counters = server.counters()
    if server.state(client.number) == "closed":
        # By its peer where an alert says so, which before there are keys may be made up.
        assert counters["closed_by_answer"] + counters["closed_tls"] + counters["closed_by_peer"] == 1
    stranger = Connection(server, version, [])
    stranger.live()
    assert stranger.answer == WHOLE_ANSWER
    (server.reset if version & 2 else server.end)(client.number)
    server.end(stranger.number)
    server.turn()
    server.set_time(100)
    server.turn()
    counters = server.counters()
    closed = sum(count for name, count in counters.items() if name.startswith("closed_"))
    assert (counters["accepted"], closed, counters["active"]) == (2, 2, 0)
    assert server.descriptors() == server.memory_bytes() == 0
