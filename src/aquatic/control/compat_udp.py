"""The Rust aquatic_udp's configuration files, mapped onto the model."""

from __future__ import annotations

from typing import Final

from aquatic.control.compat import (
    ACCESS_LIST_KEYS,
    CPU_PINNING_KEYS,
    DOWNLOADS_KEYS,
    PRIVILEGES_KEYS,
    SWARM_LIMITS_KEYS,
    RustFormat,
    WithoutEffect,
)
from aquatic.control.layout import Key, model_key
from aquatic.control.model import (
    Configuration,
    Listener,
    ScrapeExports,
    Statistics,
    Swarm,
    UdpAnswers,
    Workers,
)
from aquatic.control.setting import Setting

RING_SIZE: Final = 128
NO_IO_URING: Final = "there is no io_uring here"

NETWORK_KEYS: Final = (
    model_key("network.socket_recv_buffer_size", Listener, "receive_buffer_bytes"),
    model_key("network.poll_timeout_ms", Workers, "poll_timeout_ms"),
    model_key("network.resend_buffer_max_len", Workers, "resend_responses_max"),
    Key("network.use_io_uring", Setting(bool, True, "No effect: this tracker uses recvmmsg and sendmmsg.")),
    Key("network.ring_size", Setting(int, RING_SIZE, "No effect, like use_io_uring.", 0, 65_535)),
    model_key("network.reuseport_steering", Workers, "reuseport_steering", is_addition=True),
)
PROTOCOL_KEYS: Final = (
    model_key("protocol.max_scrape_torrents", UdpAnswers, "scrape_torrents_max"),
    model_key("protocol.max_response_peers", UdpAnswers, "response_peers_max"),
    model_key("protocol.peer_announce_interval", UdpAnswers, "announce_interval_seconds"),
)
STATISTICS_KEYS: Final = (
    model_key("statistics.interval", Statistics, "interval_seconds"),
    model_key("statistics.torrent_peer_histograms", Statistics, "peers_per_torrent"),
    model_key("statistics.peer_clients", Statistics, "peer_clients"),
    model_key("statistics.print_to_stdout", Statistics, "standard_output"),
    model_key("statistics.write_html_to_file", Statistics, "html_file"),
    model_key("statistics.html_file_path", Statistics, "html_file_path"),
    model_key("statistics.run_prometheus_endpoint", Statistics, "prometheus"),
    model_key("statistics.prometheus_endpoint_address", Statistics, "prometheus_address"),
    model_key("statistics.prometheus_peer_id_prefixes", Statistics, "prometheus_peer_id_prefixes"),
    model_key("statistics.response_latency", Statistics, "response_latency", is_addition=True),
)
CLEANING_KEYS: Final = (
    model_key("cleaning.torrent_cleaning_interval", Swarm, "cleaning_interval_seconds"),
    model_key("cleaning.max_connection_age", UdpAnswers, "connection_age_seconds_max"),
    model_key("cleaning.max_peer_age", Swarm, "peer_age_seconds_max"),
)
SCRAPE_EXPORTS_KEYS: Final = (
    model_key("scrape_exports.enable_scrape_exports", ScrapeExports, "enabled"),
    model_key("scrape_exports.frequency", ScrapeExports, "cleanings_per_export"),
    model_key("scrape_exports.path", ScrapeExports, "path"),
)

UDP_FORMAT: Final = RustFormat(
    first_keys=(
        model_key("socket_workers", Workers, "udp_count"),
        model_key("log_level", Configuration, "log_level"),
    ),
    other_keys=(
        *NETWORK_KEYS,
        *PROTOCOL_KEYS,
        *STATISTICS_KEYS,
        *CLEANING_KEYS,
        *PRIVILEGES_KEYS,
        *ACCESS_LIST_KEYS,
        *SCRAPE_EXPORTS_KEYS,
        *DOWNLOADS_KEYS,
        *SWARM_LIMITS_KEYS,
        *CPU_PINNING_KEYS,
    ),
    without_effect=(
        WithoutEffect("network.use_io_uring", NO_IO_URING, bool),
        WithoutEffect("network.ring_size", NO_IO_URING, lambda size: size != RING_SIZE),
    ),
)
