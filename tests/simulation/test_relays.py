"""Messages from one connection to another: they leave in the turn in which they were sent, or are lost alone."""

import pytest

from aquatic.testing.stream import StreamSimulation
from tests.simulation.test_connections import (
    ANSWERS,
    LINES,
    check_nothing_left,
    exchange,
    ipv4,
    opened,
    simulation,
)


def name_of(server: StreamSimulation, number: int) -> bytes:
    """What others call a connection."""
    return exchange(server, number, b"name\n").rstrip()


def end_all(server: StreamSimulation, *numbers: int) -> None:
    for number in numbers:
        server.end(number)
    server.turn()
    check_nothing_left(server)


def test_a_message_leaves_in_the_turn_in_which_it_was_sent() -> None:
    server = simulation()
    sender, receiver = opened(server), opened(server)
    name = name_of(server, receiver)
    assert exchange(server, sender, b"@%b hello\n" % name) == b"queued\n"
    assert server.take(receiver) == b"hello\n"
    assert exchange(server, receiver, LINES) == ANSWERS
    assert server.counters()["messages_queued"] == 1
    end_all(server, sender, receiver)


def test_messages_of_one_turn_leave_together_and_in_order() -> None:
    server = simulation()
    receiver = opened(server)
    name = name_of(server, receiver)
    senders = [opened(server) for _ in range(5)]
    for sender in senders:
        server.deliver(sender, b"".join(b"@%b %d.%d\n" % (name, sender, index) for index in range(3)))
    server.turn()
    received = server.take(receiver).splitlines()
    for sender in senders:
        mine = [line for line in received if line.startswith(b"%d." % sender)]
        assert mine == [b"%d.%d" % (sender, index) for index in range(3)]
    assert len(received) == 15


def test_a_connection_may_send_to_itself() -> None:
    server = simulation()
    number = opened(server)
    name = name_of(server, number)
    assert exchange(server, number, b"@%b hello\nlast\n" % name) == b"hello\nqueued\nlast\n"
    end_all(server, number)


def test_memory_of_messages_is_kept_from_turn_to_turn_and_given_back_when_none_have_come() -> None:
    server = simulation()
    numbers = [opened(server) for _ in range(100)]
    names = [name_of(server, number) for number in numbers]

    def send_all() -> None:
        for number, name in zip(numbers, names[1:] + names[:1], strict=True):
            server.deliver(number, b"@%b %s\n" % (name, b"x" * 3000))
        server.turn()
        for number in numbers:
            assert b"x" * 3000 + b"\n" in server.take(number)

    used_bytes, idle_bytes = server.memory_bytes(), server.held_bytes()
    for second in range(1, 5):
        server.set_time(second)
        send_all()
        send_all()
        assert server.memory_bytes() == used_bytes
        kept_bytes = server.held_bytes()
        assert kept_bytes > idle_bytes + 100 * 3000
        server.turn()
        assert server.held_bytes() == kept_bytes
    for second in range(5, 7):
        server.set_time(second)
        server.turn()
    # A slab of records has been in use all the time.
    assert server.held_bytes() == idle_bytes
    end_all(server, *numbers)


def test_what_is_answered_comes_behind_what_was_relayed_before() -> None:
    server = simulation()
    sender, receiver = opened(server), opened(server)
    name = name_of(server, receiver)
    server.deliver(sender, b"@%b hello\n" % name)
    server.deliver(receiver, LINES)
    server.turn()
    received = server.take(receiver)
    # Whichever of the two was served first.
    assert received in (b"hello\n" + ANSWERS, ANSWERS + b"hello\n")
    end_all(server, sender, receiver)


def test_a_name_is_nobodys_after_its_connection() -> None:
    server = simulation()
    sender, receiver = opened(server), opened(server)
    name = name_of(server, receiver)
    server.end(receiver)
    server.turn()
    server.forget(receiver)
    successor = opened(server)
    assert exchange(server, sender, b"@%b hello\n" % name) == b"gone\n"
    assert exchange(server, sender, b"@0:0 hello\n@0:7 hello\n") == b"gone\ngone\n"
    assert server.take(successor) == b""
    assert server.counters()["messages_to_gone"] == 3
    end_all(server, sender, successor)


def test_a_connection_that_is_closing_is_gone() -> None:
    server = simulation()
    sender, receiver = opened(server), opened(server)
    name = name_of(server, receiver)
    server.limit_sends(receiver, 0)
    assert exchange(server, receiver, b"close\nunread") == b""
    assert exchange(server, sender, b"@%b hello\n" % name) == b"gone\n"
    server.limit_sends(receiver, -1)
    server.turn()
    assert server.take(receiver) == b"close\n"
    assert exchange(server, sender, b"@%b hello\n" % name) == b"gone\n"


