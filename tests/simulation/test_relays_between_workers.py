"""Messages to connections of other workers: through bounded inboxes, and no wake-up is lost."""

import random
from itertools import pairwise

import pytest

from aquatic.testing.stream import StreamGroup, StreamSettings, StreamSimulation
from tests.simulation.test_connections import ANSWERS, LINES, check_nothing_left, exchange, opened
from tests.simulation.test_relays import name_of

MESSAGES_A_TURN = 512


def workers(count: int = 2, **changes: object) -> list[StreamSimulation]:
    group = StreamGroup()
    settings = StreamSettings(**changes)  # type: ignore[arg-type]
    return [StreamSimulation(settings, group) for _ in range(count)]


def test_a_message_for_an_idle_connection_leaves_within_one_turn() -> None:
    here, there = workers()
    sender, receiver = opened(here), opened(there)
    name = name_of(there, receiver)
    for _ in range(3):
        assert exchange(here, sender, b"@%b hello\n" % name) == b"queued\n"
        assert there.take(receiver) == b""
        there.turn()
        assert there.take(receiver) == b"hello\n"
    assert exchange(there, receiver, LINES) == ANSWERS
    for server, number in ((here, sender), (there, receiver)):
        server.end(number)
        server.turn()
        check_nothing_left(server)


def test_many_messages_wake_a_worker_once_and_the_next_does_again() -> None:
    here, there = workers()
    sender, receiver = opened(here), opened(there)
    name = name_of(there, receiver)
    for times in range(1, 4):
        for _ in range(5):
            exchange(here, sender, b"@%b hello\n" % name * 20)
        assert there.wakes() == times
        there.turn()
        assert there.take(receiver) == b"hello\n" * 100


def test_a_message_that_comes_while_the_worker_is_behind_waits_its_turn() -> None:
    """Between the halves' changes of place no event is missing."""
    here, there = workers(request_bytes_max=65_536, output_bytes_max=65_536)
    sender, receiver = opened(here), opened(there)
    name = name_of(there, receiver)
    count = 2 * MESSAGES_A_TURN + 100
    for index in range(count):
        here.deliver(sender, b"@%b %d\n" % (name, index))
        if index % 100 == 99:
            here.turn()
    here.turn()
    received = []
    there.turn()
    received.append(there.take(receiver))
    exchange(here, sender, b"@%b more\n" % name)
    for _ in range(4):
        there.turn()
        received.append(there.take(receiver))
    lines = [piece.count(b"\n") for piece in received]
    assert lines == [MESSAGES_A_TURN, MESSAGES_A_TURN, 101, 0, 0]
    assert b"".join(received) == b"".join(b"%d\n" % index for index in range(count)) + b"more\n"


def test_a_full_inbox_loses_what_comes_then_and_nothing_else() -> None:
    here, there = workers(inbox_bytes_max=1000, output_bytes_max=4096)
    sender, receiver = opened(here), opened(there)
    name = name_of(there, receiver)
    line = b"@%b %s\n" % (name, b"x" * 83)
    # 84 bytes and a head of 16.
    assert exchange(here, sender, line * 12) == b"queued\n" * 10 + b"full\n" * 2
    assert exchange(here, sender, LINES) == ANSWERS
    assert here.counters()["messages_dropped_inbox_full"] == 2
    there.turn()
    assert there.take(receiver) == (b"x" * 83 + b"\n") * 10
    assert exchange(here, sender, line) == b"queued\n"
    assert exchange(here, sender, b"@%b %s\n" % (name, b"x" * 2000)) == b"full\n"
    there.turn()
    assert there.take(receiver) == b"x" * 83 + b"\n"


def test_a_message_to_a_connection_that_has_gone_in_the_meantime_is_counted() -> None:
    here, there = workers()
    sender, receiver = opened(here), opened(there)
    name = name_of(there, receiver)
    assert exchange(here, sender, b"@%b hello\n" % name) == b"queued\n"
    there.end(receiver)
    there.turn()
    there.turn()
    assert exchange(here, sender, b"@%b hello\n" % name) == b"queued\n"
    there.turn()
    assert there.counters()["messages_to_gone"] + there.counters()["messages_queued"] == 2
    assert there.counters()["messages_to_gone"] >= 1
    check_nothing_left(there)


