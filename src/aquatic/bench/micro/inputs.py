"""What arrives at a tracker: the same bytes each time, in the shapes of clients that are in use."""

import json
from collections.abc import Iterable
from random import Random
from urllib.parse import quote_from_bytes

from aquatic.bench.frames import masked_frame
from aquatic.protocol import udp, ws

SEED = 1
# What is as long as clients' descriptions of a connection are: some lines that all have, and a candidate a line.
SDP_LINES = (
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "a=extmap-allow-mixed",
    "a=msid-semantic: WMS",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:Tw7f",
    "a=ice-pwd:0a8b7f6b0f2c4b3e8f6d5a4c",
    "a=ice-options:trickle",
    "a=fingerprint:sha-256 " + ":".join(f"{byte:02X}" for byte in range(32)),
    "a=setup:actpass",
    "a=mid:0",
    "a=sctp-port:5000",
    "a=max-message-size:262144",
)
CANDIDATE = (
    "a=candidate:{number} 1 udp 2113937151 5c3a7d5e-9d0e-4d6b-8d54-{number:012x}.local {port} "
    "typ host generation 0 network-cost 999"
)
SDP_BYTES_MIN, SDP_BYTES_MAX = 1000, 2000


def random() -> Random:
    """As if nothing had been drawn before."""
    return Random(SEED)


def ipv4_addresses(count: int) -> list[bytes]:
    """Public ones, no two of them alike."""
    return [(0x20000000 + 7 * number).to_bytes(4, "big") for number in range(count)]


def ipv6_addresses(count: int) -> list[bytes]:
    """The same."""
    return [b"\x26\x00" + bytes(10) + (7 * number).to_bytes(4, "big") for number in range(count)]


def peers(family: int, count: int) -> bytes:
    """In compact form."""
    addresses = ipv4_addresses(count) if family == 4 else ipv6_addresses(count)
    return b"".join(address + (6881 + index).to_bytes(2, "big") for index, address in enumerate(addresses))


def info_hashes(count: int) -> list[bytes]:
    """As random as those of torrents are."""
    source = random()
    return [source.randbytes(20) for _ in range(count)]


# UDP


def udp_connects(count: int) -> list[bytes]:
    """Connect requests."""
    return [udp.ConnectRequest(transaction_id).to_bytes() for transaction_id in range(count)]


def udp_announces(count: int, torrents: int) -> list[bytes]:
    """Announces of as many peers, in turns of the torrents; every other one has options (BEP 41)."""
    source = random()
    hashes = info_hashes(torrents)
    return [
        udp.AnnounceRequest(
            connection_id=source.getrandbits(63),
            transaction_id=number,
            info_hash=hashes[number % torrents],
            peer_id=b"-LT20A0-" + source.randbytes(12),
            port=6881,
            left=source.choice((0, 1 << 20, 1 << 30)),
            num_want=source.choice((-1, 50, 200)),
            key=source.getrandbits(31),
            options=udp.url_data_options(b"/announce") if number % 2 else b"",
        ).to_bytes()
        for number in range(count)
    ]


def udp_scrapes(count: int, torrents: int, *, each: int = 10) -> list[bytes]:
    """Scrapes of some torrents each."""
    source = random()
    hashes = info_hashes(torrents)
    return [
        udp.ScrapeRequest(source.getrandbits(63), number, tuple(source.sample(hashes, each))).to_bytes()
        for number in range(count)
    ]


# HTTP


def http_targets(count: int, torrents: int) -> list[bytes]:
    """Announces as libtorrent (and with it qBittorrent) and Transmission write them, in turns of the torrents."""
    source = random()
    hashes = info_hashes(torrents)
    return [
        (_libtorrent_target if number % 3 else _transmission_target)(hashes[number % torrents], source)
        for number in range(count)
    ]


def _libtorrent_target(info_hash: bytes, source: Random) -> bytes:
    peer_id = b"-qB4620-" + bytes(source.choices(b"0123456789abcdefghijklmnopqrstuvwxyz-_.!~", k=12))
    left = source.choice((0, 1 << 20, 1 << 30))
    return (
        f"/announce?info_hash={quote_from_bytes(info_hash, safe='')}&peer_id={quote_from_bytes(peer_id, safe='')}"
        f"&port=6881&uploaded=0&downloaded=0&left={left}&corrupt=0&key={source.getrandbits(32):08X}"
        "&event=started&numwant=200&compact=1&no_peer_id=1&supportcrypto=1&redundant=0"
    ).encode()


