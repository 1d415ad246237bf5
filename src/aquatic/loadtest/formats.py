"""The files of `aquatic load-test`, one for each protocol."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Final

from aquatic.control.layout import model_key
from aquatic.control.setting import setting, setting_again
from aquatic.loadtest.http import HttpLoad, HttpLoadTest
from aquatic.loadtest.settings import (
    COUNT_MAX,
    LoadFormat,
    LoadSettings,
    Popularity,
    common_keys,
    rust_keys,
)
from aquatic.loadtest.target import Address, Target
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from aquatic.loadtest.ws_settings import WS_LOAD_FORMAT

# With this many requests under way none is lost to a tracker that leaves its receive buffer as Linux has it. At a set
# rate requests pile up when the tracker does not keep up: that must not delay the next.
UNDER_WAY_CLOSED: Final = 128
UNDER_WAY_OPEN: Final = 65_536


@dataclass(frozen=True, kw_only=True)
class UdpSettings(LoadSettings):
    """Over UDP."""

    timeout_ms: int = setting_again(LoadSettings, "timeout_ms", 1000)
    torrents: int = setting_again(LoadSettings, "torrents", 1_000_000)
    peers: int = setting_again(LoadSettings, "peers", 2_000_000)
    seeder_probability: float = setting_again(LoadSettings, "seeder_probability", 0.75)
    popularity: Popularity = setting_again(LoadSettings, "popularity", Popularity.UNIFORM)
    weight_announce: int = setting_again(LoadSettings, "weight_announce", 50)
    weight_scrape: int = setting_again(LoadSettings, "weight_scrape", 1)
    weight_connect: int = setting(
        50, "Connects among requests: this weight in the sum of all.", minimum=0, maximum=COUNT_MAX
    )
    multiple_client_ipv4s: bool = setting(
        True,
        "Send from several loopback addresses, with a socket for each, over IPv4; false: from 127.0.0.1, with one.",
    )
    receive_buffer_bytes: int = setting(
        8_000_000,
        "Of each socket; more where the answers to all requests under way need it.",
        minimum=0,
        maximum=COUNT_MAX,
    )
    requests_under_way_max: int = setting(
        0,
        f"Requests without an answer at a time; 0: {UNDER_WAY_CLOSED}, or {UNDER_WAY_OPEN} at a set rate.",
        minimum=0,
        maximum=1 << 20,
    )
    additional_request_probability: float = setting(
        0.2,
        "An answer lets one request follow, and with this probability another, so that what is lost is made up for.",
        minimum=0,
        maximum=1,
    )
    segmenting: bool = setting(
        True, "Let the kernel cut many requests out of one buffer (UDP_SEGMENT), which is cheaper to send."
    )

    @property
    def source_count(self) -> int:
        """One where the file says so."""
        return self.sources if self.multiple_client_ipv4s else 1

    def first_source(self, target: Target) -> Address | None:
        """127.0.0.1 where one is to do."""
        is_one = target.address.version == 4 and target.address.is_loopback and not self.multiple_client_ipv4s
        return ipaddress.ip_address("127.0.0.1") if is_one else None


def _udp_load(settings: UdpSettings, terms: dict[str, Any], share: float) -> UdpLoad:
    usual = UNDER_WAY_OPEN if settings.requests_per_second else UNDER_WAY_CLOSED
    return UdpLoad(
        **terms,
        weight_connect=settings.weight_connect,
        requests_under_way_max=max(1, round((settings.requests_under_way_max or usual) * share)),
        additional_request_probability=settings.additional_request_probability,
        segmenting=settings.segmenting,
        receive_buffer_bytes=settings.receive_buffer_bytes,
    )


_UDP_NAMES: Final = {
    "server_address": "server_address",
    "log_level": "log_level",
    "workers": "workers",
    "duration_seconds": "duration",
    "summarize_last_seconds": "summarize_last",
    "extra_statistics": "extra_statistics",
    "multiple_client_ipv4s": "network.multiple_client_ipv4s",
    "sources": "network.sockets_per_worker",
    "receive_buffer_bytes": "network.recv_buffer",
    "torrents": "requests.number_of_torrents",
    "peers": "requests.number_of_peers",
    "scrape_torrents": "requests.scrape_max_torrents",
    "peers_wanted": "requests.announce_peers_wanted",
    "weight_connect": "requests.weight_connect",
    "weight_announce": "requests.weight_announce",
    "weight_scrape": "requests.weight_scrape",
    "seeder_probability": "requests.peer_seeder_probability",
}
UDP_LOAD_FORMAT: Final = LoadFormat(
    UdpSettings,
    (
        *rust_keys(UdpSettings, _UDP_NAMES),
        *common_keys(UdpSettings, "requests", _UDP_NAMES),
        model_key("requests.requests_under_way_max", UdpSettings, "requests_under_way_max", is_addition=True),
        model_key(
            "requests.additional_request_probability",
            UdpSettings,
            "additional_request_probability",
            is_addition=True,
        ),
        model_key("network.segmenting", UdpSettings, "segmenting", is_addition=True),
    ),
    _udp_load,
    UdpLoadTest,
)


@dataclass(frozen=True, kw_only=True)
class HttpSettings(LoadSettings):
    """Over HTTP."""

    connections: int = setting(
        128, "Connections of each worker, with one request at a time.", minimum=1, maximum=COUNT_MAX
    )
    connection_creation_interval_ms: int = setting(
        10,
        "Open one after the other, at first, with this pause in each worker; 0: all at once.",
        minimum=0,
        maximum=3_600_000,
    )
    url_suffix: str = setting("", 'Follows "/announce" and "/scrape": "/token" makes "/announce/token".')
    keep_alive: bool = setting(True, "Keep connections; false: a new one for each request.")
    enable_tls: bool = setting(True, "Use TLS. Certificates are not verified.")
    tls_resumption: bool = setting(True, "A connection continues the TLS session of the one before it.")

    @property
    def greeting_seconds_max(self) -> float:
        """With the pauses between connections."""
        return 10 + self.connections * self.connection_creation_interval_ms / 1000


def _http_load(settings: HttpSettings, terms: dict[str, Any], share: float) -> HttpLoad:
    interval_ms = settings.connection_creation_interval_ms
    return HttpLoad(
        **terms,
        connections=max(1, round(settings.connections * share)) * settings.workers,
        connections_per_second=1000 / interval_ms if interval_ms else 0.0,
        keep_alive=settings.keep_alive,
        tls=settings.enable_tls,
        resumption=settings.tls_resumption,
        url_suffix=settings.url_suffix,
    )


_HTTP_NAMES: Final = {
    "server_address": "server_address",
    "log_level": "log_level",
    "workers": "num_workers",
    "connections": "num_connections",
    "connection_creation_interval_ms": "connection_creation_interval_ms",
    "url_suffix": "url_suffix",
    "duration_seconds": "duration",
    "keep_alive": "keep_alive",
    "enable_tls": "enable_tls",
    "torrents": "torrents.number_of_torrents",
    "seeder_probability": "torrents.peer_seeder_probability",
    "weight_announce": "torrents.weight_announce",
    "weight_scrape": "torrents.weight_scrape",
    "gamma_shape": "torrents.torrent_gamma_shape",
    "gamma_scale": "torrents.torrent_gamma_scale",
}
HTTP_LOAD_FORMAT: Final = LoadFormat(
    HttpSettings,
    (
        *rust_keys(HttpSettings, _HTTP_NAMES),
        model_key("tls_resumption", HttpSettings, "tls_resumption", is_addition=True),
        *common_keys(HttpSettings, "torrents", _HTTP_NAMES),
    ),
    _http_load,
    HttpLoadTest,
)
LOAD_FORMATS: Final = {"udp": UDP_LOAD_FORMAT, "http": HTTP_LOAD_FORMAT, "ws": WS_LOAD_FORMAT}
