"""Connections on the in-memory network: what is received in whatever pieces is answered, and everything ends well."""

import errno
from collections.abc import Callable

import pytest

from aquatic.testing.stream import CONNECTION_BYTES, StreamSettings, StreamSimulation

LINES = b"first\nsecond\nbig 3\nlast\n"
ANSWERS = b"first\nsecond\nxxx\nlast\n"
Address = Callable[[int], bytes]


def ipv4(number: int) -> bytes:
    return bytes([10, 0, *number.to_bytes(2, "big")])


def simulation(**changes: object) -> StreamSimulation:
    return StreamSimulation(StreamSettings(**changes))  # type: ignore[arg-type]


def opened(server: StreamSimulation, ip: bytes = ipv4(1)) -> int:
    number = server.connect(ip)
    server.turn()
    assert server.state(number) == "open"
    return number


def exchange(server: StreamSimulation, number: int, request: bytes, turns: int = 1) -> bytes:
    assert server.deliver(number, request) == len(request)
    for _ in range(turns):
        server.turn()
    return server.take(number)


def check_nothing_left(server: StreamSimulation) -> None:
    """No descriptor, no slot, no buffer, and every accepted connection has ended for one reason."""
    for family in (4, 6):
        counters = server.counters(family)
        closed = sum(count for name, count in counters.items() if name.startswith("closed_"))
        assert counters["accepted"] == closed
        assert counters["active"] == 0
    assert server.descriptors() == 0
    # Slabs that are kept warm do not count.
    assert server.memory_bytes() == 0


def test_lines_come_back() -> None:
    server = simulation()
    number = opened(server)
    assert exchange(server, number, LINES) == ANSWERS
    assert exchange(server, number, b"again\n") == b"again\n"
    server.end(number)
    server.turn()
    assert server.state(number) == "closed"
    assert server.counters()["closed_by_peer"] == 1
    check_nothing_left(server)


@pytest.mark.parametrize("place", range(1, len(LINES)))
def test_requests_may_be_split_anywhere(place: int) -> None:
    server = simulation()
    number = opened(server)
    answers = exchange(server, number, LINES[:place]) + exchange(server, number, LINES[place:])
    assert answers == ANSWERS


@pytest.mark.parametrize("size", [1, 2, 7])
def test_requests_may_come_byte_by_byte(size: int) -> None:
    server = simulation()
    number = opened(server)
    server.split_receives(number, size)
    assert exchange(server, number, LINES, turns=len(LINES)) == ANSWERS
    server.end(number)
    server.turn()
    check_nothing_left(server)


@pytest.mark.parametrize("room", range(len(ANSWERS)))
def test_answers_may_be_taken_in_any_pieces(room: int) -> None:
    server = simulation()
    number = opened(server)
    server.limit_sends(number, room)
    answers = exchange(server, number, LINES)
    assert answers == ANSWERS[:room]
    # While output waits, nothing more is read, but nothing is lost either.
    assert exchange(server, number, b"more\n", turns=3) == b""
    for _ in range(len(ANSWERS) + 8):
        server.limit_sends(number, 1)
        server.turn()
    server.limit_sends(number, -1)
    server.turn()
    server.turn()
    assert answers + server.take(number) == ANSWERS + b"more\n"


def test_pipelined_requests_wait_for_room_and_are_all_answered_in_order() -> None:
    server = simulation(output_bytes_max=1000)
    number = opened(server)
    requests = b"".join(b"big 400\nline %d\n" % index for index in range(100))
    expected = b"".join(b"x" * 400 + b"\nline %d\n" % index for index in range(100))
    server.limit_sends(number, 0)
    server.deliver(number, requests)
    received = b""
    for step in range(400):
        server.limit_sends(number, 1 + step % 700)
        server.turn()
        received += server.take(number)
    assert received == expected
    # At most what may wait was ever kept.
    server.end(number)
    server.turn()
    check_nothing_left(server)


def test_a_peer_that_has_ended_its_side_gets_its_answers() -> None:
    server = simulation()
    number = opened(server)
    server.limit_sends(number, 4)
    server.deliver(number, LINES)
    server.end(number)
    server.turn()
    assert server.take(number) == ANSWERS[:4]
    server.limit_sends(number, -1)
    server.turn()
    assert server.take(number) == ANSWERS[4:]
    assert server.state(number) == "open"
    server.turn()
    assert server.state(number) == "closed"
    check_nothing_left(server)


