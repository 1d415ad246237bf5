"""The Rust aquatic_http's configuration files, mapped onto the model."""

from __future__ import annotations

from ipaddress import ip_network
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
    SWARM_LIMITS_KEYS,
    RustFormat,
    WithoutEffect,
    listener_fields_read,
)
from aquatic.control.layout import Key, Values, model_key
from aquatic.control.model import (
    Connections,
    HttpAnswers,
    Listener,
    Protocol,
    Statistics,
    Swarm,
)
from aquatic.control.setting import Setting

CONNECTION_CLEANING_SECONDS: Final = 60
# Who is trusted where the Rust tracker's file does not say it: with it, whoever connects.
EVERYBODY: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))

NETWORK_KEYS: Final = (
    *STREAM_LISTENER_KEYS,
    model_key("network.keep_alive", Listener, "keep_alive"),
    model_key("network.runs_behind_reverse_proxy", Listener, "proxy_header"),
    model_key("network.reverse_proxy_ip_header_name", Listener, "proxy_header_name"),
    model_key("network.reverse_proxy_ip_header_format", Listener, "proxy_header_format"),
    model_key(
        "network.trusted_proxies",
        Listener,
        "trusted_proxies",
        is_addition=True,
        comment="The networks of the proxies that are believed; others are clients like any. Empty: everybody is"
        " believed, as by the Rust tracker.",
    ),
    # As in the Rust aquatic_ws's file.
    model_key("network.enable_http_health_checks", Listener, "health_page", is_addition=True),
)
PROTOCOL_KEYS: Final = (
    model_key("protocol.max_scrape_torrents", HttpAnswers, "scrape_torrents_max"),
    model_key("protocol.max_peers", HttpAnswers, "response_peers_max"),
    model_key("protocol.peer_announce_interval", HttpAnswers, "announce_interval_seconds", default=120),
    model_key(
        "protocol.min_announce_interval", HttpAnswers, "announce_interval_seconds_min", is_addition=True
    ),
    model_key(
        "protocol.announce_interval_jitter",
        HttpAnswers,
        "announce_interval_jitter_seconds",
        is_addition=True,
    ),
    model_key("protocol.large_swarm_peers", HttpAnswers, "large_swarm_peers_min", is_addition=True),
    model_key(
        "protocol.large_swarm_announce_interval",
        HttpAnswers,
        "large_swarm_announce_interval_seconds",
        is_addition=True,
        default=240,
    ),
    model_key(
        "protocol.not_allowed_retry_minutes", HttpAnswers, "not_allowed_retry_minutes", is_addition=True
    ),
)
CLEANING_KEYS: Final = (
    model_key("cleaning.torrent_cleaning_interval", Swarm, "cleaning_interval_seconds", default=30),
    Key(
        "cleaning.connection_cleaning_interval",
        Setting(
            int,
            CONNECTION_CLEANING_SECONDS,
            "No effect: connections are closed when their time is over.",
            0,
            86_400,
        ),
    ),
    model_key("cleaning.max_peer_age", Swarm, "peer_age_seconds_max", default=1_800),
    model_key("cleaning.max_connection_idle", Connections, "idle_seconds_max", default=180),
)
METRICS_KEYS: Final = (
    *STREAM_METRICS_KEYS,
    model_key("metrics.torrent_peer_histograms", Statistics, "peers_per_torrent", is_addition=True),
    model_key("metrics.print_to_stdout", Statistics, "standard_output", is_addition=True),
    model_key("metrics.response_latency", Statistics, "response_latency", is_addition=True),
)


def _listener_fields(values: Values) -> dict[str, Any]:
    fields = listener_fields_read(values) | {"protocols": (Protocol.HTTP,)}
    if fields["proxy_header"] and not fields["trusted_proxies"]:
        fields["trusted_proxies"] = EVERYBODY
    return fields


HTTP_FORMAT: Final = RustFormat(
    first_keys=STREAM_FIRST_KEYS,
    other_keys=(
        *NETWORK_KEYS,
        *PROTOCOL_KEYS,
        *CLEANING_KEYS,
        *PRIVILEGES_KEYS,
        *ACCESS_LIST_KEYS,
        *METRICS_KEYS,
        *DOWNLOADS_KEYS,
        *SWARM_LIMITS_KEYS,
        *CONNECTION_LIMITS_KEYS,
        model_key("limits.max_output_bytes", Connections, "output_bytes_max", is_addition=True),
        *CPU_PINNING_KEYS,
    ),
    without_effect=(
        NO_SWARM_WORKERS,
        WithoutEffect(
            "cleaning.connection_cleaning_interval",
            "connections are closed when their time is over",
            lambda seconds: seconds != CONNECTION_CLEANING_SECONDS,
        ),
    ),
    listener_fields=_listener_fields,
)
