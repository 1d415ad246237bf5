"""The Rust tracker's files: what each key means in the model, and what is said about a bad file."""

import functools
import tomllib
from pathlib import Path

import pytest

from aquatic.control.answer_sizes import RESPONSE_BYTES_MAX, announce_peers_fitting, scrape_torrents_fitting
from aquatic.control.compat import Layout
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.model import (
    Configuration,
)
from aquatic.control.printing import print_loaded
from aquatic.control.rules import contradictions
from aquatic.control.setting import setting_of
from aquatic.control.socket_address import SocketAddress
from tests.support import configurations
from tests.support.configurations import COMMON_MEANINGS, CORES, Meaning, check_meaning, dotted, listener

DATA = Path(__file__).parent / "data"
NEWEST, RELEASED = DATA / "aquatic-udp-newest.toml", DATA / "aquatic-udp-0.9.0.toml"


load_text = functools.partial(configurations.load_text, UDP_FORMAT.load)
problems_of = functools.partial(configurations.problems_of, UDP_FORMAT.load)
warnings_of = functools.partial(configurations.warnings_of, UDP_FORMAT.load)


def test_the_defaults_are_those_of_the_newest_layout() -> None:
    recorded = dotted(tomllib.loads(NEWEST.read_text()))
    printed = dotted(tomllib.loads(print_loaded(load_text(""), "default")))
    additions = {key.name for key in UDP_FORMAT.known_keys if key.is_addition}
    assert {name: value for name, value in printed.items() if name not in additions} == recorded
    assert additions <= printed.keys()


def test_the_defaults_are_those_of_the_released_layout() -> None:
    recorded = dotted(tomllib.loads(RELEASED.read_text()))
    defaults = {
        key.name: key.setting.write(key.setting.default) for key in UDP_FORMAT.layout_keys(Layout.RELEASED)
    }
    assert {name: defaults[name] for name in recorded} == recorded
    later = {
        key.name for key in UDP_FORMAT.known_keys if key.is_addition or key.name.startswith("scrape_exports.")
    }
    assert defaults.keys() == recorded.keys() | later


@pytest.mark.parametrize("text", ["", NEWEST.read_text()], ids=["empty", "newest"])
def test_the_default_configuration(text: str) -> None:
    configuration = load_text(text).configuration
    assert configuration == Configuration(listeners=(listener("0.0.0.0:3000"), listener("[::]:3000")))


def test_the_default_configuration_of_the_released_layout() -> None:
    loaded = load_text(RELEASED.read_text())
    assert loaded.keys == UDP_FORMAT.layout_keys(Layout.RELEASED)
    assert loaded.configuration == Configuration(listeners=(listener("0.0.0.0:3000", ipv6_only=False),))


