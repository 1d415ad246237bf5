"""The Rust aquatic_ws's files: what each key means in the model, and what is said about a bad file."""

import functools
import tomllib
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from aquatic.control.compat import Layout
from aquatic.control.compat_ws import WS_FORMAT
from aquatic.control.model import (
    Configuration,
    LogLevel,
    Protocol,
    Statistics,
    WsAnswers,
)
from aquatic.control.printing import print_loaded
from aquatic.control.socket_address import SocketAddress
from tests.support import configurations
from tests.support.configurations import COMMON_MEANINGS, Meaning, check_meaning, dotted, listener

RECORDED = Path(__file__).parent / "data" / "aquatic-ws-newest.toml"
WS = (Protocol.WS,)

load_text = functools.partial(configurations.load_text, WS_FORMAT.load)
problems_of = functools.partial(configurations.problems_of, WS_FORMAT.load)
warnings_of = functools.partial(configurations.warnings_of, WS_FORMAT.load)


def test_the_defaults_are_those_of_the_rust_tracker() -> None:
    recorded = dotted(tomllib.loads(RECORDED.read_text()))
    keys = WS_FORMAT.layout_keys(Layout.RELEASED)
    defaults = {key.name: key.setting.write(key.setting.default) for key in keys if not key.is_addition}
    assert defaults == recorded


@pytest.mark.parametrize("text", ["", RECORDED.read_text()], ids=["empty", "recorded"])
def test_the_default_configuration(text: str) -> None:
    assert load_text(text).configuration == Configuration(
        listeners=(listener("0.0.0.0:3000", protocols=WS, ipv6_only=False),),
        ws=WsAnswers(frame_bytes_max=16_384),
        statistics=Statistics(interval_seconds=10),
        log_level=LogLevel.WARN,
    )


def of_all(name: str) -> Callable[[Configuration], object]:
    """The field of every listener."""
    return lambda configuration: [getattr(each, name) for each in configuration.listeners]