def test_the_protocol_closes_at_once_or_lingers_when_more_has_come() -> None:
    server = simulation()
    number = opened(server)
    assert exchange(server, number, b"line\nclose\n") == b"line\nclose\n"
    assert server.state(number) == "closed"
    number = opened(server)
    assert exchange(server, number, b"close\nignored\n") == b"close\n"
    assert server.state(number) == "ended"
    assert exchange(server, number, b"ignored\n", turns=3) == b""
    assert server.state(number) == "ended"
    server.end(number)
    server.turn()
    assert server.state(number) == "closed"
    number = opened(server)
    exchange(server, number, b"close\nignored\n")
    server.set_time(3)
    server.turn()
    assert server.state(number) == "closed"
    assert server.counters()["closed_by_answer"] == 3
    check_nothing_left(server)


def test_last_words_come_whatever_is_left_unread() -> None:
    """They leave with the end of our side. A socket that is closed with unread input drops what has not left."""
    server = simulation()
    number = opened(server)
    server.split_receives(number, len(b"close\n"))
    assert exchange(server, number, b"close\nignored\n") == b"close\n"
    assert server.state(number) == "closed"
    check_nothing_left(server)


def test_a_close_waits_for_the_output() -> None:
    server = simulation()
    number = opened(server)
    server.limit_sends(number, 2)
    assert exchange(server, number, b"close\nignored\n") == b"cl"
    server.limit_sends(number, -1)
    server.turn()
    assert server.take(number) == b"ose\n"
    assert server.state(number) == "ended"


def step_waiting(_: StreamSimulation, __: int) -> None:
    """In the listener's queue."""


def step_opened(server: StreamSimulation, _: int) -> None:
    server.turn()


def step_partial(server: StreamSimulation, number: int) -> None:
    server.deliver(number, b"parti")
    server.turn()
    server.turn()


def step_idle(server: StreamSimulation, number: int) -> None:
    server.deliver(number, b"line\n")
    server.turn()
    server.turn()


def step_sending(server: StreamSimulation, number: int) -> None:
    server.limit_sends(number, 3)
    server.deliver(number, b"one\ntwo\nthr")
    server.turn()
    server.turn()


def step_lingering(server: StreamSimulation, number: int) -> None:
    server.deliver(number, b"close\nmore\n")
    server.turn()
    server.turn()


STEPS = [step_waiting, step_opened, step_partial, step_idle, step_sending, step_lingering]
Step = Callable[[StreamSimulation, int], None]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("unread", [b"", b"more\n"])
def test_a_reset_ends_a_connection_in_every_state(step: Step, unread: bytes) -> None:
    server = simulation()
    number, neighbour = server.connect(ipv4(1)), server.connect(ipv4(2))
    step(server, number)
    server.deliver(number, unread)
    server.reset(number)
    for _ in range(3):
        server.turn()
    assert server.state(number) == "closed"
    assert exchange(server, neighbour, b"well\n", turns=2) == b"well\n"
    server.end(neighbour)
    server.turn()
    check_nothing_left(server)


@pytest.mark.parametrize(
    ("step", "seconds", "cause"),
    [
        (step_opened, 10, "header_time"),
        (step_partial, 10, "header_time"),
        (step_idle, 60, "idle_time"),
        (step_sending, 60, "output_time"),
        (step_lingering, 2, "by_answer"),
    ],
)
def test_every_state_has_its_time(step: Step, seconds: int, cause: str) -> None:
    server = simulation()
    number = server.connect()
    step(server, number)
    server.set_time(seconds - 0.5)
    server.turn()
    assert server.state(number) != "closed"
    server.set_time(seconds + 0.5)
    server.turn()
    assert server.state(number) == "closed"
    assert server.counters()[f"closed_{cause}"] == 1
    # Who takes nothing gets no last words, nor does who has had them.
    assert server.take(number).endswith(b"bye\n") == (cause in ("header_time", "idle_time"))
    check_nothing_left(server)


