"""The Rust aquatic_http's files: what each key means in the model, and what is said about a bad file."""

import functools
import tomllib
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from aquatic.control.compat import Layout
from aquatic.control.compat_http import EVERYBODY, HTTP_FORMAT
from aquatic.control.model import (
    Configuration,
    Connections,
    HttpAnswers,
    LogLevel,
    Protocol,
    Statistics,
    Swarm,
)
from aquatic.control.socket_address import SocketAddress
from tests.support import configurations
from tests.support.configurations import COMMON_MEANINGS, Meaning, check_meaning, dotted, listener

DATA = Path(__file__).parent / "data"
NEWEST, RELEASED = DATA / "aquatic-http-newest.toml", DATA / "aquatic-http-0.9.0.toml"
HTTP = (Protocol.HTTP,)

load_text = functools.partial(configurations.load_text, HTTP_FORMAT.load)
problems_of = functools.partial(configurations.problems_of, HTTP_FORMAT.load)
warnings_of = functools.partial(configurations.warnings_of, HTTP_FORMAT.load)


@pytest.mark.parametrize(("layout", "path"), [(Layout.NEWEST, NEWEST), (Layout.RELEASED, RELEASED)])
def test_the_defaults_are_those_of_the_rust_tracker(layout: Layout, path: Path) -> None:
    recorded = dotted(tomllib.loads(path.read_text()))
    keys = HTTP_FORMAT.layout_keys(layout)
    defaults = {key.name: key.setting.write(key.setting.default) for key in keys if not key.is_addition}
    assert defaults == recorded


@pytest.mark.parametrize(
    ("text", "listeners"),
    [
        ("", ["0.0.0.0:3000", "[::]:3000"]),
        (NEWEST.read_text(), ["0.0.0.0:3000", "[::]:3000"]),
        (RELEASED.read_text(), ["0.0.0.0:3000"]),
    ],
    ids=["empty", "newest", "released"],
)
def test_the_default_configuration(text: str, listeners: list[str]) -> None:
    ipv6_only = "only_ipv6 = false" not in text
    assert load_text(text).configuration == Configuration(
        listeners=tuple(listener(each, protocols=HTTP, ipv6_only=ipv6_only) for each in listeners),
        http=HttpAnswers(
            announce_interval_seconds=120, large_swarm_announce_interval_seconds=240, scrape_torrents_max=100
        ),
        swarm=Swarm(peer_age_seconds_max=1800, cleaning_interval_seconds=30),
        connections=Connections(idle_seconds_max=180),
        statistics=Statistics(interval_seconds=10),
        log_level=LogLevel.WARN,
    )


def of_all(name: str) -> Callable[[Configuration], object]:
    """The field of every listener."""
    return lambda configuration: [getattr(each, name) for each in configuration.listeners]


