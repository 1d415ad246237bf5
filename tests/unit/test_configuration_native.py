"""The native file: `[[listen]]` tables, what a table each means, and what is said about a bad file."""

import functools
import tomllib
from ipaddress import ip_network

import pytest

from aquatic.control.model import LISTENERS_MAX, ORIGINS_MAX, Configuration, Protocol
from aquatic.control.native import DEFAULT_LISTENERS, LISTEN, NATIVE_KEYS, load_native
from aquatic.control.printing import print_loaded
from tests.support import configurations
from tests.support.configurations import dotted, listener

UDP, HTTP, WS = (Protocol.UDP,), (Protocol.HTTP,), (Protocol.WS,)

load_text = functools.partial(configurations.load_text, load_native)
problems_of = functools.partial(configurations.problems_of, load_native)
warnings_of = functools.partial(configurations.warnings_of, load_native)


@pytest.mark.parametrize("text", ["", "[swarm]\n"])
def test_without_listen_every_protocol_is_served(text: str) -> None:
    configuration = load_text(text).configuration
    assert configuration == Configuration(listeners=DEFAULT_LISTENERS)
    assert {protocol for each in DEFAULT_LISTENERS for protocol in each.protocols} == set(Protocol)
    assert warnings_of(text) == []


LISTEN_TEXT = """
[[listen]]
address = "127.0.0.1:1"

[[listen]]
address = "[::]:2"
protocols = ["http"]
ipv6_only = false
backlog_connections = 9
tls = true
tls_certificate_path = "c"
tls_private_key_path = "k"
keep_alive = false
health_page = true
proxy_protocol = true
trusted_proxies = ["10.0.0.0/8", "::1"]

[[listen]]
protocols = ["http"]
proxy_header = true
proxy_header_name = "X-Real-IP"
proxy_header_format = "last_address"
trusted_proxies = ["::1"]

[[listen]]
address = "[::]:3"
protocols = ["ws", "http"]
allowed_origins = ["https://a.example", "http://[::1]:8000", "chrome-extension://abc", "null"]
"""
LISTENERS = (
    listener("127.0.0.1:1"),
    listener(
        "[::]:2",
        protocols=HTTP,
        ipv6_only=False,
        backlog_connections=9,
        tls=True,
        tls_certificate_path="c",
        tls_private_key_path="k",
        keep_alive=False,
        health_page=True,
        proxy_protocol=True,
        trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("::1/128")),
    ),
    listener(
        "0.0.0.0:3000",
        protocols=HTTP,
        proxy_header=True,
        proxy_header_name="X-Real-IP",
        trusted_proxies=(ip_network("::1/128"),),
    ),
    listener(
        "[::]:3",
        protocols=(Protocol.WS, Protocol.HTTP),
        allowed_origins=("https://a.example", "http://[::1]:8000", "chrome-extension://abc", "null"),
    ),
)


def test_what_is_listened_on() -> None:
    assert load_text(LISTEN_TEXT).configuration == Configuration(listeners=LISTENERS)


def test_a_key_is_the_path_of_a_field() -> None:
    configuration = load_text(
        "[udp]\nannounce_interval_seconds = 1\n[http]\nannounce_interval_seconds = 2\n"
        "[ws]\nannounce_interval_seconds = 3\n"
        "[workers.cpu_pinning]\ncores = [3]"
    ).configuration
    assert configuration.udp.announce_interval_seconds == 1
    assert configuration.http.announce_interval_seconds == 2
    assert configuration.ws.announce_interval_seconds == 3
    assert configuration.workers.cpu_pinning.cores == (3,)