def test_only_whole_requests_make_time_for_more() -> None:
    server = simulation()
    slow, steady = opened(server), opened(server)
    for second in range(1, 300):
        server.set_time(second)
        if server.state(slow) == "open":
            server.deliver(slow, b"s")
        assert exchange(server, steady, b"line\n") == b"line\n"
        assert (server.state(slow) == "closed") == (second > 10)
    assert server.counters()["closed_header_time"] == 1
    server.set_time(400)
    server.turn()
    assert server.state(steady) == "closed"
    check_nothing_left(server)


def test_a_late_start_of_the_next_request_has_the_time_of_a_header() -> None:
    server = simulation()
    number = opened(server)
    exchange(server, number, b"line\n")
    server.set_time(50)
    exchange(server, number, b"par")
    server.set_time(59)
    assert exchange(server, number, b"tial\n") == b"partial\n"
    server.set_time(100)
    server.turn()
    assert server.state(number) == "open"
    server.set_time(120)
    server.turn()
    assert server.state(number) == "closed"


def test_a_long_pause_expires_everybody_once() -> None:
    server = simulation(idle_seconds_max=86_400)
    numbers = [opened(server, ipv4(index)) for index in range(50)]
    for number in numbers:
        exchange(server, number, b"line\n")
    for second in (100, 5000, 86_000):
        server.set_time(second)
        server.turn()
        assert {server.state(number) for number in numbers} == {"open"}
    server.set_time(90_000)
    server.turn()
    assert {server.state(number) for number in numbers} == {"closed"}
    check_nothing_left(server)


def test_a_request_that_is_too_long_is_not_waited_for() -> None:
    server = simulation(request_bytes_max=100)
    number = opened(server)
    exchange(server, number, b"x" * 99)
    assert server.state(number) == "open"
    exchange(server, number, b"x")
    assert server.state(number) == "closed"
    assert server.counters()["closed_request_too_long"] == 1
    number = opened(server)
    assert exchange(server, number, b"x" * 99 + b"\n") == b"x" * 99 + b"\n"
    check_nothing_left_after_end(server, number)


def check_nothing_left_after_end(server: StreamSimulation, *numbers: int) -> None:
    for number in numbers:
        server.end(number)
    for _ in range(3):
        server.turn()
    check_nothing_left(server)


def test_an_answer_for_which_there_is_no_room_is_not_asked_for_without_end() -> None:
    server = simulation(output_bytes_max=100)
    number = opened(server)
    assert exchange(server, number, b"one\nbig 100\n") == b"one\n"
    server.set_time(11)
    server.turn()
    assert server.state(number) == "closed"


def test_a_worker_has_a_bound_of_connections() -> None:
    """Those that have only just come give way to nobody."""
    server = simulation(connections_max=3)
    numbers = [server.connect(ipv4(index)) for index in range(5)]
    server.turn()
    assert [server.state(number) for number in numbers] == ["open"] * 3 + ["closed"] * 2
    assert server.counters()["refused_worker_full"] == 2
    server.end(numbers[0])
    server.turn()
    assert server.state(opened(server)) == "open"


def test_a_full_worker_closes_who_has_been_idle_longest_for_a_newcomer() -> None:
    server = simulation(connections_max=4, idle_seconds_max=60)
    numbers = [opened(server, ipv4(index)) for index in range(4)]
    order = [2, 0, 3, 1]
    for second, place in enumerate(order):
        server.set_time(1 + second)
        assert exchange(server, numbers[place], b"line\n") == b"line\n"
    for count, place in enumerate(order, start=1):
        newcomer = opened(server, ipv4(10 + count))
        assert exchange(server, newcomer, b"new\n") == b"new\n"
        assert server.state(numbers[place]) == "closed"
        assert server.counters()["closed_for_newcomer"] == count
        assert server.counters()["active"] == 4
        server.set_time(5 + count)
    assert server.counters()["refused_worker_full"] == 0


def step_silent(server: StreamSimulation, _: int) -> None:
    """For not so long that its first request may not be on its way."""
    server.set_time(2.5)
    server.turn()


def step_slow(server: StreamSimulation, number: int) -> None:
    step_partial(server, number)
    server.set_time(9)
    server.turn()


def step_received(server: StreamSimulation, number: int) -> None:
    step_idle(server, number)
    # The newcomer's event is the first of the next turn.
    server.deliver(number, b"in the kernel\n")


