"""TLS records that no client sends: those of a real one, changed at every step of a connection.

The random numbers are the same in each run. Whatever comes, the server closes that connection or goes on, gives back
all that it had, and serves another as before.
"""

import contextlib
import ssl
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from aquatic.dataplane.stream.tls_context import TlsContext
from aquatic.testing.stream import StreamSimulation
from tests.simulation.test_connections import ANSWERS, LINES, check_nothing_left
from tests.simulation.test_tls_connections import VERSIONS, Client, connected, simulation
from tests.support.certificates import Certificate
from tests.support.tls_records import HEAD_BYTES, record, records_of

RECORD_BYTES_MAX = (1 << 14) + 256
# What a client says after another, in a connection's life.
FLIGHTS = ["hello", "finish", "requests", "end"]
REQUESTS = [b"one\n", b"two\nthr", b"ee\n", b"big 3\n"]
LAST_REQUESTS = [b"close\n", b"ignored\n", b"ignored too\n"]
WHOLE_ANSWER = b"one\ntwo\nthree\nxxx\nclose\n"
TURNS = 6
SEEDS = 5


# Ways to spoil a flight; each has records of another connection, too.
Records = list[bytes]
Way = Callable[[Random, Records, Records], Records]


def put(random: Random, records: Records, piece: bytes) -> Records:
    place = random.randint(0, len(records))
    return [*records[:place], piece, *records[place:]]


def replaced(random: Random, records: Records, change: Callable[[bytes], bytes]) -> Records:
    place = random.randrange(len(records))
    return [*records[:place], change(records[place]), *records[place + 1 :]]


def flips(random: Random, records: Records, _: Records) -> Records:
    """One bit of what is behind the head."""

    def change(old: bytes) -> bytes:
        place = random.randrange(HEAD_BYTES, len(old))
        return old[:place] + bytes([old[place] ^ 1 << random.randrange(8)]) + old[place + 1 :]

    return replaced(random, records, change)


def spoils_heads(random: Random, records: Records, _: Records) -> Records:
    def change(old: bytes) -> bytes:
        place = random.randrange(3)
        return old[:place] + random.randbytes(1) + old[place + 1 :]

    return replaced(random, records, change)


def lies_about_lengths(random: Random, records: Records, _: Records) -> Records:
    lengths = [0, 1, random.randrange(100), RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1, 0xFFFF]
    length = random.choice(lengths)
    return replaced(random, records, lambda old: record(old[0], old[HEAD_BYTES:], length))


def cuts(random: Random, records: Records, _: Records) -> Records:
    """Some bytes of a record are missing; what is behind it comes."""
    return replaced(random, records, lambda old: old[: random.randrange(len(old))])


def stops(random: Random, records: Records, _: Records) -> Records:
    stream = b"".join(records)
    return [stream[: random.randrange(len(stream))]]


def repeats(random: Random, records: Records, _: Records) -> Records:
    place = random.randrange(len(records))
    return [*records[: place + 1], *records[place:]]


def reorders(random: Random, records: Records, others: Records) -> Records:
    """With a record of another connection where there is one alone."""
    order = records if len(records) > 1 else [*records, random.choice(others)]
    turned = random.randrange(1, len(order))
    return order[turned:] + order[:turned]


def mixes_in(random: Random, records: Records, others: Records) -> Records:
    return put(random, records, random.choice(others))


def makes_noise(random: Random, records: Records, _: Records) -> Records:
    return put(random, records, random.randbytes(random.choice([1, 5, 200, 20_000])))


def makes_up(random: Random, records: Records, _: Records) -> Records:
    """Records of every kind that there is, and some that there are not."""
    content = random.randbytes(random.choice([0, 1, 2, 4, 40, 1 << 14, RECORD_BYTES_MAX]))
    return put(random, records, record(random.randrange(19, 26), content))


def sends_nothing_often(random: Random, records: Records, _: Records) -> Records:
    """Records without content cost the sender five bytes."""
    return put(random, records, record(random.randrange(20, 24), b"") * random.choice([1, 40, 4000]))