WS_TABLE = "[[listen]]\nprotocols = ['ws']\n"
HTTP_TABLE = "[[listen]]\nprotocols = ['http']\n"
PROBLEMS = [
    # Arrays of tables.
    (
        "[listen]\naddress = '0.0.0.0:1'",
        ["t:1: listen: expected tables, each below a line [[listen]], found a table"],
    ),
    ("listen = 3", ["t:1: listen: expected tables, each below a line [[listen]], found an integer"]),
    (
        "listen = [\n{ tls = 1 }, 'a']",
        [
            "t:1: listen.tls: expected a boolean, found an integer",
            "t:1: listen: expected tables, each below a line [[listen]], found a string",
        ],
    ),
    ("listen = []", ["t:1: listen: there is nothing to listen on"]),
    ("\n[[lisen]]", ["t:2: lisen: unknown table; did you mean listen?"]),
    ("[[listen]]\n[[swarm]]", ["t:2: swarm: expected a table, found an array"]),
    ("[[listen]]\n[listen.tls]\nx = 1", ["t:2: listen.tls: expected a boolean, found a table"]),
    ("[[listen]]\n[listen.proxy]", ["t:2: listen.proxy: unknown table"]),
    # Unknown keys, with the nearest of all tables.
    ("[[listen]]\nadress = 1", ["t:2: listen.adress: unknown key; did you mean listen.address?"]),
    ("keep_alive = true", ["t:1: keep_alive: unknown key; did you mean listen.keep_alive?"]),
    (
        "[[listen]]\nper_worker_max = 1",
        ["t:2: listen.per_worker_max: unknown key; did you mean connections.per_worker_max?"],
    ),
    (
        "[udp]\nannounce_interval_seconds_min = 1",
        [
            "t:2: udp.announce_interval_seconds_min: unknown key; did"
            " you mean http.announce_interval_seconds_min?"
        ],
    ),
    # The right table, and the right line.
    (
        "[[listen]]\naddress = '0.0.0.0:1'\n\n[[listen]]\n# a comment\naddress = 'localhost'\ntls = 1",
        [
            't:6: listen.address: "localhost": expected ADDRESS:PORT, such as "0.0.0.0:3000" or "[::]:3000"',
            "t:7: listen.tls: expected a boolean, found an integer",
        ],
    ),
    (
        "[[listen]]\nprotocols = ['udp']\n[[listen]]\nprotocols = ['http', 'tcp']",
        ['t:4: listen.protocols: "tcp" is none of "udp", "http", "ws"'],
    ),
    ("[[listen]]\nprotocols = 'udp'", ["t:2: listen.protocols: expected an array, found a string"]),
    # Listeners that can't be.
    ("[[listen]]\nprotocols = []", ["t:2: listen.protocols must not be empty"]),
    ("[[listen]]\nprotocols = ['http', 'http']", ["t:2: listen.protocols has a protocol twice"]),
    (
        "[[listen]]\nprotocols = ['udp', 'http']",
        ['t:2: listen.protocols: "udp" stands alone, the others need a table of their own'],
    ),
    (
        "[[listen]]\ntls = true\ntls_certificate_path = 'c'\ntls_private_key_path = 'k'",
        ["t:2: listen.tls: there is no TLS over UDP"],
    ),
    (
        "[[listen]]\n[[listen]]\nprotocols = ['http']\ntls = true",
        [
            "t:4: listen.tls_certificate_path must not be empty while listen.tls is on",
            "t:4: listen.tls_private_key_path must not be empty while listen.tls is on",
        ],
    ),
    (
        "[[listen]]\nprotocols = ['http']\nproxy_header = true\nproxy_protocol = true\ntrusted_proxies = ['::1']",
        [
            "t:3: listen.proxy_header and listen.proxy_protocol both tell the client's address: use one of"
            " them"
        ],
    ),
    (
        "[[listen]]\nprotocols = ['http']\nproxy_protocol = true",
        ["t:3: listen.trusted_proxies must not be empty while listen.proxy_protocol is on"],
    ),
    (
        "[[listen]]\nprotocols = ['http']\nproxy_header = true",
        ["t:3: listen.trusted_proxies must not be empty while listen.proxy_header is on"],
    ),
    *(
        (
            "[[listen]]\nprotocols = ['http']\nproxy_header = true\ntrusted_proxies = ['::1']\n"
            f"proxy_header_name = '{name}'",
            ["t:5: listen.proxy_header_name is not what a header can be called"],
        )
        for name in ("", "X:", "{0}", "ü", "x" * 65)
    ),
    (
        "[[listen]]\naddress = '0.0.0.0:1'\n[[listen]]\naddress = '0.0.0.0:1'\nprotocols = ['http']\n"
        "[[listen]]\naddress = '0.0.0.0:1'\n[[listen]]\naddress = '0.0.0.0:1'\nprotocols = ['http']",
        [
            "t:7: listen.address: udp 0.0.0.0:1 is listened on more than once",
            "t:9: listen.address: tcp 0.0.0.0:1 is listened on more than once",
        ],
    ),
    ("[[listen]]\n[[listen]]", ["t:2: listen.address: udp 0.0.0.0:3000 is listened on more than once"]),
    # Whose metrics are to be had where clients are served.
    *(
        (
            f"{HTTP_TABLE}address = '{address}'\nipv6_only = {ipv6_only}\n"
            f"[statistics]\nprometheus = true\nprometheus_address = '{metrics}'",
            [f"t:7: statistics.prometheus_address: {metrics} is taken by listen.address, {address}"],
        )
        for address, ipv6_only, metrics in (
            ("127.0.0.1:9", "true", "127.0.0.1:9"),
            ("0.0.0.0:9", "true", "127.0.0.1:9"),
            ("127.0.0.1:9", "true", "0.0.0.0:9"),
            ("127.0.0.1:9", "true", "[::]:9"),
            ("[::]:9", "true", "[::1]:9"),
            ("[::]:9", "false", "127.0.0.1:9"),
        )
    ),
    (
        "[statistics]\nprometheus = true\nprometheus_address = '[::1]:3000'",
        ["t:3: statistics.prometheus_address: [::1]:3000 is taken by listen, [::]:3000"],
    ),
    # Not where one of the two is not what the file says.
    (
        "[[listen]]\naddress = 1\n[[listen]]",
        ["t:2: listen.address: expected a string, found an integer"],
    ),
    (
        "[[listen]]\naddress = '0.0.0.0:0'\n" * (LISTENERS_MAX + 1),
        [f"t:1: listen: {LISTENERS_MAX + 1} for udp are more than {LISTENERS_MAX}"],
    ),
    (
        f"{HTTP_TABLE}trusted_proxies = {['::1'] * 257}\nproxy_header = true",
        ["t:3: listen.trusted_proxies: 257 networks are more than 256"],
    ),
    *(
        (
            f"{WS_TABLE}allowed_origins = [{origin!r}]",
            [
                f't:3: listen.allowed_origins: "{origin}": expected a site as browsers name it, such as'
                ' "https://example.org", or "null"'
            ],
        )
        for origin in (
            *("", "*", "example.org", "https://", "https://a.example/", "https://A.example"),
            *("https://a.example/b", "https://me@a.example", "https://ü.example", "https://a.example "),
        )
    ),
    (
        f"{WS_TABLE}allowed_origins = {['null'] * (ORIGINS_MAX + 1)}",
        [f"t:3: listen.allowed_origins: {ORIGINS_MAX + 1} are more than {ORIGINS_MAX}"],
    ),
    # Rules between other parts.
    (
        "[http]\nannounce_interval_seconds_min = 901",
        ["t:2: http.announce_interval_seconds_min is above http.announce_interval_seconds"],
    ),
    (
        "[http]\nlarge_swarm_announce_interval_seconds = 1\nlarge_swarm_peers_min = 1",
        ["t:2: http.large_swarm_announce_interval_seconds is below http.announce_interval_seconds"],
    ),
    ("connections.per_worker_max = 0", ["t:1: connections.per_worker_max: 0 is not within 1 to 1,048,576"]),
    # All at once, in the order of the lines.
    (
        "log_level = 'loud'\n[[listen]]\ntsl = true\n[[listen]]\nprotocols = ['http']\ntls = true\n[swarm]\nzzz = 1",
        [
            't:1: log_level: "loud" is none of "off", "error", "warn", "info", "debug", "trace"',
            "t:3: listen.tsl: unknown key; did you mean listen.tls?",
            "t:6: listen.tls_certificate_path must not be empty while listen.tls is on",
            "t:6: listen.tls_private_key_path must not be empty while listen.tls is on",
            "t:8: swarm.zzz: unknown key",
        ],
    ),
]


