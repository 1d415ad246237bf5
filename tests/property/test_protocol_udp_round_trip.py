"""What is written can be read back, and no bytes lead to another error than the documented one."""

from contextlib import suppress
from socket import AF_INET, AF_INET6, AddressFamily

from hypothesis import given
from hypothesis import strategies as st

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

UINT16 = st.integers(0, 2**16 - 1)
UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
TWENTY_BYTES = st.binary(min_size=20, max_size=20)
FAMILIES = st.sampled_from([AF_INET, AF_INET6])

ANNOUNCES = st.builds(
    AnnounceRequest,
    connection_id=UINT64,
    transaction_id=UINT32,
    info_hash=TWENTY_BYTES,
    peer_id=TWENTY_BYTES,
    port=UINT16,
    left=INT64,
    downloaded=INT64,
    uploaded=INT64,
    event_number=st.sampled_from(Event) | UINT32,
    num_want=INT32,
    key=UINT32,
    ip_address=UINT32,
    options=st.binary(max_size=40),
)
REQUESTS = st.one_of(
    st.builds(ConnectRequest, UINT32),
    ANNOUNCES.filter(lambda announce: announce.port != 0 or announce.event is Event.STOPPED),
    st.builds(ScrapeRequest, UINT64, UINT32, st.lists(TWENTY_BYTES, min_size=1, max_size=80).map(tuple)),
)


def responses(family: AddressFamily) -> st.SearchStrategy[Response]:
    addresses = st.ip_addresses(v=4 if family == AF_INET else 6)
    peers = st.lists(st.builds(Peer, addresses, UINT16), max_size=100).map(tuple)
    entries = st.lists(st.builds(ScrapeEntry, INT32, INT32, INT32), max_size=80).map(tuple)
    return st.one_of(
        st.builds(ConnectResponse, UINT32, UINT64),
        st.builds(AnnounceResponse, UINT32, INT32, INT32, INT32, peers),
        st.builds(ScrapeResponse, UINT32, entries),
        st.builds(ErrorResponse, UINT32, st.binary()),
    )


def with_action(position: int) -> st.SearchStrategy[bytes]:
    """Random bytes, of which most have an action that is known, so that they get past the head."""
    actions = st.integers(0, 4).map(lambda action: action.to_bytes(4, "big"))
    heads = st.binary(min_size=position, max_size=position)
    return st.binary() | st.builds(lambda *parts: b"".join(parts), heads, actions, st.binary(max_size=200))


@given(REQUESTS)
def test_requests_survive_the_wire(request: Request) -> None:
    assert parse_request(request.to_bytes()) == request


@given(FAMILIES.flatmap(lambda family: st.tuples(st.just(family), responses(family))))
def test_responses_survive_the_wire(family_and_response: tuple[AddressFamily, Response]) -> None:
    family, response = family_and_response
    assert parse_response(response.to_bytes(), family) == response


@given(with_action(8))
def test_any_bytes_are_a_request_or_a_protocol_error(datagram: bytes) -> None:
    with suppress(ProtocolError):
        request = parse_request(datagram)
        assert datagram.startswith(request.to_bytes())
        assert isinstance(request, ConnectRequest) or datagram == request.to_bytes()


@given(with_action(0), FAMILIES)
def test_any_bytes_are_a_response_or_a_protocol_error(datagram: bytes, family: AddressFamily) -> None:
    with suppress(ProtocolError):
        response = parse_response(datagram, family)
        assert datagram.startswith(response.to_bytes())
        assert isinstance(response, ConnectResponse) or datagram == response.to_bytes()


@given(st.binary(max_size=1000))
def test_url_data_survives_its_options(url_data: bytes) -> None:
    assert parse_url_data(url_data_options(url_data)) == (url_data or None)


@given(st.binary())
def test_any_options_are_parsed_or_passed_over(options: bytes) -> None:
    url_data = parse_url_data(options)
    assert url_data is None or len(url_data) <= len(options) - 2