TLS = "true\nnetwork.tls_certificate_path = 'c'\nnetwork.tls_private_key_path = 'k'"
TRUSTED = "network.trusted_proxies = ['10.0.0.0/8']"
# As the files of the other trackers have them; the rest of what is common has other defaults here.
SHARED = ("log_level", "privileges.", "access_list.", "downloads.", "cpu_pinning.")
MEANINGS: dict[str, Meaning] = {
    **{name: meaning for name, meaning in COMMON_MEANINGS.items() if name.startswith(SHARED)},
    "socket_workers": ("0", lambda c: c.workers.stream_count, 0),
    "network.address": (
        '"[::1]:1"',
        lambda c: c.listeners,
        (listener("[::1]:1", protocols=WS, ipv6_only=False),),
    ),
    "network.only_ipv6": (
        'true\nnetwork.address = "[::]:1"',
        lambda c: c.listeners,
        (listener("[::]:1", protocols=WS, ipv6_only=True),),
    ),
    # The other trackers' newest layout is read too.
    "network.use_ipv4": ("false", lambda c: c.listeners, (listener("[::]:3000", protocols=WS),)),
    "network.use_ipv6": ("false", lambda c: c.listeners, (listener("0.0.0.0:3000", protocols=WS),)),
    "network.address_ipv4": ('"127.0.0.1:0"', lambda c: str(c.listeners[0].address), "127.0.0.1:0"),
    "network.address_ipv6": ('"[::1]:0"', lambda c: str(c.listeners[-1].address), "[::1]:0"),
    "network.set_only_ipv6": ("true", lambda c: c.listeners[-1].ipv6_only, True),
    "network.tcp_backlog": ("9", of_all("backlog_connections"), [9]),
    "network.enable_tls": (TLS, of_all("tls"), [True]),
    "network.tls_certificate_path": ("'c'", of_all("tls_certificate_path"), ["c"]),
    "network.tls_private_key_path": ("'k'", of_all("tls_private_key_path"), ["k"]),
    "network.websocket_max_message_size": ("9000", lambda c: c.ws.message_bytes_max, 9_000),
    "network.websocket_max_frame_size": ("9000", lambda c: c.ws.frame_bytes_max, 9_000),
    "network.enable_http_health_checks": ("true", of_all("health_page"), [True]),
    "network.runs_behind_reverse_proxy": (f"true\n{TRUSTED}", of_all("proxy_header"), [True]),
    "network.reverse_proxy_ip_header_name": ("'X-Real-IP'", of_all("proxy_header_name"), ["X-Real-IP"]),
    "network.trusted_proxies": ("['::1']", of_all("trusted_proxies"), [(ip_network("::1/128"),)]),
    "protocol.max_scrape_torrents": ("9", lambda c: c.ws.scrape_torrents_max, 9),
    "protocol.max_offers": ("9", lambda c: c.ws.offers_max, 9),
    "protocol.peer_announce_interval": ("9", lambda c: c.ws.announce_interval_seconds, 9),
    "cleaning.max_peer_age": ("9", lambda c: c.ws.peer_age_seconds_max, 9),
    "cleaning.max_offer_age": ("9", lambda c: c.ws.offer_age_seconds_max, 9),
    "cleaning.connection_cleaning_interval": ("9", lambda c: c.ws.cleaning_interval_seconds, 9),
    "cleaning.max_connection_idle": ("9", lambda c: c.ws.idle_seconds_max, 9),
    "cleaning.close_after_tls_update_grace_period": ("9", lambda c: c.ws.tls_grace_seconds, 9),
    "metrics.run_prometheus_endpoint": ("true", lambda c: c.statistics.prometheus, True),
    "metrics.prometheus_endpoint_address": (
        '"[::1]:9"',
        lambda c: c.statistics.prometheus_address,
        SocketAddress.parse("[::1]:9"),
    ),
    "metrics.torrent_count_update_interval": ("9", lambda c: c.statistics.interval_seconds, 9),
    "metrics.peer_clients": ("true", lambda c: c.statistics.peer_clients, True),
    "metrics.peer_id_prefixes": (
        "true\nmetrics.peer_clients = true",
        lambda c: c.statistics.prometheus_peer_id_prefixes,
        True,
    ),
    "metrics.print_to_stdout": ("true", lambda c: c.statistics.standard_output, True),
    "metrics.response_latency": ("true", lambda c: c.statistics.response_latency, True),
    "limits.max_memory_bytes": ("9", lambda c: c.ws.memory_bytes_max, 9),
    "limits.max_torrents_per_connection": ("9", lambda c: c.ws.torrents_per_connection_max, 9),
    "limits.max_output_bytes": ("60000", lambda c: c.ws.output_bytes_max, 60_000),
    "limits.max_connections_per_worker": ("999", lambda c: c.connections.per_worker_max, 999),
    "limits.max_connections_per_address": ("0", lambda c: c.connections.per_address_max, 0),
    "limits.max_new_connections_per_address_per_second": (
        "0",
        lambda c: c.connections.new_per_address_per_second_max,
        0,
    ),
    "limits.max_handshake_seconds": ("9", lambda c: c.connections.handshake_seconds_max, 9),
    "limits.max_header_seconds": ("9", lambda c: c.connections.header_seconds_max, 9),
    "limits.max_header_bytes": ("9000", lambda c: c.connections.header_bytes_max, 9_000),
    "limits.max_connections_memory_bytes": (f"{1 << 20}", lambda c: c.connections.memory_bytes_max, 1 << 20),
}
WITHOUT_MEANING = {
    "swarm_workers",
    "network.websocket_write_buffer_size",
    "network.reverse_proxy_ip_header_format",  # there is but one
    "cleaning.torrent_cleaning_interval",
}


@pytest.mark.parametrize("name", MEANINGS)
def test_what_a_key_means(name: str) -> None:
    check_meaning(WS_FORMAT.load, name, MEANINGS[name])


def test_every_key_is_tested_for_its_meaning() -> None:
    assert MEANINGS.keys() | WITHOUT_MEANING == {key.name for key in WS_FORMAT.known_keys}


