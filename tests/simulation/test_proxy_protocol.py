"""The PROXY protocol in front of connections: believed from trusted networks only, in whatever pieces it comes."""

import pytest

from aquatic.testing.stream import StreamSettings, StreamSimulation
from tests.simulation.test_connections import check_nothing_left, check_nothing_left_after_end, exchange
from tests.support.proxy_header import SIGNATURE, binary_header, packed, text_header

PROXY = packed("10.1.2.3")
STRANGER = packed("192.0.2.1")
HEADERS = [
    text_header("198.51.100.7", 4711),
    binary_header("198.51.100.7", 4711),
    binary_header("2001:db8:7::1", 4711, b"\x04\0\x10" + bytes(16)),
]


def simulation(**changes: object) -> StreamSimulation:
    settings = {"has_proxy_protocol": True, "trusted_networks": ("10.0.0.0/8",)} | changes
    return StreamSimulation(StreamSettings(**settings))  # type: ignore[arg-type]


def opened(server: StreamSimulation, ip: bytes = PROXY) -> int:
    number = server.connect(ip)
    server.turn()
    assert server.state(number) == "open"
    return number


def answer_to_from(ip: bytes, is_from_proxy: bool = False) -> bytes:
    return ip + bytes([is_from_proxy]) + bytes(4) + b"\n"


def client_of(header: bytes) -> bytes:
    return packed("2001:db8:7::1" if header.startswith(SIGNATURE + b"\x21\x21") else "198.51.100.7")


@pytest.mark.parametrize("header", HEADERS)
def test_the_client_is_who_the_proxy_says_however_the_bytes_are_split(header: bytes) -> None:
    content = header + b"from\n"
    for place in range(len(content)):
        server = simulation()
        number = opened(server)
        answer = exchange(server, number, content[:place], 2) + exchange(server, number, content[place:], 2)
        assert answer == answer_to_from(client_of(header))
    server = simulation()
    number = opened(server)
    server.split_receives(number, 1)
    assert exchange(server, number, content, len(content)) == answer_to_from(client_of(header))
    assert server.counters()["bytes_received"] == len(content)
    check_nothing_left_after_end(server, number)


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\0\0\0"])
def test_a_header_without_a_client_leaves_the_proxy(header: bytes) -> None:
    server = simulation()
    assert exchange(server, opened(server), header + b"from\n", 2) == answer_to_from(PROXY)


@pytest.mark.parametrize("header", HEADERS)
def test_strangers_are_not_believed(header: bytes) -> None:
    server = simulation()
    number = opened(server, STRANGER)
    answer = exchange(server, number, header + b"\nfrom\n", 2)
    assert answer.endswith(b"\n" + answer_to_from(STRANGER))


@pytest.mark.parametrize("first", [b"from\n", b"PROXY TCP4 1.2.3.4\r\n", b"\r\n\r\n\0\r\nQUIT\r", b"\0"])
def test_a_proxy_that_says_something_else_is_closed(first: bytes) -> None:
    server = simulation()
    number = opened(server)
    assert exchange(server, number, first, 2) == b""
    assert server.state(number) == "closed"
    assert server.counters()["closed_proxy_header"] == 1
    check_nothing_left(server)


def test_the_header_has_its_time_and_may_be_interrupted() -> None:
    server = simulation()
    silent, ended, reset = (opened(server) for _ in range(3))
    for number in (silent, ended, reset):
        exchange(server, number, b"PROXY ")
    server.end(ended)
    server.reset(reset)
    server.turn()
    assert [server.state(number) for number in (silent, ended, reset)] == ["open", "closed", "closed"]
    server.set_time(10.5)
    server.turn()
    assert server.counters()["closed_handshake_time"] == 1
    check_nothing_left(server)


def test_limits_are_of_the_clients_not_of_the_proxy() -> None:
    server = simulation(connections_per_address_max=2)
    numbers = [opened(server) for _ in range(8)]
    for index, number in enumerate(numbers):
        exchange(server, number, text_header(f"198.51.100.{index % 2}", 80))
    states = [server.state(number) for number in numbers]
    assert states == ["open"] * 4 + ["closed"] * 4
    assert server.counters()["closed_address_limit"] == 4
    for number in numbers[:4]:
        assert exchange(server, number, b"line\n") == b"line\n"
    server.end(numbers[0])
    server.turn()
    number = opened(server)
    assert exchange(server, number, text_header("198.51.100.0", 80) + b"line\n", 2) == b"line\n"
    check_nothing_left_after_end(server, *numbers[1:4], number)


def test_a_proxy_behind_a_proxy_may_speak_for_its_client_in_the_request() -> None:
    server = simulation(has_proxy_address_header=True)
    for source, is_from_proxy in (("10.9.9.9", True), ("198.51.100.7", False)):
        answer = exchange(server, opened(server), text_header(source, 80) + b"from\n", 2)
        assert answer == answer_to_from(packed(source), is_from_proxy)


def test_any_allocation_may_fail() -> None:
    for after in range(4):
        server = simulation()
        server.fail_allocation(after)
        number = server.connect(PROXY)
        for piece in (HEADERS[0][:9], HEADERS[0][9:], b"li", b"ne\n"):
            server.deliver(number, piece)
            server.turn()
            server.turn()
        server.end(number)
        server.turn()
        server.fail_allocation(-1)
        check_nothing_left(server)
        assert exchange(server, opened(server), HEADERS[0] + b"line\n", 2) == b"line\n"
