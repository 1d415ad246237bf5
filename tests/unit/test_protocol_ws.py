"""Messages as the npm client and trackers write them."""

import json
from typing import Any

import pytest

from aquatic.protocol.http import Event
from aquatic.protocol.ws import (
    LEFT_MAX,
    AnnounceRequest,
    AnnounceResponse,
    Answer,
    AnswerMessage,
    FailureResponse,
    Offer,
    OfferMessage,
    ProtocolError,
    ScrapeEntry,
    ScrapeRequest,
    ScrapeResponse,
    parse_request,
    parse_response,
)

INFO_HASH = bytes(range(236, 256))
PEER_ID = b"-WW0102-abcdefghijkl"
OFFER_ID = b'\0\x1f"\\/' + bytes(15)
SDP = {"type": "offer", "sdp": "v=0\r\n"}
HASH = "".join(map(chr, INFO_HASH))
COMMON = {"action": "announce", "info_hash": HASH, "peer_id": PEER_ID.decode()}


def parsed(**members: Any) -> AnnounceRequest:
    request = parse_request(json.dumps(COMMON | members))
    assert isinstance(request, AnnounceRequest)
    return request


def test_announces_are_written_as_clients_do() -> None:
    request = AnnounceRequest(INFO_HASH, PEER_ID, 7, Event.STARTED, (Offer(OFFER_ID, SDP),))
    assert json.loads(request.to_text()) == {
        **COMMON,
        "downloaded": 0,
        "uploaded": 0,
        "left": 7,
        "event": "started",
        "numwant": 1,
        "offers": [{"offer": SDP, "offer_id": OFFER_ID.decode()}],
    }
    answer = AnnounceRequest(INFO_HASH, PEER_ID, answer=Answer(PEER_ID, OFFER_ID, SDP))
    written = json.loads(answer.to_text())
    assert (written["to_peer_id"], written["offer_id"], written["answer"]) == (
        PEER_ID.decode(),
        OFFER_ID.decode(),
        SDP,
    )
    assert not {"left", "event", "offers", "numwant"} & set(written)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (0, 0),
        (5, 5),
        (0.5, 1),
        (None, LEFT_MAX),
        (-1, LEFT_MAX),
        (1e300, LEFT_MAX),
        ("0", None),
        (True, None),
    ],
)
def test_left(left: Any, expected: int | None) -> None:
    assert parsed(left=left).left == expected
    assert parsed().left is None


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ("0e5", 0),
        ("-0.00", 0),
        ("1e-400", 1),
        ("-0.01E-999", LEFT_MAX),
        ("1e999", LEFT_MAX),
        ("1" * 5000, LEFT_MAX),
        ("-" + "1" * 5000, LEFT_MAX),
    ],
)
def test_numbers_that_python_has_not(left: str, expected: int) -> None:
    text = json.dumps(COMMON | {"offers": [{"offer": 1, "offer_id": "o" * 20}]})
    request = parse_request(
        f'{text[:-1]}, "left": {left}, "uploaded": {left}}}'.replace('"offer": 1', f'"offer": {left}')
    )
    assert isinstance(request, AnnounceRequest)
    assert request.left == expected
    assert len(request.offers) == 1


def test_nesting_has_an_end() -> None:
    brackets = {"[": "\\\\]}\\" * 40, "]": '"' * 40}
    for depth, is_read in ((31, True), (32, False)):
        nested = json.loads("[" * depth + "]" * depth)
        # In strings they open and close nothing.
        text = json.dumps(COMMON | {"first": brackets, "answer": None, "x": nested})
        if is_read:
            assert isinstance(parse_request(text), AnnounceRequest)
            continue
        # Of a key that comes again too.
        for deep in (text, text[:-1] + ', "x": 1}', text.encode()):
            with pytest.raises(ProtocolError, match="invalid JSON"):
                parse_request(deep)


@pytest.mark.parametrize("event", [None, "", "update", "x", 1, ["started"]])
def test_other_events_are_none(event: Any) -> None:
    assert parsed(event=event).event is Event.NONE
    assert parsed(event="paused").event is Event.PAUSED