PROBLEMS = [
    (
        "[protocol]\nmax_peers = 3",
        ["t:2: protocol.max_peers: unknown key; did you mean protocol.max_offers?"],
    ),
    (
        "[network]\naddress = '[::]:1'\nuse_ipv4 = true",
        [
            "t:2: network.address: is of the layout of aquatic 0.9.0, but network.use_ipv4 on line 3 is of"
            " the newest layout: use the keys of one of them"
        ],
    ),
    (
        "[network]\nonly_ipv6 = true",
        ['t:2: network.only_ipv6: needs an IPv6 address, network.address is "0.0.0.0:3000"'],
    ),
    # Whom the Rust aquatic_http would believe unasked.
    (
        "[network]\nruns_behind_reverse_proxy = true",
        ["t:2: network.trusted_proxies must not be empty while network.runs_behind_reverse_proxy is on"],
    ),
    (
        "[metrics]\npeer_id_prefixes = true",
        ["t:2: metrics.peer_id_prefixes needs metrics.peer_clients to be on"],
    ),
    (
        "[protocol]\nmax_offers = -1\n[network]\nwebsocket_max_frame_size = 9",
        [
            "t:2: protocol.max_offers: -1 is not within 0 to 2,147,483,647",
            "t:4: network.websocket_max_frame_size: 9 is not within 1,024 to 2,147,483,647",
        ],
    ),
]


@pytest.mark.parametrize(("text", "problems"), PROBLEMS)
def test_what_is_wrong_with_a_file(text: str, problems: list[str]) -> None:
    assert problems_of(text) == problems


WARNINGS = [
    ("", []),
    (RECORDED.read_text(), []),
    ("swarm_workers = 2", ["t:1: swarm_workers has no effect: every worker serves all torrents"]),
    (
        "network.websocket_write_buffer_size = 1",
        [
            "t:1: network.websocket_write_buffer_size has no effect: messages wait only for who is slow to"
            " read them"
        ],
    ),
    (
        "cleaning.torrent_cleaning_interval = 31",
        ["t:1: cleaning.torrent_cleaning_interval has no effect: peers are cleaned with their connections"],
    ),
    # The Rust tracker refuses a health check beside TLS.
    (f"network.enable_tls = {TLS}\nnetwork.enable_http_health_checks = true", []),
    (
        "[cleaning]\nmax_peer_age = 120\nmax_connection_idle = 120",
        [
            "t:2: protocol.peer_announce_interval is not below cleaning.max_peer_age: peers are forgotten"
            " before they announce again",
            "t:3: cleaning.max_connection_idle is not above protocol.peer_announce_interval: connections are"
            " closed before their clients announce again",
        ],
    ),
    ("[cleaning]\nmax_peer_age = 121\nmax_connection_idle = 121", []),
    (
        "limits.max_output_bytes = 50000",
        [
            "t:1: protocol.max_scrape_torrents: 255 torrents do not fit limits.max_output_bytes, answers"
            " carry at most 231"
        ],
    ),
    (
        "limits.max_connections_per_worker = 256",
        [
            "t:1: limits.max_connections_per_address is not below limits.max_connections_per_worker: one"
            " address can take them all"
        ],
    ),
]


@pytest.mark.parametrize(("text", "warnings"), WARNINGS)
def test_what_is_warned_of(text: str, warnings: list[str]) -> None:
    assert warnings_of(text) == warnings


def test_what_is_beyond_our_bounds_is_brought_down() -> None:
    text = (
        "[network]\nwebsocket_max_message_size = 65537\nwebsocket_max_frame_size = 1000000\n"
        "[protocol]\nmax_scrape_torrents = 256\nmax_offers = 65"
    )
    loaded = load_text(text)
    assert loaded.configuration.ws == WsAnswers(offers_max=64)
    assert [str(warning) for warning in loaded.warnings] == [
        "t:2: network.websocket_max_message_size: 65,537 is taken for 65,536, the most that is possible",
        "t:3: network.websocket_max_frame_size: 1,000,000 is taken for 65,512, the most that is possible",
        "t:5: protocol.max_scrape_torrents: 256 is taken for 255, the most that is possible",
        "t:6: protocol.max_offers: 65 is taken for 64, the most that is possible",
    ]
    # What is printed is what is done.
    assert load_text(print_loaded(loaded, "again")).configuration == loaded.configuration


@pytest.mark.parametrize(
    "text", ["", RECORDED.read_text(), "network.use_ipv6 = false", f"network.enable_tls = {TLS}"]
)
def test_a_printed_configuration_reads_as_the_same(text: str) -> None:
    loaded = load_text(text)
    again = load_text(print_loaded(loaded, "again"))
    assert (again.configuration, again.keys) == (loaded.configuration, loaded.keys)