def step_switched(server: StreamSimulation, number: int) -> None:
    """To a protocol that holds on to its connections."""
    assert exchange(server, number, b"switch\n") == b"switch\n"


@pytest.mark.parametrize(
    "step",
    [step_silent, step_received, step_partial, step_slow, step_switched, step_sending, step_lingering],
)
def test_who_is_being_served_gives_way_to_nobody(step: Step) -> None:
    server = simulation(connections_max=1)
    number = opened(server)
    step(server, number)
    newcomer = server.connect(ipv4(2))
    server.turn()
    assert server.state(number) != "closed"
    assert server.state(newcomer) == "closed"
    assert server.counters()["refused_worker_full"] == 1
    assert server.counters()["closed_for_newcomer"] == 0
    server.limit_sends(number, -1)
    server.turn()
    assert (b"in the kernel\n" in server.take(number)) == (step is step_received)


def test_who_never_says_anything_gives_way() -> None:
    server = simulation(connections_max=3)
    idle, silent, talking = (opened(server) for _ in range(3))
    for number in (idle, talking):
        exchange(server, number, b"line\n")
    server.set_time(3.5)
    exchange(server, talking, b"par")
    newcomer = opened(server, ipv4(2))
    assert server.state(silent) == "closed"
    assert server.counters()["closed_for_newcomer"] == 1
    assert exchange(server, idle, b"line\n") == b"line\n"
    assert exchange(server, talking, b"tial\n") == b"partial\n"
    check_nothing_left_after_end(server, idle, talking, newcomer)


def test_nobody_gives_way_to_who_would_be_refused() -> None:
    limits = {"connections_per_address_max": 2, "connections_per_address_second_max": 1}
    server = simulation(connections_max=3, connections_per_address_burst_max=2, **limits)
    numbers = [opened(server, ip) for ip in (ipv4(1), ipv4(1), ipv4(2))]
    for number in numbers:
        exchange(server, number, b"line\n")

    def is_let_in(ip: bytes) -> bool:
        number = server.connect(ip)
        server.turn()
        return server.state(number) == "open"

    server.set_time(10)
    assert not is_let_in(ipv4(1))
    assert server.counters()["closed_for_newcomer"] == 0
    # Too fast from its third on, and not for having been refused.
    assert [is_let_in(ipv4(3)) for _ in range(5)] == [True, True, False, False, False]
    assert server.counters()["closed_for_newcomer"] == 2
    server.set_time(12)
    assert server.counters()["refused_worker_full"] == 4


def test_a_look_for_who_gives_way_is_short_and_goes_on_with_the_next() -> None:
    server = simulation(connections_max=40, idle_seconds_max=600)
    numbers = [opened(server, ipv4(index)) for index in range(40)]
    for number in numbers:
        exchange(server, number, b"line\n" if number == numbers[37] else b"switch\n")
    for refused in (1, 2):
        assert server.state(server.connect()) == "waiting"
        server.turn()
        assert server.counters()["refused_worker_full"] == refused
    assert server.state(opened(server, ipv4(50))) == "open"
    assert server.state(numbers[37]) == "closed"


@pytest.mark.parametrize(
    ("same", "other"),
    [
        ([ipv4(1)] * 4, ipv4(2)),
        ([bytes.fromhex("20010db800000001") + bytes([host] * 8) for host in range(4)], bytes(16)),
    ],
)
def test_an_address_has_a_bound_of_connections(same: list[bytes], other: bytes) -> None:
    server = simulation(connections_per_address_max=3)
    numbers = [server.connect(ip) for ip in same]
    stranger = server.connect(other)
    server.turn()
    assert [server.state(number) for number in numbers] == ["open"] * 3 + ["closed"]
    assert server.state(stranger) == "open"
    assert server.counters(6 if len(other) == 16 else 4)["refused_address_full"] == 1
    server.end(numbers[1])
    server.turn()
    assert server.state(opened(server, same[3])) == "open"


