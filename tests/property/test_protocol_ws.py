"""What is written can be read back, and the library reads requests as the data plane does."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatic.protocol.http import Event
from aquatic.protocol.ws import (
    AnnounceRequest,
    AnnounceResponse,
    Answer,
    AnswerMessage,
    FailureResponse,
    Offer,
    OfferMessage,
    ProtocolError,
    Request,
    Response,
    ScrapeEntry,
    ScrapeRequest,
    ScrapeResponse,
    parse_request,
    parse_response,
)
from aquatic.testing.ws import decode_message, reason
from tests.property.test_ws_message import CONTENTS, KEYS, mutated
from tests.support.ws_messages import EVENTS

IDS = st.binary(min_size=20, max_size=20)
COUNTS = st.integers(0, 2**63)
VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
REQUESTS = st.builds(
    AnnounceRequest,
    IDS,
    IDS,
    st.none() | COUNTS,
    st.sampled_from(Event),
    st.lists(st.builds(Offer, IDS, VALUES), max_size=4).map(tuple),
    st.none() | st.builds(Answer, IDS, IDS, VALUES),
    COUNTS,
    COUNTS,
) | st.builds(ScrapeRequest, st.lists(IDS, min_size=1, max_size=4).map(tuple))
RESPONSES = st.one_of(
    st.builds(AnnounceResponse, IDS, COUNTS, COUNTS, COUNTS),
    st.builds(OfferMessage, IDS, IDS, IDS, VALUES),
    st.builds(AnswerMessage, IDS, IDS, IDS, VALUES),
    st.builds(
        ScrapeResponse, st.dictionaries(IDS, st.builds(ScrapeEntry, COUNTS, COUNTS, COUNTS), max_size=3)
    ),
    st.builds(FailureResponse, st.text(), st.sampled_from(["announce", "scrape"]), st.none() | IDS),
)


@given(REQUESTS)
def test_requests_are_read_back(request: Request) -> None:
    assert parse_request(request.to_text()) == request
    assert decode_message(request.to_text().encode())["verdict"] == "accepted"


@given(RESPONSES)
def test_responses_are_read_back(response: Response) -> None:
    assert parse_response(response.to_text().encode()) == response


def check_request(text: str) -> None:
    """Hold the library against the data plane."""
    ours = decode_message(text.encode())
    if ours["verdict"] != "accepted":
        with pytest.raises(ProtocolError, match=f"^{reason(ours['verdict'])}$"):
            parse_request(text)
        return
    request = parse_request(text)
    if isinstance(request, ScrapeRequest):
        assert ours["info_hashes"] == list(request.info_hashes)
        return
    left = None if request.left is None else "some" if request.left else "none"
    assert (ours["info_hashes"], ours["peer_id"]) == ([request.info_hash], request.peer_id)
    assert (ours["left"], ours["event"]) == (left, EVENTS.get(request.event.value, 0))
    offers = [(offer_id, read(offer)) for offer_id, offer in ours["offers"]]
    assert offers == [(offer.offer_id, offer.offer) for offer in request.offers]
    answer = request.answer
    assert (ours["answer"] is None) == (answer is None)
    if answer is not None:
        to_peer_id, offer_id, value = ours["answer"]
        assert (to_peer_id, offer_id, read(value)) == (answer.to_peer_id, answer.offer_id, answer.answer)


def read(value: bytes) -> Any:
    """As the library reads it, where there is nothing but an offer."""
    request = parse_request(
        b'{"action":"announce","info_hash":"%b","peer_id":"%b","offers":[{"offer_id":"%b","offer":%b}]}'
        % (*[b"a" * 20] * 3, value)
    )
    assert isinstance(request, AnnounceRequest)
    return request.offers[0].offer


@settings(max_examples=500)
@given(CONTENTS)
def test_requests_are_read_as_the_tracker_does(content: dict[str, Any]) -> None:
    check_request(json.dumps(content))


NUMBERS = st.sampled_from(
    [
        "0",
        "-0",
        "0.0",
        "0e9",
        "1e-400",
        "-1e-400",
        "0.001E-999",
        "1e999",
        "9" * 5000,
        "-" + "9" * 5000,
        "01",
        "1.",
    ]
)
NESTED = st.builds(
    lambda around, depth: around[0] * depth + "1" + around[1] * depth,
    st.sampled_from([("[", "]"), ('{"x":', "}"), ('["]}",', "]")]),
    st.integers(0, 3) | st.integers(28, 34),
)


@settings(max_examples=500)
@given(
    CONTENTS,
    st.lists(st.tuples(st.sampled_from(sorted(KEYS)), NUMBERS | NESTED), min_size=1, max_size=2),
    st.booleans(),
)
def test_what_python_reads_otherwise_is_read_as_the_tracker_does(
    content: dict[str, Any], members: list[tuple[str, str]], is_last: bool
) -> None:
    text = json.dumps(content)[1:-1]
    more = ",".join(f'"{key}":{value}' for key, value in members)
    check_request(f"{{{text},{more}}}" if is_last else f"{{{more},{text}}}")


@settings(max_examples=500)
@given(mutated())
def test_texts_with_any_change_are_read_as_the_tracker_does(text: str) -> None:
    check_request(text)


@given(st.text(max_size=40) | st.binary(max_size=40))
def test_no_text_leads_to_another_error(text: str | bytes) -> None:
    for parse in (parse_request, parse_response):
        try:
            parse(text)
        except ProtocolError:
            continue
