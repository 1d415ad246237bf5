"""Wire bytes written by hand from the tables of BEP 15 and BEP 41."""

from ipaddress import ip_address
from socket import AF_INET, AF_INET6, AF_UNIX, AddressFamily

import pytest

from aquatic.protocol.udp import (
    AnnounceRequest,
    AnnounceResponse,
    ConnectRequest,
    ConnectResponse,
    ErrorResponse,
    Event,
    Peer,
    ProtocolError,
    Request,
    Response,
    ScrapeEntry,
    ScrapeRequest,
    ScrapeResponse,
    parse_request,
    parse_response,
    parse_url_data,
    url_data_options,
)

INFO_HASH = bytes(range(0x40, 0x54))
PEER_ID = b"-qB4500-abcdefghijkl"
CONNECTION_ID = 0x8182838485868788

CONNECT = bytes.fromhex("0000041727101980 00000000 f1f2f3f4")
ANNOUNCE = bytes.fromhex(
    "8182838485868788 00000001 f1f2f3f4"
    "404142434445464748494a4b4c4d4e4f50515253"
    "2d7142343530302d6162636465666768696a6b6c"
    "0000000000000003 0000000000000005 0000000000000007"
    "00000002 7f000001 deadbeef ffffffff 1ae1"
)
SCRAPE_HEAD = bytes.fromhex("8182838485868788 00000002 f1f2f3f4")


def announce_with(offset: int, field: bytes) -> bytes:
    return ANNOUNCE[:offset] + field + ANNOUNCE[offset + len(field) :]


def announce_parsed(datagram: bytes) -> AnnounceRequest:
    request = parse_request(datagram)
    assert isinstance(request, AnnounceRequest)
    return request


REQUESTS: list[tuple[bytes, Request]] = [
    (CONNECT, ConnectRequest(0xF1F2F3F4)),
    (
        ANNOUNCE,
        AnnounceRequest(
            connection_id=CONNECTION_ID,
            transaction_id=0xF1F2F3F4,
            info_hash=INFO_HASH,
            peer_id=PEER_ID,
            downloaded=3,
            left=5,
            uploaded=7,
            event_number=2,
            ip_address=0x7F000001,
            key=0xDEADBEEF,
            num_want=-1,
            port=6881,
        ),
    ),
    (SCRAPE_HEAD + INFO_HASH, ScrapeRequest(CONNECTION_ID, 0xF1F2F3F4, (INFO_HASH,))),
    (
        SCRAPE_HEAD + INFO_HASH + PEER_ID + INFO_HASH,
        ScrapeRequest(CONNECTION_ID, 0xF1F2F3F4, (INFO_HASH, PEER_ID, INFO_HASH)),
    ),
]

RESPONSES = [
    (AF_INET, "00000000 f1f2f3f4 8182838485868788", ConnectResponse(0xF1F2F3F4, CONNECTION_ID)),
    (AF_INET, "00000001 f1f2f3f4 00000708 00000002 00000003", AnnounceResponse(0xF1F2F3F4, 1800, 2, 3)),
    (AF_INET6, "00000001 f1f2f3f4 00000708 00000002 00000003", AnnounceResponse(0xF1F2F3F4, 1800, 2, 3)),
    (
        AF_INET,
        "00000001 f1f2f3f4 ffffffff 00000002 00000003 0a000001 1ae1 c0a80102 ffff",
        AnnounceResponse(
            0xF1F2F3F4, -1, 2, 3, (Peer(ip_address("10.0.0.1"), 6881), Peer(ip_address("192.168.1.2"), 65535))
        ),
    ),
    (
        AF_INET6,
        "00000001 f1f2f3f4 00000708 00000002 00000003 20010db8000000000000000000000001 1ae1",
        AnnounceResponse(0xF1F2F3F4, 1800, 2, 3, (Peer(ip_address("2001:db8::1"), 6881),)),
    ),
    (AF_INET, "00000002 f1f2f3f4", ScrapeResponse(0xF1F2F3F4)),
    (
        AF_INET,
        "00000002 f1f2f3f4 00000001 00000002 00000003 00000004 00000005 00000006",
        ScrapeResponse(0xF1F2F3F4, (ScrapeEntry(1, 2, 3), ScrapeEntry(4, 5, 6))),
    ),
    (AF_INET, "00000003 f1f2f3f4", ErrorResponse(0xF1F2F3F4, b"")),
    (AF_INET6, "00000003 f1f2f3f4 6e6fff", ErrorResponse(0xF1F2F3F4, b"no\xff")),
]


@pytest.mark.parametrize(("datagram", "request_parsed"), REQUESTS)
def test_request_bytes(datagram: bytes, request_parsed: Request) -> None:
    assert parse_request(datagram) == request_parsed
    assert request_parsed.to_bytes() == datagram