def _transmission_target(info_hash: bytes, source: Random) -> bytes:
    left = source.choice((0, 1 << 20, 1 << 30))
    return (
        f"/announce?info_hash={quote_from_bytes(info_hash, safe='')}&peer_id=-TR4060-{source.getrandbits(47):012x}"
        f"&port=51413&uploaded=0&downloaded=0&left={left}&numwant=80&key={source.getrandbits(31)}"
        "&compact=1&supportcrypto=1"
    ).encode()


def http_requests(targets: Iterable[bytes]) -> list[bytes]:
    """Requests as the clients of these targets send them."""
    return [_http_request(target) for target in targets]


def _http_request(target: bytes) -> bytes:
    head = b"GET " + target + b" HTTP/1.1\r\nHost: tracker.example.net:3000\r\n"
    if b"-TR" in target:
        return head + (
            b"User-Agent: Transmission/4.0.6\r\nAccept: */*\r\nAccept-Encoding: deflate, gzip, br, zstd\r\n\r\n"
        )
    return head + b"User-Agent: qBittorrent/4.6.2\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"


def http_scrapes(count: int, torrents: int, *, each: int = 10) -> list[bytes]:
    """Requests for the counts of some torrents each."""
    source = random()
    hashes = info_hashes(torrents)
    queries = (
        "&".join(f"info_hash={quote_from_bytes(one, safe='')}" for one in source.sample(hashes, each))
        for _ in range(count)
    )
    return [_http_request(f"/scrape?{query}".encode()) for query in queries]


# WebTorrent


def descriptions(count: int, kind: str) -> list[dict[str, str]]:
    """Offers or answers of one to two KB."""
    source = random()
    return [{"type": kind, "sdp": _sdp(source.randint(SDP_BYTES_MIN, SDP_BYTES_MAX))} for _ in range(count)]


def _sdp(length: int) -> str:
    text = "\r\n".join(SDP_LINES)
    for number in range(100):
        if len(text) >= length:
            break
        text += "\r\n" + CANDIDATE.format(number=number, port=40000 + number)
    return text + "\r\n"


def offer_values(count: int) -> list[bytes]:
    """Offers as they stand in messages."""
    return [
        json.dumps(offer, separators=(",", ":"), ensure_ascii=False).encode()
        for offer in descriptions(count, "offer")
    ]


def ws_announces(count: int, offers: int) -> list[ws.AnnounceRequest]:
    """Announces of one peer with so many offers each."""
    source = random()
    info_hash, peer_id = source.randbytes(20), b"-WW0208-" + source.randbytes(12)
    values = iter(descriptions(count * offers, "offer"))
    return [
        ws.AnnounceRequest(
            info_hash,
            peer_id,
            left=1 << 20,
            offers=tuple(ws.Offer(source.randbytes(20), next(values)) for _ in range(offers)),
        )
        for _ in range(count)
    ]


def ws_answers(offered: Iterable[ws.AnnounceRequest], peer_id: bytes) -> list[ws.AnnounceRequest]:
    """Each answers the first offer of an announce."""
    announces = list(offered)
    values = descriptions(len(announces), "answer")
    return [
        ws.AnnounceRequest(
            announce.info_hash,
            peer_id,
            answer=ws.Answer(announce.peer_id, announce.offers[0].offer_id, value),
        )
        for announce, value in zip(announces, values, strict=True)
    ]


def frames(messages: Iterable[bytes]) -> list[bytes]:
    """A client's frames, masked."""
    source = random()
    return [masked_frame(message, source.randbytes(4)) for message in messages]


# Connections


def proxy_lines(count: int) -> list[bytes]:
    """Headers of version 1, as HAProxy writes them."""
    return [
        f"PROXY TCP4 32.0.{number}.7 10.0.0.1 {40000 + number} 3000\r\n".encode() for number in range(count)
    ]


def proxy_headers(count: int) -> list[bytes]:
    """Headers of version 2, of IPv6 connections."""
    head = b"\r\n\r\n\x00\r\nQUIT\n\x21\x21" + (36).to_bytes(2, "big")
    return [
        head + address + bytes(16) + (40000).to_bytes(2, "big") + (3000).to_bytes(2, "big")
        for address in ipv6_addresses(count)
    ]