@pytest.mark.parametrize(("text", "problems"), PROBLEMS)
def test_what_is_wrong_with_a_file(text: str, problems: list[str]) -> None:
    assert problems_of(text) == problems


@pytest.mark.parametrize(
    ("protocol", "address", "metrics"),
    [
        ("udp", "0.0.0.0:9", "0.0.0.0:9"),
        ("http", "0.0.0.0:9", "0.0.0.0:8"),
        ("http", "0.0.0.0:0", "0.0.0.0:0"),
        ("http", "127.0.0.1:9", "127.0.0.2:9"),
        ("http", "[::]:9", "0.0.0.0:9"),
    ],
)
def test_metrics_beside_a_listener(protocol: str, address: str, metrics: str) -> None:
    listen = f"[[listen]]\nprotocols = ['{protocol}']\naddress = '{address}'\n"
    assert not warnings_of(f"{listen}[statistics]\nprometheus = true\nprometheus_address = '{metrics}'")


def test_where_nobody_serves_metrics_is_no_place() -> None:
    listen = f"{HTTP_TABLE}address = '127.0.0.1:9'\n[statistics]\nprometheus_address = '127.0.0.1:9'\n"
    assert not warnings_of(listen)
    assert len(warnings_of(f"{listen}prometheus = true\ninterval_seconds = 0")) == 1