MEANINGS: dict[str, Meaning] = {
    "socket_workers": ("0", lambda c: c.workers.udp_count, 0),
    "network.socket_recv_buffer_size": ("0", lambda c: [x.receive_buffer_bytes for x in c.listeners], [0, 0]),
    "network.poll_timeout_ms": ("9", lambda c: c.workers.poll_timeout_ms, 9),
    "network.resend_buffer_max_len": ("9", lambda c: c.workers.resend_responses_max, 9),
    "network.reuseport_steering": ("true", lambda c: c.workers.reuseport_steering, True),
    "protocol.max_scrape_torrents": ("9", lambda c: c.udp.scrape_torrents_max, 9),
    "protocol.max_response_peers": ("9", lambda c: c.udp.response_peers_max, 9),
    "protocol.peer_announce_interval": ("9", lambda c: c.udp.announce_interval_seconds, 9),
    "statistics.interval": ("0", lambda c: c.statistics.interval_seconds, 0),
    "statistics.torrent_peer_histograms": ("true", lambda c: c.statistics.peers_per_torrent, True),
    "statistics.peer_clients": ("true", lambda c: c.statistics.peer_clients, True),
    "statistics.print_to_stdout": ("true", lambda c: c.statistics.standard_output, True),
    "statistics.write_html_to_file": ("true", lambda c: c.statistics.html_file, True),
    "statistics.html_file_path": ('"./a"', lambda c: c.statistics.html_file_path, "./a"),
    "statistics.run_prometheus_endpoint": ("true", lambda c: c.statistics.prometheus, True),
    "statistics.prometheus_endpoint_address": (
        '"[::1]:9"',
        lambda c: c.statistics.prometheus_address,
        SocketAddress.parse("[::1]:9"),
    ),
    "statistics.prometheus_peer_id_prefixes": (
        "true\nstatistics.peer_clients = true",
        lambda c: c.statistics.prometheus_peer_id_prefixes,
        True,
    ),
    "statistics.response_latency": ("true", lambda c: c.statistics.response_latency, True),
    "cleaning.torrent_cleaning_interval": ("9", lambda c: c.swarm.cleaning_interval_seconds, 9),
    "cleaning.max_connection_age": ("9", lambda c: c.udp.connection_age_seconds_max, 9),
    "cleaning.max_peer_age": ("9", lambda c: c.swarm.peer_age_seconds_max, 9),
    "scrape_exports.enable_scrape_exports": ("true", lambda c: c.scrape_exports.enabled, True),
    "scrape_exports.frequency": ("0", lambda c: c.scrape_exports.cleanings_per_export, 0),
    "scrape_exports.path": ('"a"', lambda c: c.scrape_exports.path, "a"),
}
WITHOUT_MEANING = {"network.use_io_uring", "network.ring_size"}


@pytest.mark.parametrize("name", MEANINGS)
def test_what_a_key_means(name: str) -> None:
    check_meaning(UDP_FORMAT.load, name, MEANINGS[name])


def test_every_key_is_tested_for_its_meaning() -> None:
    known = {key.name for key in UDP_FORMAT.known_keys}
    assert MEANINGS.keys() | WITHOUT_MEANING == known - COMMON_MEANINGS.keys()
    assert not MEANINGS.keys() & WITHOUT_MEANING


PROBLEMS = [
    (
        "[network]\nmax_response_peers = 3",
        ["t:2: network.max_response_peers: unknown key; did you mean protocol.max_response_peers?"],
    ),
    (
        "protocol.max_scrape_torrents = 256",
        ["t:1: protocol.max_scrape_torrents: 256 is not within 0 to 255"],
    ),
    (
        "[network]\nset_only_ipv6 = true\naddress = '[::]:1'\nonly_ipv6 = true",
        [
            "t:3: network.address: is of the layout of aquatic 0.9.0, but network.set_only_ipv6 on line 2"
            " is of the newest layout: use the keys of one of them",
            "t:4: network.only_ipv6: is of the layout of aquatic 0.9.0, but network.set_only_ipv6 on line"
            " 2 is of the newest layout: use the keys of one of them",
        ],
    ),
    (
        "[statistics]\nprometheus_peer_id_prefixes = true",
        ["t:2: statistics.prometheus_peer_id_prefixes needs statistics.peer_clients to be on"],
    ),
    (
        "[statistics]\nwrite_html_to_file = true\nhtml_file_path = ''",
        ["t:3: statistics.html_file_path must not be empty while statistics.write_html_to_file is on"],
    ),
    (
        "[scrape_exports]\nenable_scrape_exports = true\npath = 'a.tmp'",
        ["t:3: scrape_exports.path must not end in .tmp, the name that the file has while incomplete"],
    ),
    # A contradiction that may come from a wrong value only is not reported beside it.
    (
        "[statistics]\nprometheus_peer_id_prefixes = true\npeer_clients = 1",
        ["t:3: statistics.peer_clients: expected a boolean, found an integer"],
    ),
]


@pytest.mark.parametrize(("text", "problems"), PROBLEMS)
def test_what_is_wrong_with_a_file(text: str, problems: list[str]) -> None:
    assert problems_of(text) == problems


