"""Load on a WebTorrent tracker, run from Python."""

import base64
import hashlib
import re
import socket
import struct
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import Literal

from aquatic.control.descriptors import DESCRIPTORS_RESERVED, allow_descriptors, descriptors_allowed
from aquatic.loadtest import session
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS, Load, LoadTest, first_source
from aquatic.loadtest.target import Address, Target
from aquatic.loadtest.terms import WsTerms
from aquatic.loadtest.ws_board import Board
from aquatic.loadtest.ws_generator import WsGenerator

# RFC 6455, section 1.3.
_KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONNECTIONS_PER_SOURCE = 20000
_PATH = re.compile("/[!-~]{0,500}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WsLoad(Load):
    """The same of WebTorrent. A connection announces its peers of the population, one in each of its torrents.

    See `terms.WsTerms` for what is not said here.
    """

    timeout_seconds: float = 5.0
    scrape_torrents: int = 5
    # Of each worker; 0: all at once.
    connections_per_second: float = 0.0
    tls: bool = False
    # Of the URL.
    path: str = "/"
    offers: int = 10
    answer_probability: float = 1.0
    answers_acknowledged: bool = False
    # Of session descriptions, as JSON.
    session_bytes_min: int = 1000
    session_bytes_max: int = 2000
    # Requests under way at most, for each connection: one in a closed loop is what a browser does.
    requests_under_way_max: int = 1
    slow_reader_share: float = 0.0
    slow_bytes_per_second: int = 4096
    frame_bytes_max: int = 16384

    def __post_init__(self) -> None:
        Load.__post_init__(self)
        if not 0 <= self.answer_probability <= 1 or not 0 <= self.slow_reader_share <= 1:
            raise ValueError("probabilities and shares are from 0 to 1")
        if not 0 <= self.offers <= 64 or not 1 <= self.requests_under_way_max <= 1024:
            raise ValueError("0 to 64 offers, and 1 to 1,024 requests under way")
        if not 4096 <= self.frame_bytes_max <= 65535:
            raise ValueError("frames of 4,096 to 65,535 bytes")
        if self.event == EVENTS["stopped"]:
            raise ValueError("a tracker does not respond to peers that stop")
        texts = self.session_texts("offer"), self.session_texts("answer")
        if max(map(len, chain(*texts))) > 8192 or self.offers * (max(map(len, texts[0])) + 160) > 130_000:
            raise ValueError("session descriptions of up to 8,192 bytes, and 130,000 in an announce")
        if not _PATH.fullmatch(self.path):
            raise ValueError("the path begins with a slash, and has no characters that are to be escaped")

    def session_texts(self, kind: Literal["offer", "answer"]) -> tuple[bytes, ...]:
        """Of all sizes. ValueError."""
        return session.session_texts(kind, self.session_bytes_min, self.session_bytes_max)


class WsLoadTest(LoadTest):
    """Workers that will open their connections: as many as the population has sources.

    ValueError where a torrent has more peers than there are connections. OSError where a source address cannot
    be bound.
    """

    # What the end of a run leaves to be found.
    losses: tuple[str, ...] = (
        "lost",
        "late",
        "lost_answers",
        "late_offers",
        "late_answers",
        "offers_unforwarded",
        "offers_unanswered",
    )
    # Answers have as long again as the offers that they are to.
    drain_timeouts: float = 2.5

    def __init__(self, target: Target, population: Population, load: WsLoad) -> None:
        super().__init__(target, population, load)
        connections = population.sources
        if connections < load.workers:
            raise ValueError("at least one connection for each worker")
        allow_descriptors(connections + DESCRIPTORS_RESERVED)
        if descriptors_allowed() < connections + DESCRIPTORS_RESERVED:
            raise ValueError(
                f"{connections} connections, but {descriptors_allowed()} file descriptors are allowed"
            )
        board = Board(population)
        first = first_source(target, load.first_source, -(-connections // _CONNECTIONS_PER_SOURCE))
        addresses = -(-connections // _CONNECTIONS_PER_SOURCE) if first is not None else 0
        sources = tuple(_socket_address(first + i, 0) for i in range(addresses) if first is not None)
        begun = 0
        for index in range(load.workers):
            count = (connections + index) // load.workers
            self.add_worker(
                WsGenerator(population, board, _terms(target, load, sources, index, begun, count))
            )
            begun += count


def _terms(
    target: Target,
    load: WsLoad,
    sources: tuple[bytes, ...],
    index: int,
    first_connection: int,
    connections: int,
) -> WsTerms:
    key = base64.b64encode(Random(load.random_seed * 1009 + index).randbytes(16))
    upgrade = (
        f"GET {load.path} HTTP/1.1\r\nHost: {target}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key.decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    offers, answers = load.session_texts("offer"), load.session_texts("answer")
    # All workers have all torrents: what is divided among them are connections.
    common = load.common_terms(target, 1, index) | {"shares": 1, "share_index": 0}
    return WsTerms(
        **common,
        tracker=_socket_address(target.address, target.port),
        sources=sources,
        tls=load.tls,
        upgrade=upgrade,
        accept=base64.b64encode(hashlib.sha1(key + _KEY_SUFFIX).digest()),
        first_connection=first_connection,
        connections=connections,
        connections_per_second=load.connections_per_second,
        slow_readers=round(connections * load.slow_reader_share),
        slow_bytes_per_second=load.slow_bytes_per_second,
        window=load.requests_under_way_max,
        offers=load.offers,
        answer_probability=load.answer_probability,
        answers_acknowledged=load.answers_acknowledged,
        offer_sessions=offers,
        answer_sessions=answers,
        offer_mark=offers[0].index(session.MARK.encode()),
        answer_mark=answers[0].index(session.MARK.encode()),
        frame_bytes_max=load.frame_bytes_max,
    )


def _socket_address(host: Address, port: int) -> bytes:
    """A struct sockaddr_in or sockaddr_in6."""
    number = port.to_bytes(2, "big")
    if host.version == 4:
        return struct.pack("=H2s4s8x", socket.AF_INET, number, host.packed)
    return struct.pack("=H2s4x16s4x", socket.AF_INET6, number, host.packed)