@pytest.mark.parametrize("room", range(12))
def test_messages_to_a_connection_that_takes_little_keep_their_order(room: int) -> None:
    server = simulation()
    sender, receiver = opened(server), opened(server)
    name = name_of(server, receiver)
    server.limit_sends(receiver, room)
    for index in range(20):
        assert exchange(server, sender, b"@%b message %d\n" % (name, index)) == b"queued\n"
    received = b""
    for _ in range(20):
        server.limit_sends(receiver, 11)
        server.turn()
        received += server.take(receiver)
    server.limit_sends(receiver, -1)
    server.turn()
    received += server.take(receiver)
    assert received == b"".join(b"message %d\n" % index for index in range(20))
    assert exchange(server, receiver, LINES) == ANSWERS
    end_all(server, sender, receiver)


def test_a_slow_reader_loses_messages_first_and_then_its_connection() -> None:
    server = simulation(output_bytes_max=200, output_seconds_max=5, idle_seconds_max=60)
    sender, slow, other = opened(server), opened(server), opened(server)
    name, other_name = name_of(server, slow), name_of(server, other)
    server.limit_sends(slow, 0)
    line = b"@%b %s\n" % (name, b"x" * 49)
    assert exchange(server, sender, line * 5) == b"queued\n" * 4 + b"full\n"
    assert exchange(server, sender, b"@%b %s\n" % (name, b"x" * 300)) == b"full\n"
    assert exchange(server, sender, b"@%b short\n@%b hello\n" % (name, other_name)) == b"full\nqueued\n"
    assert server.take(other) == b"hello\n"
    assert server.counters()["messages_dropped_slow"] == 3
    server.set_time(5)
    server.turn()
    assert server.state(slow) == "open"
    server.set_time(6)
    server.turn()
    assert server.state(slow) == "closed"
    assert server.counters()["closed_output_time"] == 1
    assert exchange(server, sender, line) == b"gone\n"
    end_all(server, sender, other)


def test_a_reader_that_goes_on_reading_is_not_slow_however_much_comes() -> None:
    """The time limit is for what waited when it began."""
    server = simulation(output_bytes_max=1000, output_seconds_max=5)
    sender, receiver = opened(server), opened(server)
    name = name_of(server, receiver)
    server.limit_sends(receiver, 0)
    exchange(server, sender, b"@%b %s\n" % (name, b"x" * 99))
    for second in range(1, 50):
        server.set_time(second)
        server.limit_sends(receiver, 40)
        assert exchange(server, sender, b"@%b %s\n" % (name, b"x" * 39)) == b"queued\n"
        assert len(server.take(receiver)) == 40
    assert server.state(receiver) == "open"


def test_an_answer_waits_for_room_behind_what_was_relayed() -> None:
    server = simulation(output_bytes_max=100)
    number = opened(server)
    name = name_of(server, number)
    server.deliver(number, b"@%b %s\n" % (name, b"x" * 60))
    server.deliver(number, b"big 50\nlast\n")
    server.turn()
    assert server.take(number) == b"x" * 60 + b"\nqueued\n" + b"x" * 50 + b"\nlast\n"
    end_all(server, number)


def test_an_answer_without_room_behind_what_was_relayed_closes_its_own_connection() -> None:
    server = simulation(output_bytes_max=65_536, request_bytes_max=65_536)
    number, other = opened(server), opened(server)
    name = name_of(server, number)
    # The answer's room was there until the connection sent to itself.
    request = b"big 60000\n@%b %s\n" % (name, b"x" * 10_000)
    assert exchange(server, number, request) == b""
    assert server.state(number) == "closed"
    assert server.counters()["closed_output_full"] == 1
    assert exchange(server, other, LINES) == ANSWERS
    end_all(server, other)


def test_a_connection_that_closes_takes_what_was_relayed_before_with_it() -> None:
    server = simulation()
    number = opened(server)
    name = name_of(server, number)
    assert exchange(server, number, b"@%b hello\nclose\n" % name) == b"hello\nqueued\nclose\n"
    assert server.state(number) == "closed"
    check_nothing_left(server)


def test_a_connection_goes_on_with_the_successor_of_its_protocol() -> None:
    server = simulation()
    number, other = opened(server), opened(server)
    assert exchange(server, number, b"who\nswitch\nwho\n") == b"first\nswitch\nsecond\n"
    assert exchange(server, number, b"who\n") == b"second\n"
    # There is no other after it.
    assert exchange(server, number, b"switch\nwho\n") == b"switch\nsecond\n"
    assert exchange(server, other, b"who\n") == b"first\n"
    end_all(server, number, other)