def test_an_address_opens_so_many_connections_a_second_after_a_burst() -> None:
    server = simulation(connections_per_address_second_max=2, connections_per_address_burst_max=5)

    def accepted(second: float, count: int, ip: bytes = ipv4(1)) -> int:
        server.set_time(second)
        numbers = [server.connect(ip) for _ in range(count)]
        server.turn()
        states = [server.state(number) for number in numbers]
        for number in numbers:
            server.end(number)
        server.turn()
        for number in numbers:
            server.forget(number)
        return states.count("open")

    assert accepted(100, 20) == 5
    assert accepted(100, 3, ipv4(2)) == 3
    assert accepted(100.5, 20) == 1
    assert accepted(101.5, 20) == 2
    assert accepted(200, 20) == 5
    check_nothing_left(server)


def test_the_table_of_addresses_forgets_those_without_connections() -> None:
    server = simulation(
        connections_max=50, connections_per_address_max=1, connections_per_address_second_max=1
    )
    for number in range(3000):
        connection = server.connect(ipv4(number))
        server.turn()
        assert server.state(connection) == "open"
        server.end(connection)
        server.turn()
        server.forget(connection)
    check_nothing_left(server)


def test_without_descriptors_it_keeps_serving_and_accepts_again() -> None:
    server = simulation()
    served = opened(server)
    server.limit_descriptors(2)
    waiting = [server.connect(ipv4(index)) for index in range(3)]
    for _ in range(5):
        assert exchange(server, served, b"line\n") == b"line\n"
    assert [server.state(number) for number in waiting] == ["open", "waiting", "waiting"]
    # It did not try at every turn.
    assert server.counters()["accept_pauses"] == 1
    server.end(waiting[0])
    server.set_time(0.2)
    server.turn()
    server.turn()
    server.limit_descriptors(-1)
    server.set_time(0.4)
    server.turn()
    server.turn()
    assert [server.state(number) for number in waiting[1:]] == ["open", "open"]
    check_nothing_left_after_end(server, served, *waiting[1:])


def test_nobody_gives_way_for_want_of_descriptors() -> None:
    server = simulation(connections_max=2)
    idle = [opened(server) for _ in range(2)]
    for number in idle:
        exchange(server, number, b"line\n")
    server.limit_descriptors(2)
    waiting = server.connect(ipv4(2))
    server.turn()
    assert server.state(waiting) == "waiting"
    assert [server.state(number) for number in idle] == ["open", "open"]
    assert server.counters()["accept_pauses"] == 1


def test_an_error_of_one_waiting_connection_concerns_nobody_else() -> None:
    server = simulation()
    for number in (errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN):
        server.fail_accept(number)
        assert server.state(opened(server)) == "open"
    assert server.counters()["accept_errors"] == 4
    server.connect()
    server.fail_accept(errno.EBADF)
    with pytest.raises(RuntimeError):
        server.turn()


def test_a_flood_of_connects_does_not_starve_a_connection() -> None:
    server = simulation(connections_max=10_000)
    served = opened(server)
    for index in range(1000):
        server.connect(ipv4(index))
    assert exchange(server, served, b"line\n") == b"line\n"
    assert server.counters()["active"] < 1000
    for _ in range(20):
        server.turn()
    assert server.counters()["active"] == 1001


def turns(server: StreamSimulation, count: int) -> None:
    for _ in range(count):
        server.turn()


