"""Broken and malicious datagrams get what `aquatic.protocol.udp` says they deserve, and harm nobody else."""

import random
from collections.abc import Iterator
from pathlib import Path
from socket import AF_INET, AddressFamily

import pytest

from aquatic.protocol.udp import (
    AnnounceRequest,
    AnnounceResponse,
    ConnectRequest,
    ConnectResponse,
    ProtocolError,
    Request,
    Response,
    ScrapeRequest,
    ScrapeResponse,
    parse_request,
    parse_response,
    url_data_options,
)
from tests.support.udp_client import UdpClient
from tests.system.clients import SharedFile, libtorrent
from tests.system.harness import Tracker

INFO_HASH = bytes(range(20))
PEER_ID = b"-XX0000-abcdefghijkl"
# The defaults of protocol.max_response_peers and protocol.max_scrape_torrents.
PEERS_MAX, SCRAPE_TORRENTS_MAX = 30, 70
UDP_PAYLOAD_BYTES_MAX = 65507
# Few enough to wait in a receive buffer of the smallest usual size.
DATAGRAMS_AT_ONCE = 32
FENCES = (0xFFFF0000, 0xFFFF0001)


@pytest.fixture
def client(tracker: Tracker, family: AddressFamily) -> Iterator[UdpClient]:
    """A client of a tracker that has more peers for `INFO_HASH` than fit an answer."""
    with tracker.client(family) as client:
        for port in range(1000, 1100):
            client.announce(INFO_HASH, port=port)
        yield client


def valid_requests(connection_id: int) -> list[bytes]:
    announce = AnnounceRequest(connection_id, 0, INFO_HASH, PEER_ID, port=2000, left=1, num_want=200)
    return [
        ConnectRequest(0).to_bytes(),
        announce.to_bytes(),
        announce.to_bytes() + url_data_options(b"/announce?" + b"key=value&" * 40),
        ScrapeRequest(connection_id, 0, (INFO_HASH,)).to_bytes(),
        ScrapeRequest(connection_id, 0, (INFO_HASH, bytes(20), INFO_HASH)).to_bytes(),
    ]


def numbered(datagram: bytes, number: int) -> bytes:
    """The datagram with this transaction id, if it is long enough for one."""
    return datagram[:12] + number.to_bytes(4, "big") + datagram[16:] if len(datagram) >= 16 else datagram


def exchange(client: UdpClient, datagrams: list[bytes]) -> dict[int, bytes]:
    """Send all and return the answers by the datagram's place.

    When the first fence is answered, every datagram before it was received; when the second is, which is sent
    after that, every answer to them was sent. So silence needs no time to be seen.
    """
    answers: dict[int, bytes] = {}
    for number, datagram in enumerate(datagrams):
        client.socket.send(numbered(datagram, number))
    for fence in FENCES:
        client.socket.send(ConnectRequest(fence).to_bytes())
        while (answer := client.socket.recv(65536))[4:8] != fence.to_bytes(4, "big"):
            number = int.from_bytes(answer[4:8], "big")
            assert number not in answers, "two answers to one datagram"
            answers[number] = answer
    return answers


def check_response(request: Request, response: Response) -> None:
    match request:
        case ConnectRequest():
            assert isinstance(response, ConnectResponse)
        case AnnounceRequest():
            assert isinstance(response, AnnounceResponse)
            wanted = request.num_want if request.num_want >= 0 else PEERS_MAX
            assert len(response.peers) <= min(wanted, PEERS_MAX)
        case ScrapeRequest():
            assert isinstance(response, ScrapeResponse)
            assert len(response.entries) == min(len(request.info_hashes), SCRAPE_TORRENTS_MAX)


def deserved(client: UdpClient, datagram: bytes) -> Request | bytes | None:
    """What the library says of a datagram: a request to be answered, the refusal to send, or nothing."""
    try:
        request = parse_request(datagram)
    except ProtocolError as refusal:
        if refusal.answer is None or refusal.connection_id != client.connection_id:
            return None
        return refusal.answer.to_bytes()
    if isinstance(request, ConnectRequest) or request.connection_id == client.connection_id:
        return request
    return None


def check_answer(client: UdpClient, datagram: bytes, answer: bytes | None) -> None:
    expected = deserved(client, datagram)
    if expected is None or isinstance(expected, bytes):
        assert answer == expected, datagram
        return
    assert answer is not None, datagram
    assert len(answer) <= 1400
    check_response(expected, parse_response(answer, client.socket.family))


def sweep(client: UdpClient, datagrams: list[bytes], at_once: int = DATAGRAMS_AT_ONCE) -> None:
    for start in range(0, len(datagrams), at_once):
        chunk = datagrams[start : start + at_once]
        answers = exchange(client, chunk)
        assert answers.keys() <= set(range(len(chunk))), "an answer to nothing"
        for number, datagram in enumerate(chunk):
            check_answer(client, numbered(datagram, number), answers.get(number))


def test_every_truncation(client: UdpClient) -> None:
    sweep(
        client,
        [whole[:end] for whole in valid_requests(client.connection_id) for end in range(len(whole) + 1)],
    )


def test_mutations(client: UdpClient) -> None:
    chance = random.Random(1)
    datagrams = []
    for _ in range(2000):
        datagram = bytearray(chance.choice(valid_requests(client.connection_id)))
        for _ in range(chance.randint(1, 4)):
            datagram[chance.randrange(len(datagram))] = chance.choice(
                (0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256))
            )
        datagrams.append(bytes(datagram))
    sweep(client, datagrams)


def test_random_bytes(client: UdpClient) -> None:
    chance = random.Random(2)
    connection_id = client.connection_id.to_bytes(8, "big")
    sweep(
        client,
        [
            chance.choice((b"", connection_id, connection_id + b"\0\0\0" + bytes([chance.randrange(5)])))
            + chance.randbytes(chance.randrange(200))
            for _ in range(1000)
        ],
    )


def test_oversized(client: UdpClient) -> None:
    whole_hashes = (UDP_PAYLOAD_BYTES_MAX - 16) // 20 * 20
    tails = [1, 20, 1400, 1500, 2320, 2340, 4000, 9000, whole_hashes]
    requests = valid_requests(client.connection_id)
    sweep(
        client, [(request + b"\x02" * tail)[:65507] for request in requests[:3] for tail in tails], at_once=2
    )
    scrape_head = requests[3][:16]
    sweep(client, [scrape_head + INFO_HASH * (tail // 20 + 1) for tail in tails[:-1]], at_once=2)
    sweep(client, [scrape_head + INFO_HASH * (whole_hashes // 20)], at_once=2)


def test_connection_ids_that_were_never_given(client: UdpClient) -> None:
    flipped = [client.connection_id ^ (1 << bit) for bit in range(64)]
    sweep(client, [request for wrong in (0, *flipped) for request in valid_requests(wrong)[1:]])


def test_service_for_others_is_unharmed(
    tracker: Tracker, client: UdpClient, shared: SharedFile, downloads: Path
) -> None:
    """Two clients find each other while rubbish arrives before, between and after them."""
    chance = random.Random(3)
    rubbish = [chance.randbytes(chance.randrange(300)) for _ in range(300)]
    torrent = shared.torrent(tracker.announce_url(AF_INET))
    sweep(client, rubbish)
    with libtorrent(AF_INET, shared.directory, torrent) as seeder:
        seeder.wait_for_line("tracker_reply")
        sweep(client, rubbish)
        with libtorrent(AF_INET, downloads, torrent) as leecher:
            sweep(client, rubbish)
            leecher.wait_for_line("torrent_finished")
    assert (downloads / shared.name).read_bytes() == shared.content