TLS = "true\nnetwork.tls_certificate_path = 'c'\nnetwork.tls_private_key_path = 'k'"
MEANINGS: dict[str, Meaning] = {
    "socket_workers": ("0", lambda c: c.workers.stream_count, 0),
    "network.tcp_backlog": ("9", of_all("backlog_connections"), [9, 9]),
    "network.enable_tls": (TLS, of_all("tls"), [True, True]),
    "network.tls_certificate_path": ("'c'", of_all("tls_certificate_path"), ["c", "c"]),
    "network.tls_private_key_path": ("'k'", of_all("tls_private_key_path"), ["k", "k"]),
    "network.keep_alive": ("false", of_all("keep_alive"), [False, False]),
    "network.runs_behind_reverse_proxy": (
        "true",
        lambda c: [(each.proxy_header, each.trusted_proxies) for each in c.listeners],
        [(True, EVERYBODY)] * 2,
    ),
    "network.reverse_proxy_ip_header_name": ("'X-Real-IP'", of_all("proxy_header_name"), ["X-Real-IP"] * 2),
    "network.trusted_proxies": (
        "['10.0.0.0/8', '::1']\nnetwork.runs_behind_reverse_proxy = true",
        of_all("trusted_proxies"),
        [(ip_network("10.0.0.0/8"), ip_network("::1/128"))] * 2,
    ),
    "network.enable_http_health_checks": ("true", of_all("health_page"), [True, True]),
    "protocol.max_scrape_torrents": ("9", lambda c: c.http.scrape_torrents_max, 9),
    "protocol.max_peers": ("9", lambda c: c.http.response_peers_max, 9),
    "protocol.peer_announce_interval": ("9", lambda c: c.http.announce_interval_seconds, 9),
    "protocol.min_announce_interval": ("9", lambda c: c.http.announce_interval_seconds_min, 9),
    "protocol.announce_interval_jitter": ("9", lambda c: c.http.announce_interval_jitter_seconds, 9),
    "protocol.large_swarm_peers": ("9", lambda c: c.http.large_swarm_peers_min, 9),
    "protocol.large_swarm_announce_interval": (
        "9",
        lambda c: c.http.large_swarm_announce_interval_seconds,
        9,
    ),
    "protocol.not_allowed_retry_minutes": ("9", lambda c: c.http.not_allowed_retry_minutes, 9),
    "cleaning.torrent_cleaning_interval": ("9", lambda c: c.swarm.cleaning_interval_seconds, 9),
    "cleaning.max_peer_age": ("9", lambda c: c.swarm.peer_age_seconds_max, 9),
    "cleaning.max_connection_idle": ("9", lambda c: c.connections.idle_seconds_max, 9),
    "metrics.run_prometheus_endpoint": ("true", lambda c: c.statistics.prometheus, True),
    "metrics.prometheus_endpoint_address": (
        '"[::1]:9"',
        lambda c: c.statistics.prometheus_address,
        SocketAddress.parse("[::1]:9"),
    ),
    "metrics.torrent_count_update_interval": ("9", lambda c: c.statistics.interval_seconds, 9),
    "metrics.torrent_peer_histograms": ("true", lambda c: c.statistics.peers_per_torrent, True),
    "metrics.print_to_stdout": ("true", lambda c: c.statistics.standard_output, True),
    "metrics.response_latency": ("true", lambda c: c.statistics.response_latency, True),
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
    "limits.max_output_bytes": ("9000", lambda c: c.connections.output_bytes_max, 9_000),
    "limits.max_connections_memory_bytes": (f"{1 << 20}", lambda c: c.connections.memory_bytes_max, 1 << 20),
}
WITHOUT_MEANING = {
    "swarm_workers",
    "cleaning.connection_cleaning_interval",
    "network.reverse_proxy_ip_header_format",  # there is but one
}


@pytest.mark.parametrize("name", MEANINGS)
def test_what_a_key_means(name: str) -> None:
    check_meaning(HTTP_FORMAT.load, name, MEANINGS[name])


def test_every_key_is_tested_for_its_meaning() -> None:
    known = {key.name for key in HTTP_FORMAT.known_keys}
    assert MEANINGS.keys() | WITHOUT_MEANING == known - COMMON_MEANINGS.keys()
    assert not MEANINGS.keys() & WITHOUT_MEANING