NO_IO_URING = "t:1: network.use_io_uring has no effect: there is no io_uring here"
WARNINGS = [
    ("network.use_io_uring = true", [NO_IO_URING]),
    ("network.use_io_uring = false", []),
    ("network.ring_size = 128", []),
    (
        "network.ring_size = 256",
        ["t:1: network.ring_size has no effect: there is no io_uring here"],
    ),
    ("protocol.max_response_peers = 76\nprotocol.max_scrape_torrents = 116", []),
    (
        "protocol.max_response_peers = 77\nprotocol.max_scrape_torrents = 117",
        [
            "t:1: protocol.max_response_peers: 77 peers do not fit 1400 bytes, responses to IPv6 clients"
            " carry at most 76",
            "t:2: protocol.max_scrape_torrents: 117 torrents do not fit 1400 bytes, scrape responses carry"
            " at most 116",
        ],
    ),
    ("protocol.max_response_peers = 230\nnetwork.use_ipv6 = false", []),
    (
        "protocol.max_response_peers = 231\nnetwork.use_ipv6 = false",
        [
            "t:1: protocol.max_response_peers: 231 peers do not fit 1400 bytes, responses to IPv4 clients"
            " carry at most 230"
        ],
    ),
    (
        "protocol.max_response_peers = 231\nnetwork.address = '[::]:0'",
        [
            "t:1: protocol.max_response_peers: 231 peers do not fit 1400 bytes, responses to IPv4 clients"
            " carry at most 230",
            "t:1: protocol.max_response_peers: 231 peers do not fit 1400 bytes, responses to IPv6 clients"
            " carry at most 76",
        ],
    ),
    (
        "\ncleaning.max_peer_age = 900",
        [
            "t:2: protocol.peer_announce_interval is not below cleaning.max_peer_age: peers are forgotten"
            " before they announce again"
        ],
    ),
    (
        "[statistics]\ninterval = 0\nprint_to_stdout = true",
        ["t:3: statistics.print_to_stdout has no effect because statistics.interval is 0"],
    ),
    (
        "statistics.response_latency = true\nstatistics.peer_clients = true",
        [
            "t:1: statistics.response_latency has no effect because nothing puts out statistics",
            "t:2: statistics.peer_clients has no effect because nothing puts out statistics",
        ],
    ),
    (
        "[statistics]\nresponse_latency = true\ninterval = 0\nrun_prometheus_endpoint = true",
        [
            "t:2: statistics.response_latency has no effect because nothing puts out statistics",
            "t:4: statistics.run_prometheus_endpoint has no effect because statistics.interval is 0",
        ],
    ),
    ("statistics.response_latency = true\nstatistics.print_to_stdout = true", []),
]


@pytest.mark.parametrize(("text", "warnings"), WARNINGS)
def test_what_is_warned_of(text: str, warnings: list[str]) -> None:
    assert warnings_of(text) == warnings


def test_what_fits_a_response_of_1400_bytes() -> None:
    assert RESPONSE_BYTES_MAX - (20 + 6 * announce_peers_fitting(4)) in range(6)
    assert RESPONSE_BYTES_MAX - (20 + 18 * announce_peers_fitting(6)) in range(18)
    assert RESPONSE_BYTES_MAX - (8 + 12 * scrape_torrents_fitting()) in range(12)


def test_a_model_field_without_a_setting_is_no_setting() -> None:
    with pytest.raises(KeyError):
        setting_of(Configuration, "listener")


def test_the_same_address_twice_is_a_contradiction() -> None:
    twice = Configuration(listeners=(listener("127.0.0.1:1"), listener("127.0.0.1:1", ipv6_only=False)))
    (finding,) = contradictions(twice, CORES)
    assert finding.text == "{0}: udp 127.0.0.1:1 is listened on more than once"
    chosen_by_the_system = Configuration(listeners=(listener("127.0.0.1:0"), listener("127.0.0.1:0")))
    assert not list(contradictions(chosen_by_the_system, CORES))
