"""What is written can be read back, no bytes lead to another error than the documented one, and the library reads
targets as the data plane does.
"""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from aquatic.protocol import bencode
from aquatic.protocol.http import (
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
from aquatic.testing.http import decode_target

TWENTY_BYTES = st.binary(min_size=20, max_size=20)
COUNTS = st.integers(0, 2**32)
ADDRESSES = st.builds(IPv4Address, st.binary(min_size=4, max_size=4)) | st.builds(
    IPv6Address, st.binary(min_size=16, max_size=16)
)
REQUESTS = st.builds(
    AnnounceRequest,
    TWENTY_BYTES,
    TWENTY_BYTES,
    st.integers(1, 65_535),
    left=st.integers(0, 2**64 - 1),
    downloaded=COUNTS,
    uploaded=COUNTS,
    event=st.sampled_from(Event),
    num_want=st.integers(-1, 2**31 - 1),
    compact=st.booleans(),
    tracker_id=st.binary(max_size=64),
    key=st.binary(max_size=8),
) | st.builds(ScrapeRequest, st.lists(TWENTY_BYTES, min_size=1, max_size=5).map(tuple))
PEERS = st.lists(st.builds(Peer, ADDRESSES, st.integers(1, 65_535)), max_size=6)
RESPONSES = st.builds(
    AnnounceResponse,
    COUNTS,
    PEERS.map(lambda peers: tuple(sorted(peers, key=lambda peer: peer.address.version))),
    *[st.none() | COUNTS] * 5,
    external_ip=st.none() | ADDRESSES,
    tracker_id=st.none() | st.binary(max_size=9),
    warning=st.none() | st.text(max_size=9),
)
FAILURES = st.builds(FailureResponse, st.text(max_size=9), st.none() | COUNTS)
SCRAPES = st.builds(
    ScrapeResponse,
    st.dictionaries(
        TWENTY_BYTES, st.builds(ScrapeEntry, COUNTS, COUNTS, COUNTS, st.none() | COUNTS), max_size=4
    ),
)


@given(REQUESTS)
def test_requests_are_read_as_they_were_written(request: AnnounceRequest | ScrapeRequest) -> None:
    assert parse_target(request.to_target()) == request


@given(RESPONSES | FAILURES, st.booleans())
def test_announce_responses_are_read_as_they_were_written(
    response: AnnounceResponse | FailureResponse, compact: bool
) -> None:
    if isinstance(response, FailureResponse):
        assert parse_announce_response(response.to_bytes()) == response
    else:
        assert parse_announce_response(response.to_bytes(compact=compact)) == response


@given(SCRAPES)
def test_scrape_responses_are_read_as_they_were_written(response: ScrapeResponse) -> None:
    assert parse_scrape_response(response.to_bytes()) == response


BODIES = st.dictionaries(
    st.sampled_from(
        [b"interval", b"peers", b"peers6", b"files", b"external ip", b"failure reason", b"retry in"]
    ),
    st.recursive(
        st.integers(-1, 99) | st.binary(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([b"ip", b"port", bytes(20)]), inner, max_size=3)
        ),
    ),
).map(bencode.encode) | st.binary(max_size=40)


@given(BODIES)
def test_any_body_is_a_response_or_a_protocol_error(body: bytes) -> None:
    with suppress(ProtocolError):
        parse_announce_response(body)
    with suppress(ProtocolError):
        parse_scrape_response(body)


TARGETS = REQUESTS.map(lambda request: request.to_target().encode()) | st.binary(max_size=40)
QUERIES = st.lists(
    st.sampled_from(
        [b"info_hash=", b"peer_id=", b"port=", b"left=", b"numwant=", b"event=", b"compact=0", b"trackerid="]
    ).flatmap(
        lambda name: st.sampled_from([b"", b"1", b"-1", b"\xff+%", b"h" * 20]).map(lambda value: name + value)
    ),
    max_size=9,
).map(b"&".join)


def parsed(target: bytes) -> AnnounceRequest | ScrapeRequest | ProtocolError:
    try:
        return parse_target(target)
    except ProtocolError as error:
        return error


@given(
    TARGETS
    | QUERIES.map(lambda query: b"/announce?" + query)
    | QUERIES.map(lambda query: b"/scrape?" + query)
)
def test_the_data_plane_reads_the_same(target: bytes) -> None:
    compiled = decode_target(target)
    request = parsed(target)
    if isinstance(request, ProtocolError):
        is_refused = compiled["has_bad_info_hash"] or not compiled["info_hashes"]
        if compiled["resource"] == "announce":
            is_refused |= compiled["peer_id_bytes"] != 20 or (
                compiled["port"] <= 0 and compiled["event"] != 3
            )
        if compiled["resource"] in ("announce", "scrape"):
            assert is_refused
            assert request.answer is not None
        return
    if isinstance(request, ScrapeRequest):
        assert compiled["info_hashes"] == list(request.info_hashes)
        return
    assert compiled["info_hashes"] == [request.info_hash]
    assert compiled["peer_id"] == request.peer_id
    assert max(compiled["port"], 0) == request.port
    assert compiled["bytes_left"] == request.left
    assert compiled["peers_wanted"] == request.num_want
    assert compiled["is_compact"] == request.compact
    assert compiled["tracker_id"] == request.tracker_id[:64]
    assert ["", "completed", "started", "stopped", "paused"][compiled["event"]] == request.event.value
