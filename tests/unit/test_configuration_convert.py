"""From the Rust trackers' files to one native file: what wins, and what is said about the rest."""

from pathlib import Path

import pytest

from aquatic.control.compat import RustFormat
from aquatic.control.compat_http import EVERYBODY, HTTP_FORMAT
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.compat_ws import WS_FORMAT
from aquatic.control.convert import Converted, convert, format_of
from aquatic.control.layout import Loaded
from aquatic.control.model import Configuration, HttpAnswers, Protocol, Swarm, WsAnswers
from aquatic.control.native import load_native
from aquatic.control.toml_file import ConfigurationError, parse_toml
from tests.support.configurations import CORES, listener, load_text

DATA = Path(__file__).parent / "data"
HTTP = (Protocol.HTTP,)


def load(rust: RustFormat, name: str, text: str) -> Loaded:
    return rust.load(parse_toml(name, text.encode()), CORES)


def udp(text: str = "", name: str = "u") -> Loaded:
    return load(UDP_FORMAT, name, text)


def http(text: str = "", name: str = "h") -> Loaded:
    return load(HTTP_FORMAT, name, text)


def ws(text: str = "", name: str = "w") -> Loaded:
    return load(WS_FORMAT, name, text)


def configuration_of(converted: Converted) -> Configuration:
    return load_text(load_native, converted.text).configuration


def warnings_of(*files: Loaded) -> list[str]:
    return [str(warning) for warning in convert(files, CORES).warnings]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "network.address = '[::1]:9'\ncleaning.max_peer_age = 4000\nstatistics.interval = 7",
        "cpu_pinning = { active = true, cores = [1] }\nsocket_workers = 0\nnetwork.use_ipv6 = false",
    ],
)
def test_one_file_stays_the_same_configuration(text: str) -> None:
    original = udp(text)
    converted = convert([original], CORES)
    assert configuration_of(converted) == original.configuration
    assert converted.warnings == original.warnings


def test_a_file_of_the_http_tracker_stays_the_same_configuration() -> None:
    text = "network.runs_behind_reverse_proxy = true\nlimits.max_header_bytes = 9000\nprotocol.max_peers = 7"
    original = http(text)
    converted = convert([original], CORES)
    assert configuration_of(converted) == original.configuration
    assert original.configuration.listeners[0].trusted_proxies == EVERYBODY


def test_a_file_of_the_webtorrent_tracker_stays_the_same_configuration() -> None:
    text = "network.websocket_max_message_size = 99999\nprotocol.max_offers = 7\nlimits.max_memory_bytes = 9"
    original = ws(text)
    converted = convert([original], CORES)
    assert configuration_of(converted) == original.configuration
    assert [str(warning) for warning in converted.warnings] == [
        "w:1: network.websocket_max_message_size: 99,999 is taken for 65,536, the most that is possible"
    ]


def test_the_webtorrent_trackers_ages_stay_its_own() -> None:
    converted = configuration_of(
        convert([udp("cleaning.max_peer_age = 1201"), ws("cleaning.max_peer_age = 300\n")], CORES)
    )
    assert converted.swarm.peer_age_seconds_max == 1_201
    assert converted.ws == WsAnswers(peer_age_seconds_max=300, frame_bytes_max=16_384)
    assert converted.listeners[-1] == listener("0.0.0.0:3000", protocols=(Protocol.WS,), ipv6_only=False)


def test_listeners_and_answers_of_both_are_kept() -> None:
    converted = configuration_of(
        convert([udp("protocol.max_response_peers = 7"), http("network.address = '[::]:8'")], CORES)
    )
    assert converted.listeners == (
        listener("0.0.0.0:3000"),
        listener("[::]:3000"),
        listener("[::]:8", protocols=HTTP, ipv6_only=False),
    )
    assert converted.udp.response_peers_max == 7
    assert converted.udp.announce_interval_seconds == 900
    assert converted.http == HttpAnswers(
        announce_interval_seconds=120, large_swarm_announce_interval_seconds=240
    )


DEFAULTS_DIFFER = [
    'h: log_level = "warn" (its default) is left out, u has log_level = "error" (its default)',
    "h: cleaning.max_peer_age = 1800 (its default) is left out, u has cleaning.max_peer_age = 1200 (its default)",
    "h: cleaning.torrent_cleaning_interval = 30 (its default) is left out, u has"
    " cleaning.torrent_cleaning_interval = 120 (its default)",
    "h: metrics.torrent_count_update_interval = 10 (its default) is left out, u has statistics.interval = 5"
    " (its default)",
]


def test_the_first_files_defaults_win_and_others_are_told() -> None:
    assert warnings_of(udp(), http()) == DEFAULTS_DIFFER
    converted = configuration_of(convert([http(), udp()], CORES))
    assert converted.swarm == Swarm(peer_age_seconds_max=1800, cleaning_interval_seconds=30)


def test_a_written_value_wins_over_the_first_files_default() -> None:
    files = udp(), http("\ncleaning.max_peer_age = 1801")
    assert configuration_of(convert(files, CORES)).swarm.peer_age_seconds_max == 1801
    expected = "u: cleaning.max_peer_age = 1200 (its default) is left out, h has cleaning.max_peer_age = 1801"
    assert warnings_of(*files) == [DEFAULTS_DIFFER[0], expected, *DEFAULTS_DIFFER[2:]]


def test_of_two_written_values_the_first_wins() -> None:
    files = udp("access_list.mode = 'deny'"), http("\naccess_list.mode = 'allow'")
    expected = 'h:2: access_list.mode = "allow" is left out, u has access_list.mode = "deny"'
    assert expected in warnings_of(*files)
    assert configuration_of(convert(files, CORES)).access_list.mode == "deny"


def test_what_is_the_same_in_both_is_not_told() -> None:
    same = "log_level = 'info'\n[cleaning]\nmax_peer_age = 2000\ntorrent_cleaning_interval = 60\n"
    files = (
        udp(same + "[statistics]\ninterval = 6"),
        http(same + "[metrics]\ntorrent_count_update_interval = 6"),
    )
    assert warnings_of(*files) == []


def test_warnings_of_the_files_are_told_with_their_lines() -> None:
    assert "h:1: swarm_workers has no effect: every worker serves all torrents" in warnings_of(
        udp(), http("swarm_workers = 3")
    )


def test_files_that_can_not_be_had_together() -> None:
    with pytest.raises(ConfigurationError) as caught:
        convert([http(name="a"), http("network.use_ipv6 = false", name="b")], CORES)
    (problem,) = caught.value.problems
    assert problem.text == "listen.address: tcp 0.0.0.0:3000 is listened on more than once"
    assert problem.file_name == "the converted file"


@pytest.mark.parametrize(
    ("name", "rust"),
    [
        ("aquatic-udp-newest.toml", UDP_FORMAT),
        ("aquatic-udp-0.9.0.toml", UDP_FORMAT),
        ("aquatic-http-newest.toml", HTTP_FORMAT),
        ("aquatic-http-0.9.0.toml", HTTP_FORMAT),
        ("aquatic-ws-newest.toml", WS_FORMAT),
    ],
)
def test_the_tracker_is_known_by_its_keys(name: str, rust: RustFormat) -> None:
    assert format_of(parse_toml(name, (DATA / name).read_bytes())) is rust


@pytest.mark.parametrize("text", ["", "log_level = 'off'", "x = 1"])
def test_a_file_that_could_be_of_any_tracker(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        format_of(parse_toml("a", text.encode()))
    assert str(caught.value) == (
        "a: its keys do not tell which tracker it is for; name it after --udp, --http or --ws"
    )
