"""Targets and bodies written by hand from BEP 3, 7, 21, 23, 24, 31 and 48."""

from ipaddress import ip_address

import pytest

from aquatic.protocol.http import (
    BYTES_LEFT_MAX,
    AnnounceRequest,
    AnnounceResponse,
    Event,
    FailureResponse,
    Peer,
    ProtocolError,
    ScrapeEntry,
    ScrapeRequest,
    ScrapeResponse,
    parse_announce_response,
    parse_scrape_response,
    parse_target,
)

INFO_HASH = bytes(range(0x40, 0x50)) + b"+ \xff&"
QUOTED = "%40ABCDEFGHIJKLMNO%2B%20%FF%26"
PEER_ID = b"-qB4500-abcdefghijkl"
ANNOUNCE = AnnounceRequest(INFO_HASH, PEER_ID, 6881)
TARGET = f"/announce?info_hash={QUOTED}&peer_id=-qB4500-abcdefghijkl&port=6881&uploaded=0&downloaded=0&left=0&compact=1"
PEERS = (Peer(ip_address("10.0.0.1"), 6881), Peer(ip_address("2001:db8::1"), 1))


def announced(query: str) -> AnnounceRequest:
    """An announce to which parameters were added."""
    request = parse_target(f"{TARGET}&{query}")
    assert isinstance(request, AnnounceRequest)
    return request