@pytest.mark.parametrize(("family", "datagram_hex", "response"), RESPONSES)
def test_response_bytes(family: AddressFamily, datagram_hex: str, response: Response) -> None:
    datagram = bytes.fromhex(datagram_hex)
    assert parse_response(datagram, family) == response
    assert response.to_bytes() == datagram


@pytest.mark.parametrize("extra", [b"\x00", b"\xff" * 16, ANNOUNCE])
def test_connect_of_more_than_16_bytes_is_accepted(extra: bytes) -> None:
    assert parse_request(CONNECT + extra) == ConnectRequest(0xF1F2F3F4)
    response = ConnectResponse(0xF1F2F3F4, CONNECTION_ID)
    assert parse_response(response.to_bytes() + extra, AF_INET) == response


@pytest.mark.parametrize(
    ("event_hex", "event_number", "event"),
    [
        ("00000000", 0, Event.NONE),
        ("00000001", 1, Event.COMPLETED),
        ("00000002", 2, Event.STARTED),
        ("00000003", 3, Event.STOPPED),
        ("00000004", 4, Event.PAUSED),
        ("00000005", 5, Event.NONE),
        ("ffffffff", 0xFFFFFFFF, Event.NONE),
    ],
)
def test_unknown_event_is_none_and_keeps_its_number(event_hex: str, event_number: int, event: Event) -> None:
    datagram = announce_with(80, bytes.fromhex(event_hex))
    request = announce_parsed(datagram)
    assert (request.event_number, request.event) == (event_number, event)
    assert request.to_bytes() == datagram


@pytest.mark.parametrize(
    ("num_want_hex", "num_want"),
    [("00000000", 0), ("7fffffff", 0x7FFFFFFF), ("80000000", -0x80000000), ("fffffffe", -2)],
)
def test_num_want_is_signed(num_want_hex: str, num_want: int) -> None:
    assert announce_parsed(announce_with(92, bytes.fromhex(num_want_hex))).num_want == num_want


@pytest.mark.parametrize(("offset", "field"), [(56, "downloaded"), (64, "left"), (72, "uploaded")])
def test_sizes_are_signed(offset: int, field: str) -> None:
    assert getattr(announce_parsed(announce_with(offset, b"\xff" * 8)), field) == -1


def test_port_zero_is_for_stopped_only() -> None:
    port_zero = announce_with(96, b"\x00\x00")
    stopped = port_zero[:80] + b"\x00\x00\x00\x03" + port_zero[84:]
    assert announce_parsed(stopped).port == 0
    unknown_event = port_zero[:80] + b"\x00\x00\x00\x04" + port_zero[84:]
    for refused in (port_zero, unknown_event):
        with pytest.raises(ProtocolError, match="Port can't be 0"):
            parse_request(refused)


