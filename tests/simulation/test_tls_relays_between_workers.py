"""Messages to TLS connections of other workers: what OpenSSL reads and writes in between delays and loses none."""

import random
import ssl
from itertools import pairwise

import pytest

from aquatic.dataplane.stream.tls_context import TlsContext
from aquatic.testing.stream import StreamGroup, StreamSettings, StreamSimulation
from tests.simulation.test_connections import ANSWERS, LINES, check_nothing_left
from tests.simulation.test_tls_connections import VERSIONS, Client, connected
from tests.support.certificates import Certificate


def workers(context: TlsContext, count: int = 2, **changes: object) -> list[StreamSimulation]:
    group = StreamGroup()
    settings = StreamSettings(**changes)  # type: ignore[arg-type]
    servers = [StreamSimulation(settings, group) for _ in range(count)]
    for server in servers:
        server.set_tls(context)
    return servers


def named(client: Client) -> bytes:
    """What others call a connection."""
    return client.exchange(b"name\n").rstrip()


def arrived(client: Client) -> bytes:
    """What has been sent to it, without another turn."""
    return client.peer.open(client.server.take(client.number))


def demand_keys(client: Client) -> None:
    """Let the server find a demand for new keys, with a line that it does not answer."""
    client.peer.update_keys()
    sealed = client.peer.seal(b"quiet\n")
    assert client.server.deliver(client.number, sealed) == len(sealed)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_for_an_idle_connection_leaves_within_one_turn(
    context: TlsContext, certificate: Certificate, version: ssl.TLSVersion
) -> None:
    here, there = workers(context)
    sender, receiver = (
        connected(server, certificate, minimum_version=version, maximum_version=version)
        for server in (here, there)
    )
    name = named(receiver)
    for times in range(1, 4):
        for _ in range(5):
            assert sender.exchange(b"@%b hello\n" % name * 20) == b"queued\n" * 20
        assert arrived(receiver) == b""
        assert there.wakes() == times
        there.turn()
        assert arrived(receiver) == b"hello\n" * 100
    assert receiver.exchange(LINES) == ANSWERS
    for client in (sender, receiver):
        client.end()
        check_nothing_left(client.server)


@pytest.mark.parametrize("room", [0, 1, 30, 100])
@pytest.mark.parametrize("is_read_first", [False, True])
def test_a_message_waits_for_new_keys_to_be_answered_and_leaves_with_them(
    context: TlsContext, certificate: Certificate, room: int, is_read_first: bool
) -> None:
    """OpenSSL reads a demand, and has to write its answer to it, in front of the message, before it reads on."""
    here, there = workers(context)
    sender, receiver = connected(here, certificate), connected(there, certificate)
    name = named(receiver)
    there.limit_sends(receiver.number, room)
    content = b""
    for number in range(4):
        demand_keys(receiver)
        if is_read_first:
            there.turn()
        assert sender.exchange(b"@%b %d\n" % (name, number)) == b"queued\n"
        there.turn()
        content += arrived(receiver)
    there.limit_sends(receiver.number, -1)
    there.turn()
    content += arrived(receiver)
    assert content == b"0\n1\n2\n3\n"
    assert receiver.exchange(LINES, turns=2) == ANSWERS
    # It is idle again, and reached as at first.
    assert sender.exchange(b"@%b last\n" % name) == b"queued\n"
    there.turn()
    assert arrived(receiver) == b"last\n"


def test_a_full_socket_delays_its_own_messages_only(context: TlsContext, certificate: Certificate) -> None:
    here, there = workers(context)
    sender, slow, other = (connected(server, certificate) for server in (here, there, there))
    names = [named(slow), named(other)]
    there.limit_sends(slow.number, 0)
    for number in range(10):
        demand_keys(other)
        assert sender.exchange(b"".join(b"@%b %d\n" % (name, number) for name in names)) == b"queued\n" * 2
        there.turn()
        assert arrived(other) == b"%d\n" % number
    assert arrived(slow) == b""
    there.limit_sends(slow.number, -1)
    there.turn()
    assert arrived(slow) == b"".join(b"%d\n" % number for number in range(10))


class Crowd:
    """Three workers that relay to each other, with a sender and two receivers at each, and what these receive."""

    def __init__(self, context: TlsContext, certificate: Certificate, seed: int) -> None:
        self.chance = random.Random(seed)
        self.servers = workers(context, 3, inbox_bytes_max=500, output_bytes_max=400, idle_seconds_max=600)
        self.senders = [connected(server, certificate) for server in self.servers]
        self.receivers = [connected(server, certificate) for server in self.servers for _ in range(2)]
        self.names = [named(receiver) for receiver in self.receivers]
        self.received = [b""] * len(self.receivers)
        self.sent = 0

    def send(self) -> None:
        """Ten messages of one sender, each to any receiver."""
        who = self.chance.randrange(3)
        lines = [
            b"@%b %d\n" % (self.chance.choice(self.names), 3 * (self.sent + place) + who)
            for place in range(10)
        ]
        answers = self.senders[who].exchange(b"".join(lines)).splitlines()
        assert len(answers) == 10
        assert set(answers) <= {b"queued", b"full"}
        self.sent += 10

    def disturb(self) -> None:
        """Change what one of them takes, and let one demand new keys."""
        slow = self.chance.choice(self.receivers)
        slow.server.limit_sends(slow.number, self.chance.choice([0, 7, 60, -1, -1]))
        if self.chance.random() < 0.5:
            demand_keys(self.chance.choice(self.receivers))
        if self.chance.random() < 0.3:
            self.chance.choice(self.servers).turn()

    def take(self) -> None:
        for index, receiver in enumerate(self.receivers):
            self.received[index] += arrived(receiver)

    def lost(self) -> list[int]:
        counters = [server.counters() for server in self.servers]
        dropped = ("messages_dropped_slow", "messages_dropped_inbox_full")
        return [sum(worker[name] for worker in counters) for name in dropped]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_order_of_turns_no_message_stays_behind(
    context: TlsContext, certificate: Certificate, seed: int
) -> None:
    crowd = Crowd(context, certificate, seed)
    for _ in range(300):
        crowd.send()
        crowd.disturb()
        crowd.take()
    for receiver in crowd.receivers:
        receiver.server.limit_sends(receiver.number, -1)
    for server in crowd.servers:
        server.turn()
    crowd.take()
    for received in crowd.received:
        for who in range(3):
            # Those of one sender are in order.
            mine = [int(text) for text in received.split() if int(text) % 3 == who]
            assert all(before < after for before, after in pairwise(mine))
    assert sum(received.count(b"\n") for received in crowd.received) + sum(crowd.lost()) == crowd.sent
    assert all(crowd.lost())
    for receiver in crowd.receivers:
        assert receiver.exchange(LINES, turns=2) == ANSWERS
