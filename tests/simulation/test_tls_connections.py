"""TLS connections on the in-memory network."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from aquatic.dataplane.stream.tls_context import TlsContext, TlsTicketKeys
from aquatic.testing.stream import StreamSettings, StreamSimulation
from tests.simulation.test_connections import ANSWERS, LINES, check_nothing_left
from tests.support.certificates import Certificate, TlsPeer, make_certificate
from tests.support.proxy_header import text_header

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def simulation(context: TlsContext, **changes: object) -> StreamSimulation:
    server = StreamSimulation(StreamSettings(**changes))  # type: ignore[arg-type]
    server.set_tls(context)
    return server


class Client:
    """A TLS client of a simulated server."""

    def __init__(
        self, server: StreamSimulation, context: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> None:
        self.server = server
        self.peer = TlsPeer(context, session=session)
        self.number = server.connect()

    def shake_hands(self, turns: int = 1) -> None:
        """To the end, unless the server closes."""
        to_send = self.peer.shake_hands()
        for _ in range(10):
            self.server.deliver(self.number, to_send)
            for _ in range(turns):
                self.server.turn()
            if self.peer.is_open or (not to_send and self.server.state(self.number) == "closed"):
                return
            to_send = self.peer.shake_hands(self.server.take(self.number))
        raise AssertionError("the handshake does not end")

    def exchange(self, request: bytes, turns: int = 1) -> bytes:
        self.server.deliver(self.number, self.peer.seal(request))
        return self.receive(turns)

    def receive(self, turns: int = 1) -> bytes:
        content = b""
        for _ in range(turns):
            self.server.turn()
            content += self.peer.open(self.server.take(self.number))
        return content

    def end(self) -> None:
        self.server.end(self.number)
        self.server.turn()


def connected(server: StreamSimulation, certificate: Certificate, **changes: object) -> Client:
    context = certificate.client_context()
    for name, setting in changes.items():
        setattr(context, name, setting)
    client = Client(server, context)
    # In the listener's queue when the first bytes come.
    client.shake_hands(turns=2)
    assert client.peer.is_open
    return client


@pytest.mark.parametrize("version", VERSIONS)
def test_lines_come_back(context: TlsContext, certificate: Certificate, version: ssl.TLSVersion) -> None:
    server = simulation(context)
    client = connected(server, certificate, minimum_version=version, maximum_version=version)
    assert client.exchange(LINES) == ANSWERS
    assert client.exchange(b"again\n") == b"again\n"
    client.end()
    assert server.counters()["closed_by_peer"] == server.counters()["tls_handshakes"] == 1
    check_nothing_left(server)


def test_old_versions_are_refused(context: TlsContext, certificate: Certificate) -> None:
    server = simulation(context)
    client_context = certificate.client_context()
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        client_context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        client_context.maximum_version = ssl.TLSVersion.TLSv1_1
    client_context.set_ciphers("ALL:@SECLEVEL=0")
    client = Client(server, client_context)
    server.deliver(client.number, client.peer.shake_hands())
    server.turn()
    server.turn()
    with pytest.raises(ssl.SSLError, match="alert protocol version"):
        client.peer.shake_hands(server.take(client.number))
    assert server.counters()["closed_tls"] == 1
    check_nothing_left(server)


@pytest.mark.parametrize(
    ("offered", "chosen"), [([], None), (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1")]
)
def test_the_protocol_is_agreed_on(
    context: TlsContext, certificate: Certificate, offered: list[str], chosen: str | None
) -> None:
    client_context = certificate.client_context()
    client_context.set_alpn_protocols(offered)
    client = Client(simulation(context), client_context)
    client.shake_hands(turns=2)
    assert client.peer.tls.selected_alpn_protocol() == chosen


def test_who_offers_only_other_protocols_is_told(context: TlsContext, certificate: Certificate) -> None:
    client_context = certificate.client_context()
    client_context.set_alpn_protocols(["h2"])
    client = Client(simulation(context), client_context)
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        client.shake_hands(turns=2)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("receive_max", [1, 3, 100])
def test_bytes_may_come_and_go_in_any_pieces(
    context: TlsContext, certificate: Certificate, version: ssl.TLSVersion, receive_max: int
) -> None:
    server = simulation(context)
    client_context = certificate.client_context()
    client_context.minimum_version = client_context.maximum_version = version
    client = Client(server, client_context)
    server.split_receives(client.number, receive_max)
    to_send, received, answers = client.peer.shake_hands(), b"", b""
    for _ in range(4000):
        server.deliver(client.number, to_send)
        server.limit_sends(client.number, receive_max)
        server.turn()
        received, to_send = server.take(client.number), b""
        if not client.peer.is_open:
            to_send = client.peer.shake_hands(received)
            if client.peer.is_open:
                to_send += client.peer.seal(LINES)
        else:
            answers += client.peer.open(received)
    assert answers == ANSWERS


def test_a_request_may_come_with_the_end_of_the_handshake(
    context: TlsContext, certificate: Certificate
) -> None:
    server = simulation(context)
    client = Client(server, certificate.client_context())
    server.deliver(client.number, client.peer.shake_hands())
    server.turn()
    server.turn()
    finished = client.peer.shake_hands(server.take(client.number))
    assert client.peer.is_open
    server.deliver(client.number, finished + client.peer.seal(b"one\n") + client.peer.seal(b"two\n"))
    assert client.receive(turns=2) == b"one\ntwo\n"


def has_ticket(client: Client) -> bool:
    session = client.peer.tls.session
    return session is not None and session.has_ticket


def test_the_ticket_leaves_with_the_first_response_or_after_a_while(
    context: TlsContext, certificate: Certificate
) -> None:
    server = simulation(context)
    client, silent = connected(server, certificate), connected(server, certificate)
    for each in (client, silent):
        server.turn()
        assert server.take(each.number) == b""
    assert client.exchange(b"line\n") == b"line\n"
    assert silent.receive() == b""
    assert not has_ticket(silent)
    server.set_time(0.2)
    assert silent.receive() == b""
    assert has_ticket(client)
    assert has_ticket(silent)


def test_many_records_in_one_read_are_all_answered(context: TlsContext, certificate: Certificate) -> None:
    server = simulation(context, request_bytes_max=100)
    client = connected(server, certificate)
    records = b"".join(
        client.peer.seal(b"line %d\nli" % index) + client.peer.seal(b"ne\n") for index in range(300)
    )
    server.deliver(client.number, records)
    assert client.receive(turns=20) == b"".join(b"line %d\nline\n" % index for index in range(300))
    # One record of more than the server takes at once.
    requests = b"".join(b"line %d\n" % index for index in range(1000))
    assert client.exchange(requests, turns=20) == requests


def test_pipelined_requests_wait_for_room(context: TlsContext, certificate: Certificate) -> None:
    server = simulation(context, output_bytes_max=1000)
    client = connected(server, certificate)
    requests = b"".join(b"big 400\nline %d\n" % index for index in range(200))
    expected = b"".join(b"x" * 400 + b"\nline %d\n" % index for index in range(200))
    server.deliver(client.number, client.peer.seal(requests))
    received = b""
    for step in range(800):
        server.limit_sends(client.number, 1 + step % 900)
        received += client.receive()
    server.limit_sends(client.number, -1)
    received += client.receive(turns=5)
    assert received == expected
    client.end()
    check_nothing_left(server)


def test_the_end_is_said(context: TlsContext, certificate: Certificate) -> None:
    server = simulation(context)
    client = connected(server, certificate)
    assert client.exchange(b"close\n") == b"close\n"
    assert not client.peer.is_open
    assert server.state(client.number) == "closed"
    idle, ended = connected(server, certificate), connected(server, certificate)
    assert idle.exchange(b"line\n") == b"line\n"
    server.deliver(ended.number, ended.peer.end())
    server.turn()
    assert server.state(ended.number) == "closed"
    server.set_time(100)
    server.turn()
    assert idle.receive() == b"bye\n"
    assert not idle.peer.is_open
    assert server.counters()["closed_idle_time"] == 1
    check_nothing_left(server)


def test_the_end_is_said_to_who_gives_way_to_a_newcomer(
    context: TlsContext, certificate: Certificate
) -> None:
    server = simulation(context, connections_max=2)
    shaking = Client(server, certificate.client_context())
    step_answered(shaking)
    idle = connected(server, certificate)
    assert idle.exchange(b"line\n") == b"line\n"
    newcomer = connected(server, certificate)
    assert idle.receive() == b""
    assert not idle.peer.is_open
    assert server.state(shaking.number) == "open"
    assert newcomer.exchange(b"line\n") == b"line\n"
    # Half a record is half a request.
    server.deliver(newcomer.number, newcomer.peer.seal(b"more\n")[:10])
    server.turn()
    refused = Client(server, certificate.client_context())
    refused.server.turn()
    assert server.state(refused.number) == "closed"
    assert server.counters()["closed_for_newcomer"] == server.counters()["refused_worker_full"] == 1
    newcomer.end()
    shaking.end()
    check_nothing_left(server)


def test_lingering_says_the_end_first(context: TlsContext, certificate: Certificate) -> None:
    server = simulation(context)
    client = connected(server, certificate)
    assert client.exchange(b"close\nignored\n") == b"close\n"
    assert not client.peer.is_open
    assert server.state(client.number) == "ended"
    client.end()
    check_nothing_left(server)


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_are_resumed_by_any_worker_and_after_a_reload(
    certificate: Certificate, ticket_keys: TlsTicketKeys, version: ssl.TLSVersion
) -> None:
    client_context = certificate.client_context()
    client_context.minimum_version = client_context.maximum_version = version
    session = None
    for is_resumed in (False, True, True):
        # A context each, as after a reload, and a server each, as another worker.
        made = TlsContext(certificate.certificate, certificate.private_key, ticket_keys)
        server = simulation(made)
        client = Client(server, client_context, session)
        client.shake_hands(turns=2)
        assert client.exchange(b"line\n") == b"line\n"
        assert client.peer.tls.session_reused == is_resumed
        assert server.counters()["tls_resumptions"] == is_resumed
        session = client.peer.tls.session
        assert session is not None


def test_keys_of_tickets_are_replaced_and_forgotten(certificate: Certificate) -> None:
    def handshake(keys: TlsTicketKeys, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession, bool]:
        server = simulation(TlsContext(certificate.certificate, certificate.private_key, keys))
        client = Client(server, client_context, session)
        client.shake_hands(turns=2)
        assert client.exchange(b"line\n") == b"line\n"
        assert client.peer.tls.session is not None
        return client.peer.tls.session, bool(client.peer.tls.session_reused)

    client_context = certificate.client_context()
    session, _ = handshake(TlsTicketKeys(), None)
    # Other keys, as of another process: an ordinary handshake.
    assert handshake(TlsTicketKeys(), session)[1] is False
    # No time at all: forgotten at once.
    none = TlsTicketKeys(rotation_seconds=0)
    session, _ = handshake(none, None)
    assert handshake(none, session)[1] is False


def test_a_reload_leaves_connections_alone(
    certificate: Certificate, ticket_keys: TlsTicketKeys, tmp_path: Path
) -> None:
    server = simulation(TlsContext(certificate.certificate, certificate.private_key, ticket_keys))
    before = connected(server, certificate)
    shaking = Client(server, certificate.client_context())
    server.deliver(shaking.number, shaking.peer.shake_hands())
    server.turn()
    server.turn()
    other = make_certificate(tmp_path, kind="rsa")
    server.set_tls(TlsContext(other.certificate, other.private_key, ticket_keys))
    assert before.exchange(LINES) == ANSWERS
    server.deliver(shaking.number, shaking.peer.shake_hands(server.take(shaking.number)))
    assert shaking.peer.is_open
    assert shaking.exchange(LINES, turns=2) == ANSWERS
    assert connected(server, other).exchange(LINES) == ANSWERS
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(server, certificate)


def test_connections_go_away_some_time_after_their_certificate(
    certificate: Certificate, ticket_keys: TlsTicketKeys, tmp_path: Path
) -> None:
    server = simulation(
        TlsContext(certificate.certificate, certificate.private_key, ticket_keys),
        look_seconds=10,
        certificate_seconds_max=30,
        idle_seconds_max=600,
    )

    def at(second: int) -> None:
        server.set_time(second)
        server.turn()

    before, silent = (connected(server, certificate) for _ in range(2))
    for client in (before, silent):
        assert client.exchange(LINES) == ANSWERS
    at(11)
    renewed = [make_certificate(tmp_path, f"certificate-{count}.localhost") for count in range(2)]
    server.set_tls(TlsContext(renewed[0].certificate, renewed[0].private_key, ticket_keys))
    at(22)  # found out
    between = connected(server, renewed[0], check_hostname=False)
    assert between.exchange(LINES) == ANSWERS
    at(33)
    # Another does not make it later for the first.
    server.set_tls(TlsContext(renewed[1].certificate, renewed[1].private_key, ticket_keys))
    after = connected(server, renewed[1], check_hostname=False)
    assert before.exchange(LINES) == after.exchange(LINES) == ANSWERS
    at(44)
    at(51)
    assert before.exchange(LINES) == ANSWERS
    at(62)
    for client in (before, silent):
        assert client.peer.open(server.take(client.number)) == b"bye\n"
        assert not client.peer.is_open
    for client in (between, after):
        assert client.exchange(LINES) == ANSWERS
    for second in (66, 77, 88, 99):
        at(second)
    assert between.peer.open(server.take(between.number)) == b"bye\n"
    assert after.exchange(LINES) == ANSWERS
    assert server.counters()["closed_by_answer"] == 3
    after.end()
    check_nothing_left(server)


@pytest.mark.parametrize("room", [0, 1, 20, 60, 120])
def test_new_keys_are_answered_when_there_is_room(
    context: TlsContext, certificate: Certificate, room: int
) -> None:
    """OpenSSL has to write them before what we have to say."""
    server = simulation(context)
    client = connected(server, certificate)
    server.limit_sends(client.number, room)
    client.peer.update_keys()
    content = client.exchange(b"first\n")
    server.limit_sends(client.number, 0)
    client.peer.update_keys()
    content += client.exchange(b"second\nthird\n")
    for _ in range(200):
        server.limit_sends(client.number, 3)
        content += client.receive()
    assert content == b"first\nsecond\nthird\n"
    server.limit_sends(client.number, -1)
    assert client.exchange(LINES) == ANSWERS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("room", [0, 1, 30, 100])
def test_messages_and_answers_share_records_in_order(
    context: TlsContext, certificate: Certificate, version: ssl.TLSVersion, room: int
) -> None:
    """A record that was taken in part comes again with the same bytes in front, whatever was put behind them."""
    server = simulation(context, output_bytes_max=60_000)
    sender, receiver = (
        connected(server, certificate, maximum_version=version, minimum_version=version) for _ in range(2)
    )
    name = receiver.exchange(b"name\n").rstrip()
    server.limit_sends(receiver.number, room)
    expected, content = b"", b""
    for index in range(40):
        text = b"%d %s\n" % (index, b"x" * (30 * index))
        expected += text
        assert sender.exchange(b"@%b %b" % (name, text)) == b"queued\n"
        content += receiver.receive()
    for _ in range(400):
        server.limit_sends(receiver.number, 101)
        content += receiver.receive()
    assert content == expected
    server.limit_sends(receiver.number, -1)
    assert receiver.exchange(LINES) == ANSWERS


Step = Callable[[Client], None]


def step_silent(client: Client) -> None:
    client.server.turn()


def step_hello(client: Client) -> None:
    client.server.turn()
    client.server.deliver(client.number, client.peer.shake_hands()[:100])
    client.server.turn()


def step_answered(client: Client) -> None:
    client.server.turn()
    client.server.deliver(client.number, client.peer.shake_hands())
    client.server.turn()


def step_blocked(client: Client) -> None:
    client.server.turn()
    client.server.limit_sends(client.number, 100)
    client.server.deliver(client.number, client.peer.shake_hands())
    client.server.turn()


def step_open(client: Client) -> None:
    client.shake_hands(turns=2)
    client.server.turn()


def step_sending(client: Client) -> None:
    client.shake_hands(turns=2)
    client.server.take(client.number)
    client.server.limit_sends(client.number, 10)
    client.exchange(b"big 3000\npart", turns=2)


def step_half_a_record(client: Client) -> None:
    client.shake_hands(turns=2)
    client.server.deliver(client.number, client.peer.seal(b"line\n")[:10])
    client.server.turn()


STEPS = [step_silent, step_hello, step_answered, step_blocked, step_open, step_sending, step_half_a_record]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("how", ["reset", "end", "garbage", "time"])
def test_every_state_has_every_end(
    context: TlsContext, certificate: Certificate, step: Step, how: str
) -> None:
    server = simulation(context)
    neighbour = connected(server, certificate)
    client = Client(server, certificate.client_context())
    step(client)
    if how == "garbage":
        server.limit_sends(client.number, -1)
        server.deliver(client.number, bytes(range(256)) * 80)
    elif how == "time":
        assert neighbour.exchange(b"line\n") == b"line\n"
        server.set_time(59)
        server.turn()
        assert neighbour.exchange(b"line\n") == b"line\n"
        server.set_time(61)
    elif how == "end":
        server.end(client.number)
        server.limit_sends(client.number, -1)
    else:
        server.reset(client.number)
    for _ in range(6):
        server.turn()
    assert server.state(client.number) == "closed"
    assert neighbour.exchange(LINES) == ANSWERS
    neighbour.end()
    check_nothing_left(server)


def test_the_handshake_has_its_time(context: TlsContext, certificate: Certificate) -> None:
    server = simulation(context)
    clients = [Client(server, certificate.client_context()) for _ in range(3)]
    for step, client in zip((step_silent, step_hello, step_answered), clients, strict=True):
        step(client)
    server.set_time(9)
    server.turn()
    assert server.counters()["active"] == 3
    server.set_time(11)
    server.turn()
    assert server.counters()["closed_handshake_time"] == 3
    check_nothing_left(server)


def test_a_flood_of_handshakes_leaves_turns_to_others(context: TlsContext, certificate: Certificate) -> None:
    server = simulation(context)
    served = connected(server, certificate)
    clients = [Client(server, certificate.client_context()) for _ in range(40)]
    for client in clients:
        server.deliver(client.number, client.peer.shake_hands())
    server.turn()
    answered = [0]
    for _ in range(12):
        assert served.exchange(b"line\n") == b"line\n"
        hellos = [client for client in clients if (received := server.take(client.number)) and received]
        answered.append(answered[-1] + len(hellos))
        assert answered[-1] - answered[-2] <= 8
    assert answered[-1] == 40


def test_a_proxy_header_comes_before_the_handshake(context: TlsContext, certificate: Certificate) -> None:
    server = simulation(context, has_proxy_protocol=True, trusted_networks=("10.0.0.0/8",))
    client = Client(server, certificate.client_context())
    # In one piece with the first bytes of TLS, which the server must leave to it.
    server.deliver(client.number, text_header("198.51.100.7", 80))
    client.shake_hands(turns=3)
    assert client.exchange(b"from\n")[:4] == bytes([198, 51, 100, 7])


@pytest.mark.parametrize("after", range(6))
def test_allocations_may_fail(context: TlsContext, certificate: Certificate, after: int) -> None:
    server = simulation(context)
    server.fail_allocation(after)
    client = Client(server, certificate.client_context())
    try:
        client.shake_hands(turns=2)
        if client.peer.is_open:
            server.limit_sends(client.number, 100)
            client.exchange(b"big 5000\npart", turns=3)
            server.limit_sends(client.number, -1)
            client.receive(turns=3)
    except LookupError:
        pass
    client.end()
    server.turn()
    check_nothing_left(server)
    server.fail_allocation(-1)
    assert connected(server, certificate).exchange(LINES) == ANSWERS


def test_many_connections_leave_no_memory_of_ours(context: TlsContext, certificate: Certificate) -> None:
    server = simulation(context)
    clients = [connected(server, certificate) for _ in range(60)]
    for number, client in enumerate(clients):
        assert client.exchange(b"line %d\n" % number) == b"line %d\n" % number
    server.drain()
    for client in clients:
        client.peer.open(server.take(client.number))
        assert not client.peer.is_open
    assert server.counters()["closed_at_end"] == 60
    check_nothing_left(server)