def test_nobody_is_at_a_worker_that_is_not_there_or_has_ended() -> None:
    here, there = workers()
    sender, receiver = opened(here), opened(there)
    name = name_of(there, receiver)
    assert exchange(here, sender, b"@2:7 hello\n@999999999:7 hello\n") == b"gone\ngone\n"
    there.drain()
    assert exchange(here, sender, b"@%b hello\n" % name) == b"gone\n"
    assert here.counters()["messages_to_gone"] == 3
    assert there.wakes() == 0


def test_a_worker_that_ends_delivers_what_it_has_been_given() -> None:
    here, there = workers(request_bytes_max=65_536, output_bytes_max=65_536)
    sender, receiver = opened(here), opened(there)
    name = name_of(there, receiver)
    count = MESSAGES_A_TURN + 100
    for _ in range(count // 51):
        exchange(here, sender, b"@%b hello\n" % name * 51)
    there.drain()
    assert there.take(receiver) == b"hello\n" * (count // 51 * 51) + b"bye\n"
    check_nothing_left(there)


def test_a_slow_reader_of_another_worker_harms_nobody_else() -> None:
    here, there = workers(output_bytes_max=200, output_seconds_max=5)
    sender, slow, other = opened(here), opened(there), opened(there)
    name, other_name = name_of(there, slow), name_of(there, other)
    there.limit_sends(slow, 0)
    for _ in range(10):
        exchange(here, sender, b"@%b %s\n" % (name, b"x" * 49))
    exchange(here, sender, b"@%b hello\n" % other_name)
    there.turn()
    assert there.take(other) == b"hello\n"
    assert there.counters()["messages_dropped_slow"] == 6
    there.set_time(6)
    there.turn()
    assert there.state(slow) == "closed"
    assert there.counters()["closed_output_time"] == 1


def test_memory_of_a_burst_is_given_back_and_nothing_else_is() -> None:
    here, there = workers(request_bytes_max=65_536, output_bytes_max=65_536)
    sender, receiver = opened(here), opened(there)
    name = name_of(there, receiver)
    for times in range(4):
        message = b"%d" % times * 20_000
        for _ in range(3):
            assert exchange(here, sender, b"@%b %s\n" % (name, message)) == b"queued\n"
        there.turn()
        assert there.take(receiver) == (message + b"\n") * 3
        # Nothing happens: that is when it is done.
        there.turn()


@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_order_of_turns_no_message_stays_behind(seed: int) -> None:
    chance = random.Random(seed)
    servers = workers(3, inbox_bytes_max=500, output_bytes_max=200)
    senders = [(server, opened(server)) for server in servers]
    receivers = [(server, opened(server)) for server in servers for _ in range(2)]
    names = [name_of(server, number) for server, number in receivers]
    received = [b""] * len(names)
    for message in range(500):
        who = chance.randrange(3)
        server, number = senders[who]
        lines = [
            b"@%b %d\n" % (chance.choice(names), 3 * (10 * message + place) + who) for place in range(10)
        ]
        answers = exchange(server, number, b"".join(lines)).splitlines()
        assert len(answers) == 10
        assert set(answers) <= {b"queued", b"full"}
        to, slow = chance.choice(receivers)
        to.limit_sends(slow, chance.choice([0, 7, -1, -1]))
        for index, (to, reader) in enumerate(receivers):
            received[index] += to.take(reader)
    for to, reader in receivers:
        to.limit_sends(reader, -1)
    for server in servers:
        server.turn()
    counters = [server.counters() for server in servers]
    for index, (to, reader) in enumerate(receivers):
        received[index] += to.take(reader)
        for who in range(3):
            # Those of one sender are in order.
            mine = [int(text) for text in received[index].split() if int(text) % 3 == who]
            assert all(before < after for before, after in pairwise(mine))
    arrived = sum(content.count(b"\n") for content in received)
    dropped = ("messages_dropped_slow", "messages_dropped_inbox_full")
    lost = [sum(worker[name] for worker in counters) for name in dropped]
    assert arrived + sum(lost) == 5000
    assert arrived > 1000
    assert all(lost)