WAYS: list[Way] = [
    flips,
    spoils_heads,
    lies_about_lengths,
    cuts,
    stops,
    repeats,
    reorders,
    mixes_in,
    makes_noise,
    makes_up,
    sends_nothing_often,
]
# What no record comes through, once there are keys.
BREAKING = [flips, reorders]


class HostileClient(Client):
    """Spoils one of its flights; the others are as they should be."""

    def __init__(
        self,
        server: StreamSimulation,
        context: ssl.SSLContext,
        session: ssl.SSLSession | None = None,
        spoil: Callable[[str, Records], Records] | None = None,
    ) -> None:
        super().__init__(server, context, session)
        self.spoil = spoil
        self.sent: Records = []
        self.answer = b""

    def send(self, flight: str, stream: bytes) -> bytes:
        """Returns what comes back."""
        records = records_of(stream)
        self.sent += records
        if self.spoil and records:
            records = self.spoil(flight, records)
        self.server.deliver(self.number, b"".join(records))
        for _ in range(TURNS):
            self.server.turn()
        return self.server.take(self.number)

    def live(self) -> None:
        """From the first byte to the last, or to where it does not understand the server any more."""
        with contextlib.suppress(ssl.SSLError):
            received = self.send("hello", self.peer.shake_hands())
            received = self.send("finish", self.peer.shake_hands(received))
            if not self.peer.is_open:
                self.peer.shake_hands(received)
                received = b""
            self.answer += self.peer.open(received)
            if self.peer.tls.version() == "TLSv1.3":
                self.peer.update_keys()
            for flight, requests in (("requests", REQUESTS), ("end", LAST_REQUESTS)):
                received = self.send(flight, b"".join(map(self.peer.seal, requests)))
                self.answer += self.peer.open(received)


def causes(server: StreamSimulation) -> Counter[str]:
    return Counter({name: count for name, count in server.counters().items() if name.startswith("closed_")})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hostile", FLIGHTS)
@pytest.mark.parametrize("way", WAYS)
def test_spoilt_records_harm_nobody_else(
    context: TlsContext, certificate: Certificate, version: ssl.TLSVersion, hostile: str, way: Way
) -> None:
    server = simulation(context)
    bystander = connected(server, certificate)
    client_context = certificate.client_context()
    client_context.minimum_version = client_context.maximum_version = version
    honest = HostileClient(server, client_context)
    honest.live()
    assert honest.answer == WHOLE_ANSWER
    honest.end()
    assert bystander.exchange(LINES) == ANSWERS
    held = server.descriptors(), server.memory_bytes(), server.counters()["active"]
    for seed in range(SEEDS):
        random = Random(f"{version} {hostile} {way.__name__} {seed}")

        def spoil(flight: str, records: Records, random: Random = random) -> Records:
            return way(random, records, honest.sent) if flight == hostile else records

        client = HostileClient(server, client_context, honest.peer.tls.session if seed % 2 else None, spoil)
        before = causes(server)
        client.live()
        cause = causes(server) - before
        check_outcome(client, cause, is_broken=way in BREAKING and hostile in ("finish", "requests"))
        (server.reset if seed % 3 else server.end)(client.number)
        server.turn()
        assert server.state(client.number) == "closed"
        assert (causes(server) - before).total() == 1
        assert bystander.exchange(LINES) == ANSWERS
        assert (server.descriptors(), server.memory_bytes(), server.counters()["active"]) == held
        server.forget(client.number)
    bystander.end()
    check_nothing_left(server)


def check_outcome(client: HostileClient, cause: Counter[str], is_broken: bool) -> None:
    """Nothing but what it asked for in good records is answered; what ends it is TLS, or its own request."""
    assert WHOLE_ANSWER.startswith(client.answer)
    if client.server.state(client.number) == "closed":
        assert cause == {"closed_by_answer" if client.answer == WHOLE_ANSWER else "closed_tls": 1}
    else:
        assert not cause
    assert not is_broken or cause == {"closed_tls": 1}
