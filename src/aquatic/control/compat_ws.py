"""The Rust aquatic_ws's configuration files, mapped onto the model."""

from __future__ import annotations

from typing import Any, Final

from aquatic.control.compat import (
    ACCESS_LIST_KEYS,
    CONNECTION_LIMITS_KEYS,
    CPU_PINNING_KEYS,
    DOWNLOADS_KEYS,
    NO_SWARM_WORKERS,
    PRIVILEGES_KEYS,
    STREAM_FIRST_KEYS,
    STREAM_LISTENER_KEYS,
    STREAM_METRICS_KEYS,
    Layout,
    RustFormat,
    WithoutEffect,
    listener_fields_read,
)
from aquatic.control.layout import Key, Values, model_key
from aquatic.control.model import INT32_MAX, Listener, Protocol, Statistics, WsAnswers
from aquatic.control.setting import Setting

TORRENT_CLEANING_SECONDS: Final = 30
WRITE_BUFFER_BYTES: Final = 8_192

NETWORK_KEYS: Final = (
    *STREAM_LISTENER_KEYS,
    model_key("network.websocket_max_message_size", WsAnswers, "message_bytes_max", maximum=INT32_MAX),
    model_key(
        "network.websocket_max_frame_size",
        WsAnswers,
        "frame_bytes_max",
        default=16_384,
        maximum=INT32_MAX,
    ),
    Key(
        "network.websocket_write_buffer_size",
        Setting(
            int,
            WRITE_BUFFER_BYTES,
            "No effect: messages wait only for who is slow to read them, up to limits.max_output_bytes.",
            0,
            INT32_MAX,
        ),
    ),
    model_key("network.enable_http_health_checks", Listener, "health_page"),
    # As in the Rust aquatic_http's file, but nobody is believed who is not listed.
    model_key("network.runs_behind_reverse_proxy", Listener, "proxy_header", is_addition=True),
    model_key("network.reverse_proxy_ip_header_name", Listener, "proxy_header_name", is_addition=True),
    model_key("network.reverse_proxy_ip_header_format", Listener, "proxy_header_format", is_addition=True),
    model_key("network.trusted_proxies", Listener, "trusted_proxies", is_addition=True),
)
PROTOCOL_KEYS: Final = (
    model_key("protocol.max_scrape_torrents", WsAnswers, "scrape_torrents_max", maximum=INT32_MAX),
    model_key("protocol.max_offers", WsAnswers, "offers_max", maximum=INT32_MAX),
    model_key("protocol.peer_announce_interval", WsAnswers, "announce_interval_seconds"),
)
CLEANING_KEYS: Final = (
    Key(
        "cleaning.torrent_cleaning_interval",
        Setting(
            int,
            TORRENT_CLEANING_SECONDS,
            "No effect: peers are cleaned with their connections.",
            0,
            86_400,
        ),
    ),
    model_key("cleaning.max_peer_age", WsAnswers, "peer_age_seconds_max"),
    model_key("cleaning.max_offer_age", WsAnswers, "offer_age_seconds_max"),
    model_key("cleaning.connection_cleaning_interval", WsAnswers, "cleaning_interval_seconds"),
    model_key("cleaning.max_connection_idle", WsAnswers, "idle_seconds_max"),
    model_key("cleaning.close_after_tls_update_grace_period", WsAnswers, "tls_grace_seconds"),
)
METRICS_KEYS: Final = (
    *STREAM_METRICS_KEYS,
    model_key("metrics.peer_clients", Statistics, "peer_clients"),
    model_key("metrics.peer_id_prefixes", Statistics, "prometheus_peer_id_prefixes"),
    model_key("metrics.print_to_stdout", Statistics, "standard_output", is_addition=True),
    model_key("metrics.response_latency", Statistics, "response_latency", is_addition=True),
)
LIMITS_KEYS: Final = (
    model_key("limits.max_memory_bytes", WsAnswers, "memory_bytes_max", is_addition=True),
    model_key(
        "limits.max_torrents_per_connection", WsAnswers, "torrents_per_connection_max", is_addition=True
    ),
    model_key("limits.max_output_bytes", WsAnswers, "output_bytes_max", is_addition=True),
)


def _listener_fields(values: Values) -> dict[str, Any]:
    return listener_fields_read(values) | {"protocols": (Protocol.WS,)}


WS_FORMAT: Final = RustFormat(
    first_keys=STREAM_FIRST_KEYS,
    other_keys=(
        *NETWORK_KEYS,
        *PROTOCOL_KEYS,
        *CLEANING_KEYS,
        *PRIVILEGES_KEYS,
        *ACCESS_LIST_KEYS,
        *METRICS_KEYS,
        *DOWNLOADS_KEYS,
        *LIMITS_KEYS,
        *CONNECTION_LIMITS_KEYS,
        *CPU_PINNING_KEYS,
    ),
    without_effect=(
        NO_SWARM_WORKERS,
        WithoutEffect(
            "network.websocket_write_buffer_size",
            "messages wait only for who is slow to read them",
            lambda size: size != WRITE_BUFFER_BYTES,
        ),
        WithoutEffect(
            "cleaning.torrent_cleaning_interval",
            "peers are cleaned with their connections",
            lambda seconds: seconds != TORRENT_CLEANING_SECONDS,
        ),
    ),
    listener_fields=_listener_fields,
    default_layout=Layout.RELEASED,
)