@pytest.mark.parametrize(
    ("message", "reason", "action", "info_hash"),
    [
        ("", "invalid JSON", "announce", None),
        ("[NaN]", "invalid JSON", "announce", None),
        ("[" * 100_000, "invalid JSON", "announce", None),
        (b"\xff", "invalid JSON", "announce", None),
        ("[]", "invalid action", "announce", None),
        (COMMON | {"action": "x"}, "invalid action", "announce", None),
        (COMMON | {"info_hash": [HASH]}, "invalid info_hash", "announce", None),
        (COMMON | {"peer_id": "\u0100" * 20}, "invalid peer_id", "announce", INFO_HASH),
        (COMMON | {"offers": [{"offer": 1}]}, "invalid offers", "announce", INFO_HASH),
        (COMMON | {"answer": 1}, "invalid to_peer_id", "announce", INFO_HASH),
        (COMMON | {"answer": 1, "to_peer_id": "a" * 20}, "invalid offer_id", "announce", INFO_HASH),
        ({"action": "scrape", "info_hash": ["a"]}, "invalid info_hash", "scrape", None),
        ({"action": "scrape", "info_hash": []}, "full scrapes are not supported", "scrape", None),
    ],
)
def test_what_is_refused_has_the_answer_of_the_tracker(
    message: Any, reason: str, action: str, info_hash: bytes | None
) -> None:
    with pytest.raises(ProtocolError, match=reason) as refused:
        parse_request(json.dumps(message) if isinstance(message, dict) else message)
    assert refused.value.answer == FailureResponse(reason, action, info_hash)


def test_scrapes_of_one_and_of_many() -> None:
    assert parse_request(json.dumps({"action": "scrape", "info_hash": HASH})) == ScrapeRequest((INFO_HASH,))
    assert json.loads(ScrapeRequest((INFO_HASH,)).to_text()) == {"action": "scrape", "info_hash": [HASH]}


@pytest.mark.parametrize(
    ("response", "members"),
    [
        (AnnounceResponse(INFO_HASH, 1, 2, 120), {"complete": 1, "incomplete": 2, "interval": 120}),
        (
            OfferMessage(INFO_HASH, PEER_ID, OFFER_ID, SDP),
            {"peer_id": PEER_ID.decode(), "offer_id": OFFER_ID.decode(), "offer": SDP},
        ),
        (
            AnswerMessage(INFO_HASH, PEER_ID, OFFER_ID, "x"),
            {"peer_id": PEER_ID.decode(), "offer_id": OFFER_ID.decode(), "answer": "x"},
        ),
        (FailureResponse("no", "announce", INFO_HASH), {"failure reason": "no"}),
    ],
)
def test_responses(response: Any, members: dict[str, Any]) -> None:
    assert json.loads(response.to_text()) == {"action": "announce", "info_hash": HASH, **members}
    assert parse_response(response.to_text()) == response
    for key in members:
        damaged = {"action": "announce", "info_hash": HASH, **members}
        del damaged[key]
        with pytest.raises(ProtocolError):
            parse_response(json.dumps(damaged))


def test_scrape_responses() -> None:
    response = ScrapeResponse({INFO_HASH: ScrapeEntry(1, 2, 3)})
    assert parse_response(response.to_text().encode()) == response
    counts = {"complete": 1, "incomplete": "2", "downloaded": 3}
    damaged: list[Any] = [None, [], {"a": {}}, {HASH: 1}, {HASH: counts}]
    for files in damaged:
        with pytest.raises(ProtocolError):
            parse_response(json.dumps({"action": "scrape", "files": files}))


def test_failures_of_other_trackers_have_no_action() -> None:
    assert parse_response('{"failure reason":"x"}') == FailureResponse("x")
    with pytest.raises(ProtocolError):
        parse_response('{"action":"x"}')


def test_what_has_no_form_is_not_written() -> None:
    with pytest.raises(ProtocolError, match="offer_id has 3 bytes"):
        OfferMessage(INFO_HASH, PEER_ID, b"abc", SDP).to_text()
    for value in (float("nan"), object()):
        with pytest.raises(ProtocolError):
            OfferMessage(INFO_HASH, PEER_ID, OFFER_ID, value).to_text()