PROBLEMS = [
    (
        "[protocol]\nmax_response_peers = 3",
        ["t:2: protocol.max_response_peers: unknown key; did you mean protocol.max_peers?"],
    ),
    ("[statistics]\ninterval = 1", ["t:1: statistics: unknown table"]),
    (
        "[network]\naddress = '[::]:1'\nuse_ipv4 = true",
        [
            "t:2: network.address: is of the layout of aquatic 0.9.0, but network.use_ipv4 on line 3 is of"
            " the newest layout: use the keys of one of them"
        ],
    ),
    (
        "[network]\nenable_tls = true",
        [
            "t:2: network.tls_certificate_path must not be empty while network.enable_tls is on",
            "t:2: network.tls_private_key_path must not be empty while network.enable_tls is on",
        ],
    ),
    (
        "[network]\nenable_tls = true\ntls_certificate_path = ''\ntls_private_key_path = 'k'",
        ["t:3: network.tls_certificate_path must not be empty while network.enable_tls is on"],
    ),
    (
        "[network]\nreverse_proxy_ip_header_format = 'first_address'",
        ['t:2: network.reverse_proxy_ip_header_format: "first_address" is none of "last_address"'],
    ),
    (
        "[network]\nruns_behind_reverse_proxy = true\nreverse_proxy_ip_header_name = 'X Forwarded'",
        ["t:3: network.reverse_proxy_ip_header_name is not what a header can be called"],
    ),
    (
        "[network]\ntrusted_proxies = ['10.0.0.0/8', '10.0.0.1/8']",
        [
            't:2: network.trusted_proxies: "10.0.0.1/8": has bits set beyond its length; the network is'
            ' "10.0.0.0/8"'
        ],
    ),
    (
        "[network]\ntrusted_proxies = ['proxy.example']",
        [
            't:2: network.trusted_proxies: "proxy.example": expected ADDRESS/LENGTH, such as "10.0.0.0/8"'
            ' or "fd00::/8"'
        ],
    ),
    (
        "[network]\ntrusted_proxies = [1]",
        ["t:2: network.trusted_proxies: expected a string, found an integer"],
    ),
    ("[network]\ntcp_backlog = 0", ["t:2: network.tcp_backlog: 0 is not within 1 to 2,147,483,647"]),
    (
        "[protocol]\nmin_announce_interval = 121",
        ["t:2: protocol.min_announce_interval is above protocol.peer_announce_interval"],
    ),
    (
        "[protocol]\npeer_announce_interval = 600\nlarge_swarm_peers = 1",
        ["t:2: protocol.large_swarm_announce_interval is below protocol.peer_announce_interval"],
    ),
    (
        "[metrics]\ntorrent_count_update_interval = 0",
        ["t:2: metrics.torrent_count_update_interval: 0 is not within 1 to 86,400"],
    ),
    (
        "network.use_ipv4 = false\nmetrics.run_prometheus_endpoint = true\n"
        "metrics.prometheus_endpoint_address = '[::1]:3000'",
        ["t:3: metrics.prometheus_endpoint_address: [::1]:3000 is taken by network.address_ipv6, [::]:3000"],
    ),
    (
        "network.address = '0.0.0.0:9000'\n[metrics]\nrun_prometheus_endpoint = true",
        ["t:1: metrics.prometheus_endpoint_address: 0.0.0.0:9000 is taken by network.address, 0.0.0.0:9000"],
    ),
]


@pytest.mark.parametrize(("text", "problems"), PROBLEMS)
def test_what_is_wrong_with_a_file(text: str, problems: list[str]) -> None:
    assert problems_of(text) == problems


WARNINGS = [
    (NEWEST.read_text(), []),
    (RELEASED.read_text(), []),
    ("swarm_workers = 2", ["t:1: swarm_workers has no effect: every worker serves all torrents"]),
    (
        "cleaning.connection_cleaning_interval = 61",
        [
            "t:1: cleaning.connection_cleaning_interval has no effect: connections are closed when their time"
            " is over"
        ],
    ),
    (
        "[network]\nruns_behind_reverse_proxy = true",
        [
            "t:2: network.runs_behind_reverse_proxy: everybody is in network.trusted_proxies, so whoever"
            " connects can claim any address"
        ],
    ),
    ("network = { runs_behind_reverse_proxy = true, trusted_proxies = ['::1'] }", []),
    (
        "[network]\ntls_certificate_path = 'c'\nreverse_proxy_ip_header_name = 'X-Real-IP'",
        [
            "t:2: network.tls_certificate_path has no effect because network.enable_tls is off",
            "t:3: network.reverse_proxy_ip_header_name has no effect because"
            " network.runs_behind_reverse_proxy is off",
        ],
    ),
    # UDP's own interval is longer than this, and does not matter.
    ("cleaning.max_peer_age = 121", []),
    (
        "protocol.announce_interval_jitter = 1\ncleaning.max_peer_age = 121",
        [
            "t:2: protocol.peer_announce_interval with protocol.announce_interval_jitter is not below"
            " cleaning.max_peer_age: peers are forgotten before they announce again"
        ],
    ),
]


@pytest.mark.parametrize(("text", "warnings"), WARNINGS)
def test_what_is_warned_of(text: str, warnings: list[str]) -> None:
    assert warnings_of(text) == warnings
