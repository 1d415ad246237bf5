"""WebSocket's opening handshake on a listener for HTTP, against RFC 6455, section 4.2, and wsproto."""

from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request

from aquatic.testing.http import decode_head
from tests.support.addresses import global_address
from tests.support.http_tracker import HttpTracker, Served, announce_target, request_for

SOURCE = global_address(1)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
LINES = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def tracker(**rules: Any) -> HttpTracker:
    return HttpTracker(speaks_websocket=True, **rules)


def handshake(target: str = "/", version: str = "1.1", method: str = "GET", **changed: str | None) -> bytes:
    """Build a handshake; names of headers are with underscores, and None leaves one out."""
    lines = LINES | {name.replace("_", "-"): value for name, value in changed.items()}
    written = [f"{name}: {value}" for name, value in lines.items() if value is not None]
    return request_for(target, *written, version=version, method=method)


def served(data: bytes, **rules: Any) -> tuple[Served, Any]:
    found = tracker(**rules)
    return found.serve(data, SOURCE), found.service.switched_source


@pytest.mark.parametrize("target", ["/", "/announce", "/a/b?c=d", "/scrape"])
def test_the_example_of_section_1_3(target: str) -> None:
    data = handshake(target)
    exchange, source = served(data + b"\x81")
    assert exchange.output.decode().split("\r\n") == [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {ACCEPT}",
        "",
        "",
    ]
    # What follows is the successor's.
    assert (exchange.used, exchange.closes, exchange.needs_room, source) == (
        len(data),
        False,
        False,
        SOURCE[0],
    )
    assert exchange.answered == (0, 0, 1)


def test_wsproto_takes_our_answer_and_we_its_request() -> None:
    client = WSConnection(ConnectionType.CLIENT)
    data = client.send(Request(host="tracker.example", target="/announce"))
    exchange, source = served(data)
    assert source == SOURCE[0]
    client.receive_data(exchange.output)
    assert [type(event) for event in client.events()] == [AcceptConnection]


@pytest.mark.parametrize(
    "changed",
    [
        {"Upgrade": "WebSocket"},
        {"Upgrade": "h2c , websocket"},
        {"Connection": "keep-alive, upgrade"},
        {"Connection": "close, Upgrade"},
        {"Sec_WebSocket_Extensions": "permessage-deflate"},
        {"Sec_WebSocket_Protocol": "x"},
        {"Origin": "https://page.example"},
        {"Sec_WebSocket_Key": "+/AZaz09" + "A" * 14 + "=="},
    ],
)
def test_spellings_that_are_accepted(changed: dict[str, str]) -> None:
    exchange, source = served(handshake(**changed))
    assert source == SOURCE[0]
    assert exchange.output.startswith(b"HTTP/1.1 101 ")
    assert b"Extensions" not in exchange.output
    assert b"Protocol:" not in exchange.output


@pytest.mark.parametrize("version", [None, "8", "14", "", "013", "13, 8"])
def test_another_version_is_told_ours(version: str | None) -> None:
    exchange, source = served(handshake(Sec_WebSocket_Version=version))
    (answer,) = exchange.answers
    assert (answer.status, answer.headers[b"sec-websocket-version"], source) == (426, b"13", None)
    assert answer.headers[b"upgrade"] == b"websocket"


@pytest.mark.parametrize(
    "key",
    [None, "", KEY[:-1], KEY + "=", "=" * 24, KEY[:-3] + "===", KEY.replace("G", "-"), "\xe9" * 22 + "=="],
)
def test_a_key_is_16_bytes_in_base64(key: str | None) -> None:
    exchange, source = served(handshake(Sec_WebSocket_Key=key))
    assert (exchange.answers[0].status, source) == (400, None)


def test_origins_are_those_of_the_list() -> None:
    origins = (b"https://page.example", b"null", b"http://a.example:8080")
    for allowed in ("https://page.example", "HTTPS://Page.Example", "null", "http://a.example:8080", None):
        assert served(handshake(Origin=allowed), origins=origins)[1] == SOURCE[0]
    for other in (
        "http://page.example",
        "https://page.example:1",
        "https://page.exampl",
        "",
        "http://a.example",
    ):
        exchange, source = served(handshake(Origin=other), origins=origins)
        assert (exchange.answers[0].status, source) == (403, None)


