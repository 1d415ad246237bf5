"""A client of one datagram at a time, for looking at what a tracker holds."""

import socket
from collections.abc import Sequence

from aquatic.loadtest.target import Target
from aquatic.protocol.udp import (
    ConnectRequest,
    ConnectResponse,
    ErrorResponse,
    Request,
    Response,
    ScrapeEntry,
    ScrapeRequest,
    ScrapeResponse,
    parse_response,
)

TIMEOUT_SECONDS = 5.0


def scrape(target: Target, info_hashes: Sequence[bytes]) -> tuple[ScrapeEntry, ...]:
    """The torrents' counts. TimeoutError when the tracker is silent, ConnectionError for another answer."""
    with socket.socket(target.family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(TIMEOUT_SECONDS)
        asking.connect((str(target.address), target.port))
        connected = _ask(asking, ConnectRequest(1))
        if not isinstance(connected, ConnectResponse):
            raise ConnectionError(_unexpected(connected))
        scraped = _ask(asking, ScrapeRequest(connected.connection_id, 2, tuple(info_hashes)))
        if not isinstance(scraped, ScrapeResponse) or len(scraped.entries) != len(info_hashes):
            raise ConnectionError(_unexpected(scraped))
        return scraped.entries


def _ask(asking: socket.socket, request: Request) -> Response:
    asking.send(request.to_bytes())
    return parse_response(asking.recv(2048), socket.AddressFamily(asking.family))


def _unexpected(response: Response) -> str:
    told = response.text if isinstance(response, ErrorResponse) else type(response).__name__
    return f"the tracker answered {told!r}"