@pytest.mark.parametrize("room", range(20))
def test_a_switch_waits_for_its_answer_to_be_sent(room: int) -> None:
    server = simulation()
    number = opened(server)
    server.limit_sends(number, room)
    received = exchange(server, number, b"who\nswitch\nwho\n")
    server.limit_sends(number, -1)
    server.turn()
    assert received + server.take(number) == b"first\nswitch\nsecond\n"
    end_all(server, number)


def test_the_successor_has_the_client_that_was_found_out_behind_a_proxy() -> None:
    """And who has its share of connections gets no more of them through a proxy."""
    server = simulation(
        connections_per_address_max=1, trusted_networks=("10.0.0.0/31",), has_proxy_address_header=True
    )
    first, second, third = (opened(server, ipv4(1)) for _ in range(3))
    assert exchange(server, first, b"from\n")[:5] == ipv4(1) + b"\1"
    assert exchange(server, first, b"switch 7\n") == b"switch 7\n"
    assert exchange(server, first, b"from\n")[:5] == ipv4(7) + b"\0"
    assert exchange(server, second, b"switch 8\nwho\n") == b"switch 8\nsecond\n"
    assert exchange(server, third, b"switch 7\n") == b""
    assert server.state(third) == "closed"
    assert server.counters()["closed_address_limit"] == 1
    server.end(first)
    server.turn()
    fourth = opened(server, ipv4(1))
    assert exchange(server, fourth, b"switch 7\n") == b"switch 7\n"
    end_all(server, second, fourth)


def test_what_a_protocol_keeps_of_a_connection_goes_with_it() -> None:
    server = simulation()
    number, other = opened(server), opened(server)
    assert exchange(server, number, b"kept\nkeep this\nkept\n") == b"nothing\nkeep this\nthis\n"
    assert exchange(server, number, b"switch\nkept\n") == b"switch\nthis\n"
    assert exchange(server, other, b"kept\n") == b"nothing\n"
    end_all(server, number, other)


ENDS = ("end", "reset", "close", "close unread", "time", "stuck")


@pytest.mark.parametrize("how", ENDS)
def test_a_protocol_is_told_once_and_at_once_that_a_connection_is_gone(how: str) -> None:
    server = simulation(idle_seconds_max=30)
    number, heir = opened(server), opened(server)
    name = name_of(server, heir)
    exchange(server, number, b"keep @%b farewell\n" % name)
    if how == "end":
        server.end(number)
    elif how == "reset":
        server.reset(number)
    elif how == "time":
        server.set_time(25)
        exchange(server, heir, b"line\n")
        server.set_time(31)
    elif how == "stuck":
        server.limit_sends(number, 0)
        server.deliver(number, b"close\n")
    else:
        server.deliver(number, b"close\n" if how == "close" else b"close\nunread")
    server.turn()
    server.take(number)
    assert server.take(heir) == b"farewell\n"
    server.reset(number)
    server.set_time(40 if how == "time" else 29)
    server.turn()
    assert server.state(number) == "closed"
    assert server.take(heir) == b""
    end_all(server, heir)


def test_a_protocol_looks_at_its_connections_from_time_to_time() -> None:
    server = simulation(look_seconds=20, idle_seconds_max=300)
    keeps, closes, other = opened(server), opened(server), opened(server)
    exchange(server, keeps, b"keep this\n")
    for number in (closes, other):
        exchange(server, number, b"line\n")
    server.set_time(19)
    server.turn()
    assert server.take(keeps) == b""
    server.set_time(21)
    server.turn()
    assert server.take(keeps) == b"this\n"
    exchange(server, closes, b"keep close\n")
    server.set_time(40)
    server.turn()
    assert server.take(keeps) == b""
    server.set_time(42)
    server.turn()
    assert server.take(keeps) == b"this\n"
    assert server.take(other) == b""
    assert server.take(closes) == b"close\n"
    # It does not look again, nor does time count for a request.
    server.set_time(45)
    server.turn()
    assert server.state(closes) == "closed"
    server.set_time(302)
    server.turn()
    server.turn()
    assert server.state(keeps) == server.state(other) == "closed"
    assert server.counters()["closed_idle_time"] == 2
    check_nothing_left(server)