def deliver_to_all(server: StreamSimulation, numbers: list[int], content: bytes) -> None:
    for number in numbers:
        server.deliver(number, content)
    turns(server, 2 + len(numbers) // 100)


def test_thousands_of_idle_connections_cost_their_records_and_give_them_back() -> None:
    server = simulation(connections_max=10_000)
    numbers = [server.connect(ipv4(index)) for index in range(10_000)]
    turns(server, 200)
    deliver_to_all(server, numbers, b"line\n")
    assert all(server.take(number) == b"line\n" for number in numbers)
    assert CONNECTION_BYTES <= 128
    assert server.memory_bytes() < 10_000 * 128
    # Of those that stay, records move together.
    stay = numbers[::50]
    for number in set(numbers) - set(stay):
        server.end(number)
    turns(server, 100)
    assert server.counters()["active"] == 200
    server.set_time(59)
    deliver_to_all(server, stay, b"again\n")
    server.set_time(100)
    turns(server, 5)
    assert server.memory_bytes() <= 2 << 16
    assert all(server.take(number) == b"again\n" for number in stay)
    deliver_to_all(server, stay, b"and again\n")
    assert all(server.take(number) == b"and again\n" for number in stay)
    check_nothing_left_after_end(server, *stay)


def test_a_warm_connection_allocates_nothing() -> None:
    server = simulation()
    number = opened(server)
    exchange(server, number, b"line\n")
    plenty = 1 << 40
    server.fail_allocation(plenty)
    for index in range(1000):
        assert exchange(server, number, b"line %d\n" % index) == b"line %d\n" % index
    assert server.allocations_left() == plenty
    exchange(server, number, b"part")
    assert server.allocations_left() == plenty - 1


def eventful(server: StreamSimulation) -> None:
    """Something of everything that allocates, in one life."""
    numbers = [server.connect(ipv4(index)) for index in range(4)]
    server.turn()
    for content in (b"part", b"ial\nbig 500\n", b"line\nhal"):
        for index, number in enumerate(numbers):
            server.limit_sends(number, 100 * index)
            server.deliver(number, content)
        server.turn()
    for number in numbers:
        server.limit_sends(number, -1)
    for _ in range(3):
        server.turn()
    for number in numbers:
        server.end(number)
    for _ in range(3):
        server.turn()


def allocations_of(scenario: Callable[[StreamSimulation], None]) -> int:
    server = simulation()
    server.fail_allocation(1 << 40)
    scenario(server)
    return (1 << 40) - server.allocations_left()


@pytest.mark.parametrize("lasts", [True, False])
def test_any_allocation_may_fail(lasts: bool) -> None:
    allocations = allocations_of(eventful)
    assert allocations > 15
    for after in range(allocations):
        server = simulation()
        server.fail_allocation(after)
        eventful(server)
        if not lasts:
            server.fail_allocation(-1)
        counters = server.counters()
        assert counters["refused_no_memory"] + counters["closed_no_memory"] > 0
        check_nothing_left(server)
        server.fail_allocation(-1)
        number = opened(server)
        assert exchange(server, number, LINES) == ANSWERS


def test_the_memory_of_a_worker_is_bounded() -> None:
    server = simulation(memory_bytes_max=4 << 16, request_bytes_max=8192)
    numbers = [server.connect(ipv4(index)) for index in range(200)]
    for _ in range(5):
        server.turn()
    for number in numbers:
        server.deliver(number, b"x" * 8000)
    for _ in range(5):
        server.turn()
    assert server.memory_bytes() <= 4 << 16
    assert server.counters()["closed_no_memory"] > 100
    survivors = [number for number in numbers if server.state(number) == "open"]
    assert survivors
    for number in survivors:
        assert exchange(server, number, b"\n", turns=2) == b"x" * 8000 + b"\n"


@pytest.mark.parametrize("after", range(8))
def test_a_registration_for_events_may_fail(after: int) -> None:
    server = simulation()
    server.fail_watch(after)
    eventful(server)
    server.fail_watch(-1)
    check_nothing_left(server)
    assert exchange(server, opened(server), LINES) == ANSWERS


def test_the_end_answers_what_was_received() -> None:
    server = simulation()
    numbers = [opened(server, ipv4(index)) for index in range(300)]
    for number in numbers:
        server.deliver(number, b"last\n")
    late = server.connect()
    server.drain()
    assert all(server.take(number) == b"last\nbye\n" for number in numbers)
    assert server.state(late) == "closed"
    check_nothing_left(server)


def test_latency_is_measured_when_asked_for() -> None:
    for measures in (False, True):
        server = simulation(measures_latency=measures)
        exchange(server, opened(server), LINES)
        assert server.latencies(2) == (4 if measures else 0)


def test_the_client_is_told_to_the_protocol() -> None:
    server = simulation(trusted_networks=("10.0.0.0/30", "2001:db8::/33"), has_proxy_address_header=True)
    for ip, is_from_proxy in (
        (ipv4(3), True),
        (ipv4(4), False),
        (bytes.fromhex("20010db87fff0000") + bytes(8), True),
        (bytes.fromhex("20010db880000000") + bytes(8), False),
    ):
        server.set_time(7)
        answer = exchange(server, opened(server, ip), b"from\n")
        assert answer == ip + bytes([is_from_proxy]) + (7).to_bytes(4, "big") + b"\n"