def test_announce_targets() -> None:
    assert ANNOUNCE.to_target() == TARGET
    assert parse_target(TARGET) == ANNOUNCE
    assert ANNOUNCE.to_target("/KEY/announce") == f"/KEY{TARGET}"
    request = AnnounceRequest(
        INFO_HASH,
        PEER_ID,
        0,
        left=5,
        downloaded=6,
        uploaded=7,
        event=Event.STOPPED,
        num_want=0,
        compact=False,
        tracker_id=b"a b",
        key=b"\xff",
    )
    assert request.to_target() == (
        f"/announce?info_hash={QUOTED}&peer_id=-qB4500-abcdefghijkl&port=0&uploaded=7&downloaded=6&left=5&compact=0"
        "&event=stopped&numwant=0&trackerid=a%20b&key=%FF"
    )
    assert parse_target(request.to_target()) == request


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("left=", "left", BYTES_LEFT_MAX),
        ("left=-1", "left", BYTES_LEFT_MAX),
        ("left=99999999999999999999", "left", BYTES_LEFT_MAX),
        ("numwant=-1", "num_want", -1),
        ("numwant=4294967296", "num_want", 2**31 - 1),
        ("event=", "event", Event.NONE),
        ("event=other", "event", Event.NONE),
        ("event=paused", "event", Event.PAUSED),
        ("ev%65nt=st%61rted", "event", Event.STARTED),
        ("compact=0", "compact", False),
        ("port=1&port=2", "port", 2),
        ("trackerid=a+b%2", "tracker_id", b"a+b%2"),
        ("info_hash=" + "h" * 20, "info_hash", b"h" * 20),
    ],
)
def test_what_is_tolerated_in_an_announce(query: str, field: str, value: object) -> None:
    assert getattr(announced(query), field) == value


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/announce", "info_hash must be 20 bytes"),
        (TARGET + "&info_hash=short", "info_hash must be 20 bytes"),
        (TARGET + "&peer_id=", "peer_id must be 20 bytes"),
        (TARGET + "&port=0", "port must be 1 to 65535"),
        (TARGET + "&port=65536", "port must be 1 to 65535"),
        (TARGET + "&port=+1", "port must be 1 to 65535"),
        ("/scrape", "full scrapes are not supported"),
        ("/scrape?info_hash=short", "info_hash must be 20 bytes"),
    ],
)
def test_what_is_refused_and_what_is_answered(target: str, reason: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        parse_target(target)
    assert refused.value.answer == FailureResponse(reason)


@pytest.mark.parametrize("target", ["", "/", "/announce/", "/x?info_hash=1"])
def test_other_paths(target: str) -> None:
    with pytest.raises(ProtocolError, match="neither") as refused:
        parse_target(target)
    assert refused.value.answer is None


def test_scrape_targets() -> None:
    request = ScrapeRequest((INFO_HASH, b"h" * 20))
    assert request.to_target() == f"/scrape?info_hash={QUOTED}&info_hash=hhhhhhhhhhhhhhhhhhhh"
    assert parse_target(request.to_target().encode()) == request


@pytest.mark.parametrize(
    "request_",
    [
        AnnounceRequest(b"short", PEER_ID, 1),
        AnnounceRequest(INFO_HASH, b"", 1),
        AnnounceRequest(INFO_HASH, PEER_ID, 0),
        AnnounceRequest(INFO_HASH, PEER_ID, 65_536),
        ScrapeRequest((INFO_HASH, b"")),
    ],
)
def test_requests_that_have_no_form(request_: AnnounceRequest | ScrapeRequest) -> None:
    with pytest.raises(ProtocolError):
        request_.to_target()


RESPONSES = [
    (AnnounceResponse(60), b"d8:intervali60e5:peers0:6:peers60:e"),
    (
        AnnounceResponse(
            60, PEERS, 1, 2, 3, 4, 30, ip_address("192.0.2.1"), tracker_id=b"\xff", warning="slow"
        ),
        b"d8:completei1e10:downloadedi3e11:downloadersi4e11:external ip4:\xc0\0\2\1"
        b"10:incompletei2e8:intervali60e12:min intervali30e5:peers6:\x0a\0\0\1\x1a\xe1"
        b"6:peers618:\x20\1\x0d\xb8" + bytes(11) + b"\1\0\1"
        b"10:tracker id1:\xff15:warning message4:slowe",
    ),
    (FailureResponse("no"), b"d14:failure reason2:noe"),
    (FailureResponse("no", 5), b"d14:failure reason2:no8:retry ini5ee"),
]


@pytest.mark.parametrize(("response", "body"), RESPONSES)
def test_announce_responses(response: AnnounceResponse | FailureResponse, body: bytes) -> None:
    assert response.to_bytes() == body
    assert parse_announce_response(body) == response


def test_peers_as_dictionaries() -> None:
    body = AnnounceResponse(60, PEERS).to_bytes(compact=False)
    assert body == (b"d8:intervali60e5:peersld2:ip8:10.0.0.14:porti6881eed2:ip11:2001:db8::14:porti1eeee")
    assert parse_announce_response(body) == AnnounceResponse(60, PEERS)
    named = b"d8:intervali60e5:peersld2:ip9:host.test7:peer id20:" + bytes(20) + b"4:porti1eeee"
    assert parse_announce_response(named) == AnnounceResponse(60)


def test_scrape_responses() -> None:
    response = ScrapeResponse({b"b" * 20: ScrapeEntry(1, 2, 3), b"a" * 20: ScrapeEntry(4, 5, 6, 7)})
    body = response.to_bytes()
    assert body == (
        b"d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei4e10:downloadedi5e11:downloadersi7e10:incompletei6ee"
        b"20:bbbbbbbbbbbbbbbbbbbbd8:completei1e10:downloadedi2e10:incompletei3eeee"
    )
    assert parse_scrape_response(body) == response
    assert parse_scrape_response(b"d14:failure reason2:noe") == FailureResponse("no")
    assert parse_scrape_response(b"d14:failure reason1:\xff8:retry in5:nevere") == FailureResponse("\ufffd")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"le", b"<html>", b"de", b"d8:interval2:60e", b"d8:intervali60e5:peersi1ee"),
        *(
            b"d8:intervali60e5:peers5:abcdee",
            b"d8:intervali60e6:peers66:abcdefe",
            b"d8:intervali60e5:peersli1eee",
        ),
        b"d8:intervali60e5:peersld2:ip8:10.0.0.1eee",
        b"d8:intervali60e5:peersld2:ip8:10.0.0.14:porti0eeee",
        b"d11:external ip3:abc8:intervali60ee",
    ],
)
def test_malformed_announce_responses(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_announce_response(body)


@pytest.mark.parametrize(
    "body",
    [b"de", b"d5:filesi1ee", b"d5:filesd3:abcdeee", b"d5:filesd20:aaaaaaaaaaaaaaaaaaaai1eee"],
)
def test_malformed_scrape_responses(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_scrape_response(body)


@pytest.mark.parametrize("port", [-1, 0, 65_536])
def test_a_peer_has_a_port(port: int) -> None:
    with pytest.raises(ProtocolError):
        AnnounceResponse(1, (Peer(ip_address("192.0.2.1"), port),)).to_bytes()