def test_a_look_is_late_at_most_for_the_timers_before_it() -> None:
    server = simulation(look_seconds=20, connections_max=3000)
    numbers = []
    for index in range(2000):
        numbers.append(server.connect(ipv4(index)))
        if index % 50 == 49:
            server.turn()
            server.turn()
    for number in numbers:
        server.deliver(number, b"keep this\n")
    for _ in range(2000 // 128 + 1):
        server.turn()
    assert all(server.take(number) == b"keep this\n" for number in numbers)
    server.set_time(21)
    turns = 0
    seen = 0
    while seen < 2000:
        server.turn()
        turns += 1
        now = sum(server.take(number) == b"this\n" for number in numbers)
        # Looking takes turns with serving.
        assert 0 < now <= 128
        seen += now
    assert turns > 1


def test_what_a_look_writes_waits_behind_what_has_not_been_taken() -> None:
    server = simulation(look_seconds=20, output_seconds_max=60)
    number = opened(server)
    server.limit_sends(number, 10)
    assert exchange(server, number, b"keep this\nlast\n") == b"keep this\n"
    server.set_time(21)
    server.turn()
    server.limit_sends(number, -1)
    server.turn()
    assert server.take(number) == b"last\nthis\n"


@pytest.mark.parametrize("text", [b"this", b"close"])
def test_a_look_at_a_connection_that_takes_little(text: bytes) -> None:
    server = simulation(look_seconds=20, header_seconds_max=60)
    number = opened(server)
    exchange(server, number, b"keep %b\nhalf" % text)
    server.limit_sends(number, 2)
    server.set_time(21)
    server.turn()
    server.turn()
    assert server.take(number) == text[:2]
    server.limit_sends(number, -1)
    server.turn()
    assert server.take(number) == text[2:] + b"\n"
    if text == b"close":
        assert server.state(number) == "ended"
        end_all(server, number)
    else:
        assert exchange(server, number, b" line\n") == b"half line\n"


def relay_under_failure(server: StreamSimulation) -> None:
    """Whatever may allocate: records, what is kept, a queue that grows, requests in parts."""
    sender, receiver = server.connect(ipv4(1)), server.connect(ipv4(2))
    server.turn()
    server.turn()
    name = exchange(server, receiver, b"switch\nkeep this\nname\n").splitlines()[-1:] or [b"0:1"]
    exchange(server, sender, b"keep @%b farewell\nhalf" % name[0])
    server.limit_sends(receiver, 3)
    for index in range(12):
        exchange(server, sender, b"\n@%b %s\nhalf" % (name[0], b"x" * 20 * index))
        if index % 4 == 3:
            server.limit_sends(receiver, 50)
    server.set_time(21)
    server.turn()
    exchange(server, receiver, b"half")
    server.limit_sends(receiver, -1)
    server.turn()
    server.take(receiver)
    server.end(sender)
    server.turn()
    server.end(receiver)
    for seconds in (40, 80):
        server.set_time(seconds)
        server.turn()


@pytest.mark.parametrize("after", range(31))
def test_allocations_may_fail_anywhere(after: int) -> None:
    server = simulation()
    server.fail_allocation(after)
    relay_under_failure(server)
    server.fail_allocation(-1)
    stranger = opened(server)
    assert exchange(server, stranger, LINES) == ANSWERS
    end_all(server, stranger)


@pytest.mark.parametrize("after", range(10))
def test_watching_may_fail_anywhere(after: int) -> None:
    server = simulation()
    server.fail_watch(after)
    relay_under_failure(server)
    server.fail_watch(-1)
    stranger = opened(server)
    assert exchange(server, stranger, LINES) == ANSWERS
    end_all(server, stranger)


def test_a_message_without_memory_is_lost_alone() -> None:
    server = simulation()
    sender, receiver = opened(server), opened(server)
    name = name_of(server, receiver)
    server.fail_allocation(0)
    assert exchange(server, sender, b"@%b hello\n" % name) == b"full\n"
    server.fail_allocation(-1)
    assert server.counters()["messages_dropped_no_memory"] == 1
    assert exchange(server, sender, b"@%b hello\n" % name) == b"queued\n"
    assert server.take(receiver) == b"hello\n"
    end_all(server, sender, receiver)


def test_a_queue_that_cannot_grow_keeps_what_it_has() -> None:
    server = simulation()
    sender, receiver = opened(server), opened(server)
    name = name_of(server, receiver)
    server.limit_sends(receiver, 0)
    assert exchange(server, sender, b"@%b first\n" % name) == b"queued\n"
    server.fail_allocation(0)
    assert exchange(server, sender, b"@%b %s\n" % (name, b"x" * 100)) == b"full\n"
    assert exchange(server, sender, b"@%b second\n" % name) == b"queued\n"
    server.fail_allocation(-1)
    server.limit_sends(receiver, -1)
    server.turn()
    assert server.take(receiver) == b"first\nsecond\n"