WARNINGS = [
    (LISTEN_TEXT, []),
    (
        "[[listen]]\nbacklog_connections = 1\nkeep_alive = false\nhealth_page = true",
        [
            "t:2: listen.backlog_connections has no effect over UDP",
            "t:3: listen.keep_alive has no effect over UDP",
            "t:4: listen.health_page has no effect over UDP",
        ],
    ),
    (
        f"{HTTP_TABLE}receive_buffer_bytes = 1",
        ["t:3: listen.receive_buffer_bytes has no effect but over UDP"],
    ),
    (
        f"{HTTP_TABLE}tls_certificate_path = 'c'\ntls_private_key_path = 'k'\nproxy_header_name = 'x'",
        [
            "t:3: listen.tls_certificate_path has no effect because listen.tls is off",
            "t:4: listen.tls_private_key_path has no effect because listen.tls is off",
            "t:5: listen.proxy_header_name has no effect because listen.proxy_header is off",
        ],
    ),
    (
        f"{HTTP_TABLE}trusted_proxies = ['::1']",
        ["t:3: listen.trusted_proxies has no effect because proxies are not asked for the client's address"],
    ),
    (
        f"{HTTP_TABLE}trusted_proxies = ['::1', '0.0.0.0/0']\nproxy_protocol = true",
        [
            "t:4: listen.proxy_protocol: everybody is in listen.trusted_proxies, so whoever connects can claim"
            " any address"
        ],
    ),
    (
        "[[listen]]\nallowed_origins = ['null']",
        ["t:2: listen.allowed_origins has no effect over UDP"],
    ),
    (
        f"{HTTP_TABLE}allowed_origins = ['null']",
        ["t:3: listen.allowed_origins has no effect but over WebSocket"],
    ),
    (
        f"{WS_TABLE}[ws]\nannounce_interval_seconds = 180",
        [
            "t:4: ws.announce_interval_seconds is not below ws.peer_age_seconds_max: peers are forgotten"
            " before they announce again",
            "t:4: ws.idle_seconds_max is not above ws.announce_interval_seconds: connections are closed"
            " before their clients announce again",
        ],
    ),
    ("[[listen]]\n[ws]\nannounce_interval_seconds = 180", []),
    (
        f"{WS_TABLE}[connections]\nper_worker_max = 256",
        [
            "t:4: connections.per_address_max is not below connections.per_worker_max: one address can take"
            " them all"
        ],
    ),
    (f"{HTTP_TABLE}[http]\nresponse_peers_max = 255", []),
    (
        f"{HTTP_TABLE}[http]\nresponse_peers_max = 256\nscrape_torrents_max = 101",
        [
            "t:4: http.response_peers_max: 256 peers do not fit connections.output_bytes_max, responses"
            " carry at most 255",
            "t:5: http.scrape_torrents_max: 101 percent-encoded info hashes do not fit"
            " connections.header_bytes_max, requests have at most 100",
        ],
    ),
    (
        f"{HTTP_TABLE}[http]\nscrape_torrents_max = 122\n[connections]\nheader_bytes_max = 65536",
        [
            "t:4: http.scrape_torrents_max: 122 torrents do not fit connections.output_bytes_max, responses"
            " carry at most 121"
        ],
    ),
    # Only what is spoken is looked at.
    ("[[listen]]\n[http]\nresponse_peers_max = 1058", []),
    (f"{HTTP_TABLE}[udp]\nresponse_peers_max = 1058", []),
    (
        "[[listen]]\naddress = '0.0.0.0:1'\n[[listen]]\naddress = '[::]:1'\nprotocols = ['http']\n"
        "[udp]\nresponse_peers_max = 77",
        [],
    ),
    (
        "[swarm]\npeer_age_seconds_max = 900",
        [
            "t:2: udp.announce_interval_seconds is not below swarm.peer_age_seconds_max: peers are forgotten"
            " before they announce again",
            "t:2: http.announce_interval_seconds is not below swarm.peer_age_seconds_max: peers are forgotten"
            " before they announce again",
        ],
    ),
    ("[http]\nannounce_interval_jitter_seconds = 299", []),
    (
        "[http]\nannounce_interval_jitter_seconds = 300\nlarge_swarm_peers_min = 1",
        [
            "t:2: http.announce_interval_seconds with http.announce_interval_jitter_seconds is not below"
            " swarm.peer_age_seconds_max: peers are forgotten before they announce again",
            "t:2: http.large_swarm_announce_interval_seconds with http.announce_interval_jitter_seconds is"
            " not below swarm.peer_age_seconds_max: peers are forgotten before they announce again",
        ],
    ),
    (
        "[connections]\nper_worker_max = 256",
        [
            "t:2: connections.per_address_max is not below connections.per_worker_max: one address can take"
            " them all"
        ],
    ),
    ("[connections]\nper_worker_max = 257", []),
]


