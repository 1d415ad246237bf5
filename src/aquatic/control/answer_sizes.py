"""How many peers and torrents fit an answer, and a request: what protocols and limits leave of the settings."""

from __future__ import annotations

from typing import Final, Literal

# UDP: what fits under the path MTU with room for tunnels (BEP 15 gives the layouts): no answer is fragmented.
RESPONSE_BYTES_MAX: Final = 1_400
ANNOUNCE_RESPONSE_HEADER_BYTES: Final = 20
ANNOUNCE_RESPONSE_PEER_BYTES: Final = {4: 6, 6: 18}
SCRAPE_RESPONSE_HEADER_BYTES: Final = 8
SCRAPE_RESPONSE_TORRENT_BYTES: Final = 12

# HTTP, as dataplane/http makes room: for all but the list; for an IPv6 peer in a dictionary (BEP 3); for a torrent of a
# scrape with its counts in ten digits.
HTTP_RESPONSE_OVERHEAD_BYTES: Final = 800
HTTP_RESPONSE_PEER_BYTES: Final = 61
HTTP_RESPONSE_TORRENT_BYTES: Final = 128
# Request line and headers of browsers and proxies; a percent-encoded `&info_hash=`.
HTTP_REQUEST_OVERHEAD_BYTES: Final = 1_024
HTTP_REQUEST_TORRENT_BYTES: Final = 71
# WebSocket, as dataplane/ws makes room: for all but the torrents of a scrape; for one, its info hash escaped and its
# counts in ten digits.
WS_SCRAPE_OVERHEAD_BYTES: Final = 64
WS_SCRAPE_TORRENT_BYTES: Final = 216


def announce_peers_fitting(ip_version: Literal[4, 6]) -> int:
    """Most peers that a UDP announce response of that family carries within RESPONSE_BYTES_MAX."""
    return (RESPONSE_BYTES_MAX - ANNOUNCE_RESPONSE_HEADER_BYTES) // ANNOUNCE_RESPONSE_PEER_BYTES[ip_version]


def scrape_torrents_fitting() -> int:
    """Most torrents that a UDP scrape response carries within RESPONSE_BYTES_MAX."""
    return (RESPONSE_BYTES_MAX - SCRAPE_RESPONSE_HEADER_BYTES) // SCRAPE_RESPONSE_TORRENT_BYTES


def http_peers_fitting(output_bytes: int) -> int:
    """Most peers of any HTTP announce response that takes so many bytes."""
    return (output_bytes - HTTP_RESPONSE_OVERHEAD_BYTES) // HTTP_RESPONSE_PEER_BYTES


def http_torrents_fitting(output_bytes: int) -> int:
    """Most torrents of any HTTP scrape response that takes so many bytes."""
    return (output_bytes - HTTP_RESPONSE_OVERHEAD_BYTES) // HTTP_RESPONSE_TORRENT_BYTES


def http_torrents_asked(request_bytes: int) -> int:
    """Most torrents that any client can scrape with a request of so many bytes."""
    return max(0, request_bytes - HTTP_REQUEST_OVERHEAD_BYTES) // HTTP_REQUEST_TORRENT_BYTES


def ws_torrents_fitting(output_bytes: int) -> int:
    """Most torrents of any scrape answer over WebSocket that takes so many bytes."""
    return (output_bytes - WS_SCRAPE_OVERHEAD_BYTES) // WS_SCRAPE_TORRENT_BYTES