@pytest.mark.parametrize(
    "data",
    [
        handshake(Upgrade=None),
        handshake(Upgrade="websockets"),
        handshake(Connection=None),
        handshake(Connection="keep-alive"),
        handshake(version="1.0"),
    ],
)
def test_what_asks_for_no_upgrade_is_http(data: bytes) -> None:
    exchange, source = served(data)
    assert (exchange.answers[0].status, source) == (200, None)


def test_a_listener_that_does_not_speak_it_answers_as_http() -> None:
    found = HttpTracker()
    assert found.serve(handshake(), SOURCE).answers[0].status == 200
    assert found.service.switched_source is None


def test_another_method_is_not_allowed() -> None:
    exchange, source = served(handshake(method="POST"))
    assert (exchange.answers[0].status, source) == (405, None)


def test_a_listener_of_websocket_alone_sends_trackers_clients_there() -> None:
    found = tracker(speaks_http=False, answers_health=True)
    for target in (announce_target(1), "/scrape"):
        (answer,) = found.serve(request_for(target), SOURCE).answers
        assert (answer.status, answer.headers[b"upgrade"]) == (426, b"websocket")
    for target, status in (("/", 200), ("/health", 200), ("/x", 404)):
        assert found.serve(request_for(target), SOURCE).answers[0].status == status
    found.serve(handshake(), SOURCE)
    assert found.service.switched_source == SOURCE[0]


def test_behind_a_proxy_the_client_is_whom_its_header_names() -> None:
    found = tracker(address_header=b"X-Forwarded-For")
    exchange = found.serve_from_proxy(handshake(X_Forwarded_For="10.0.0.1, 192.0.2.77"), SOURCE)
    assert exchange.output.startswith(b"HTTP/1.1 101 ")
    assert found.service.switched_source == bytes((192, 0, 2, 77))
    silent = tracker(address_header=b"X-Forwarded-For")
    assert silent.serve_from_proxy(handshake(), SOURCE).answers[0].status == 400
    assert silent.service.switched_source is None


def test_requests_in_front_are_answered_first_and_those_behind_are_no_business_of_http() -> None:
    first = request_for("/")
    exchange, source = served(first + handshake() + first)
    assert exchange.used == len(first + handshake())
    assert exchange.output.count(b"HTTP/1.1 200") == exchange.output.count(b"HTTP/1.1 101") == 1
    assert source == SOURCE[0]


def test_without_room_for_the_answer_nothing_is_used() -> None:
    found = tracker()
    exchange = found.serve(handshake(), SOURCE, output_capacity=100)
    assert (exchange.used, exchange.output, exchange.needs_room) == (0, b"", True)
    assert found.service.switched_source is None


def test_what_is_counted() -> None:
    found = tracker(origins=(b"https://page.example",), address_header=b"X")
    for data in (
        handshake(),
        handshake(Sec_WebSocket_Version="8"),
        handshake(Sec_WebSocket_Key="x"),
        handshake(Origin="http://x"),
    ):
        found.serve(data, SOURCE)
    found.serve_from_proxy(handshake(), SOURCE)
    counted = {name: count for name, count in found.service.counters(4).items() if count}
    assert counted == {
        "requests_other": 5,
        "responses_other": 5,
        "errors_upgrade": 3,
        "errors_no_client_address": 1,
    }


def test_of_headers_that_come_again_the_last_one_counts() -> None:
    data = request_for(
        "/", "Origin: a", "origin:\tb ", "SEC-WEBSOCKET-KEY: c", "sec-websocket-version:", "Upgrade: x"
    )
    head = decode_head(data)
    assert (head["origin"], head["websocket_key"], head["websocket_version"]) == (b"b", b"c", b"")
    assert (head["asks_upgrade"], head["names_websocket"]) == (False, False)
    twice = request_for("/", "Connection: upgrade", "Connection: close", "Upgrade: websocket", "Upgrade: x")
    head = decode_head(twice)
    assert (head["asks_upgrade"], head["asks_close"], head["names_websocket"]) == (True, True, True)