@pytest.mark.parametrize(
    ("datagram", "text"),
    [
        (announce_with(96, b"\x00\x00"), b"Port can't be 0"),
        (SCRAPE_HEAD, b"Full scrapes are not allowed"),
        (SCRAPE_HEAD + INFO_HASH[:19], b"Invalid info hash list"),
        (SCRAPE_HEAD + INFO_HASH + b"\x00", b"Invalid info hash list"),
    ],
)
def test_refusals_carry_the_answer(datagram: bytes, text: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_request(datagram)
    assert caught.value.answer == ErrorResponse(0xF1F2F3F4, text)
    assert caught.value.connection_id == CONNECTION_ID
    assert str(caught.value) == text.decode()


@pytest.mark.parametrize(
    ("datagram", "message"),
    [
        (b"", "request of 0 bytes, shorter than its head of 16"),
        (CONNECT[:15], "request of 15 bytes, shorter than its head of 16"),
        (bytes.fromhex("0000041727101981 00000000 f1f2f3f4"), "protocol id 0x41727101981, not 0x41727101980"),
        (ANNOUNCE[:97], "announce request of 97 bytes, shorter than 98"),
        (ANNOUNCE[:16], "announce request of 16 bytes, shorter than 98"),
        (bytes.fromhex("8182838485868788 00000003 f1f2f3f4"), "request with unknown action 3"),
        (bytes.fromhex("8182838485868788 ffffffff f1f2f3f4"), "request with unknown action 4294967295"),
    ],
)
def test_malformed_requests_earn_no_answer(datagram: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message) as caught:
        parse_request(datagram)
    assert caught.value.answer is None


@pytest.mark.parametrize(
    ("family", "datagram_hex", "message"),
    [
        (AF_INET, "", "response of 0 bytes, shorter than its head of 8"),
        (AF_INET, "00000003 f1f2f3", "response of 7 bytes, shorter than its head of 8"),
        (AF_INET, "00000000 f1f2f3f4 81828384858687", "connect response of 15 bytes, shorter than 16"),
        (
            AF_INET,
            "00000001 f1f2f3f4 00000708 00000002 000000",
            "announce response of 19 bytes, shorter than 20",
        ),
        (AF_INET, "00000001 f1f2f3f4 00000708 00000002 00000003 0a000001 1a", "not 20 and a multiple of 6"),
        # Two IPv4 peers are no IPv6 peer: the mistake of trackers that ignore the family.
        (
            AF_INET6,
            "00000001 f1f2f3f4 00000708 00000002 00000003 0a0000011ae1 0a0000021ae1",
            "multiple of 18",
        ),
        (AF_UNIX, "00000001 f1f2f3f4 00000708 00000002 00000003", "address family .*AF_UNIX"),
        (
            AF_INET,
            "00000002 f1f2f3f4 00000001 00000002",
            "scrape response of 16 bytes, not 8 and a multiple of 12",
        ),
        (AF_INET, "00000004 f1f2f3f4", "response with unknown action 4"),
    ],
)
def test_malformed_responses(family: AddressFamily, datagram_hex: str, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        parse_response(bytes.fromhex(datagram_hex), family)


@pytest.mark.parametrize(
    ("options", "url_data"),
    [
        (b"", None),
        (b"\x00", None),
        (b"\x00\x00", None),  # aria2 sends these two always.
        (b"\x01\x01\x00", None),
        (b"\x02\x00", b""),
        (b"\x02\x09/announce", b"/announce"),
        (b"\x02\x09/announce\x00", b"/announce"),
        (b"\x02\x09/announce\x00\x02\x01x", b"/announce"),
        (b"\x01\x02\x04/a?b\x01\x02\x03=c&\x00", b"/a?b=c&"),
        # Options of unknown types have a length too, so they can be passed over.
        (b"\x07\x03\x02\x01x\x02\x02/a", b"/a"),
        (b"\xff\x00\x02\x02/a", b"/a"),
        # Malformed: nothing of them is used.
        (b"\x02", None),
        (b"\x02\x02/", None),
        (b"\x02\x02/a\x02\xff/b", None),
        (b"\x02\x02/a\x07", None),
        (b"/announce", None),
    ],
)
def test_options(options: bytes, url_data: bytes | None) -> None:
    assert parse_url_data(options) == url_data
    request = announce_parsed(ANNOUNCE + options)
    assert request.options == options
    assert request.url_data == url_data
    assert request.to_bytes() == ANNOUNCE + options


def test_long_url_data_takes_several_options() -> None:
    assert url_data_options(b"") == b""
    assert url_data_options(b"a" * 255) == b"\x02\xff" + b"a" * 255
    assert url_data_options(b"a" * 256) == b"\x02\xff" + b"a" * 255 + b"\x02\x01a"


def test_error_text_replaces_what_is_not_utf_8() -> None:
    assert ErrorResponse(1, b"no\xff \xc3\xa9").text == "no\N{REPLACEMENT CHARACTER} é"


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (ConnectRequest(1 << 32), "does not fit the wire"),
        (ConnectRequest(-1), "does not fit the wire"),
        (AnnounceRequest(1 << 64, 0, INFO_HASH, PEER_ID, 1), "does not fit the wire"),
        (AnnounceRequest(0, 0, INFO_HASH, PEER_ID, 65536), "does not fit the wire"),
        (AnnounceRequest(0, 0, INFO_HASH, PEER_ID, 1, num_want=1 << 31), "does not fit the wire"),
        (AnnounceRequest(0, 0, INFO_HASH[:19], PEER_ID, 1), "AnnounceRequest.info_hash has 19 bytes, not 20"),
        (AnnounceRequest(0, 0, INFO_HASH, PEER_ID + b"x", 1), "AnnounceRequest.peer_id has 21 bytes, not 20"),
        (ScrapeRequest(0, 0, (INFO_HASH, b"")), "ScrapeRequest.info_hashes has 0 bytes, not 20"),
        (ConnectResponse(0, -1), "does not fit the wire"),
        (AnnounceResponse(0, 0, 0, 1 << 31), "does not fit the wire"),
        (AnnounceResponse(0, 0, 0, 0, (Peer(ip_address("10.0.0.1"), -1),)), "does not fit the wire"),
        (
            AnnounceResponse(0, 0, 0, 0, (Peer(ip_address("10.0.0.1"), 1), Peer(ip_address("::1"), 1))),
            "peers of both address families",
        ),
        (ScrapeResponse(0, (ScrapeEntry(0, 1 << 31, 0),)), "does not fit the wire"),
        (ErrorResponse(1 << 32, b""), "does not fit the wire"),
    ],
)
def test_fields_that_do_not_fit(message: Request | Response, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        message.to_bytes()