@pytest.mark.parametrize(("text", "warnings"), WARNINGS)
def test_what_is_warned_of(text: str, warnings: list[str]) -> None:
    assert warnings_of(text) == warnings


@pytest.mark.parametrize(
    "text", ["", LISTEN_TEXT, "workers.cpu_pinning.cores = [3, 1]\naccess_list.path = 'ü\"'"]
)
def test_a_printed_configuration_reads_as_the_same(text: str) -> None:
    loaded = load_text(text)
    printed = print_loaded(loaded, "again")
    assert load_text(printed).configuration == loaded.configuration
    assert print_loaded(load_text(printed), "again") == printed


def test_every_key_is_printed_with_a_comment_and_other_listeners_in_short() -> None:
    printed = print_loaded(load_text(""), "heading")
    tables = tomllib.loads(printed)
    first, *others = tables.pop("listen")
    assert dotted(tables).keys() == {key.name for key in NATIVE_KEYS}
    assert list(first) == [key.name for key in LISTEN.keys]
    assert others == [
        {"address": "[::]:3000", "protocols": ["udp"]},
        {"address": "0.0.0.0:3000", "protocols": ["http", "ws"]},
        {"address": "[::]:3000", "protocols": ["http", "ws"]},
    ]
    explained = printed.partition("[[listen]]\naddress")[0] + printed[printed.index("[swarm]") :]
    previous = ""
    for line in explained.splitlines():
        if "=" in line and not line.startswith("#"):
            assert previous.startswith("# "), line
        previous = line


def test_every_number_is_bounded() -> None:
    numbers = [
        key.setting for key in (*NATIVE_KEYS, *LISTEN.keys) if key.setting.kind in (int, tuple[int, ...])
    ]
    assert all(setting.minimum is not None and setting.maximum is not None for setting in numbers)
