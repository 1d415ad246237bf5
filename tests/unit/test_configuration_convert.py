"""From the Rust trackers' files to one native file: what wins, and what is said about the rest."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from aquatic.control.compat import RustFormat
from aquatic.control.compat_http import EVERYBODY, HTTP_FORMAT
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.compat_ws import WS_FORMAT
from aquatic.control.convert import Converted, convert, format_of
from aquatic.control.layout import Loaded
from aquatic.control.model import (
    LISTENERS_MAX,
    AccessList,
    AccessListMode,
    Configuration,
    HttpAnswers,
    Privileges,
    Protocol,
    Swarm,
    WsAnswers,
)
from aquatic.control.native import load_native
from aquatic.control.setting import FilePath
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
    files = udp("cleaning.max_peer_age = 1300"), http("\ncleaning.max_peer_age = 1400")
    expected = "h:2: cleaning.max_peer_age = 1400 is left out, u has cleaning.max_peer_age = 1300"
    assert expected in warnings_of(*files)
    assert configuration_of(convert(files, CORES)).swarm.peer_age_seconds_max == 1300


def test_a_value_that_is_no_default_wins_over_a_written_default() -> None:
    """Files that a Rust tracker printed have every key."""
    files = udp("log_level = 'error'"), http("\nlog_level = 'debug'")
    assert configuration_of(convert(files, CORES)).log_level == "debug"
    assert 'u:1: log_level = "error" is left out, h has log_level = "debug"' in warnings_of(*files)


ALL_OFF = """
access_list = { mode = 'off', path = './access-list.txt' }
privileges = { drop_privileges = false, chroot_path = '.', group = 'nogroup', user = 'nobody' }
cpu_pinning = { active = false, direction = 'ascending', core_offset = 0, cores = [] }
downloads = { path = '', interval = 600 }
"""
ALL_ON = """
access_list = { mode = 'allow' }
privileges = { drop_privileges = true, chroot_path = '/a', group = 'nogroup', user = 'tracker' }
cpu_pinning = { active = true, core_offset = 1 }
downloads = { path = '/a/d' }
metrics = { run_prometheus_endpoint = true, prometheus_endpoint_address = '127.0.0.1:9' }
"""
NO_PROMETHEUS = (
    "statistics = { run_prometheus_endpoint = false, prometheus_endpoint_address = '0.0.0.0:9000' }"
)


@pytest.mark.parametrize("first_says_it", [False, True])
def test_what_says_but_defaults_gives_way_as_a_whole(*, first_says_it: bool) -> None:
    on, off = http(ALL_ON), udp(ALL_OFF + NO_PROMETHEUS)
    converted = configuration_of(convert([on, off] if first_says_it else [off, on], CORES))
    expected = on.configuration
    assert expected.access_list == AccessList(mode=AccessListMode.ALLOW)
    assert converted.access_list == expected.access_list
    assert converted.privileges == expected.privileges
    assert converted.workers.cpu_pinning == expected.workers.cpu_pinning
    assert converted.downloads == expected.downloads
    assert converted.statistics.prometheus
    assert str(converted.statistics.prometheus_address) == "127.0.0.1:9"


@pytest.mark.parametrize("on_is_first", [False, True])
def test_what_is_switched_off_gives_way_as_a_whole(*, on_is_first: bool) -> None:
    on = udp("access_list.mode = 'deny'\nprivileges.drop_privileges = true")
    off = http("access_list.path = '/a'\nprivileges.user = 'tracker'")
    converted = configuration_of(convert([on, off] if on_is_first else [off, on], CORES))
    assert converted.access_list == AccessList(mode=AccessListMode.DENY)
    assert converted.privileges == Privileges(drop=True)


def test_a_whole_that_gives_way_is_told_of() -> None:
    files = udp("access_list.mode = 'off'"), http("access_list = { mode = 'deny', path = 'd' }")
    assert [warning for warning in warnings_of(*files) if "access_list" in warning] == [
        'u:1: access_list.mode = "off" is left out, h has access_list.mode = "deny"',
        'u: access_list.path = "./access-list.txt" (its default) is left out, h has access_list.path = "d"',
    ]


def test_paths_that_another_files_new_root_moves_are_told_of() -> None:
    drop = "privileges = { drop_privileges = true, chroot_path = '/a' }"
    told = 'u: its paths will be seen from the new root, h has privileges.chroot_path = "/a"'
    assert told in warnings_of(udp("access_list = { mode = 'deny', path = 'd' }"), http(drop))
    assert not any("new root" in warning for warning in warnings_of(udp(drop), http(drop)))
    assert not any("new root" in warning for warning in warnings_of(udp(), http()))


def problems_of(*files: Loaded) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        convert(files, CORES)
    return [str(problem) for problem in caught.value.problems]


EQUAL_OR_ONE_BY_ONE = ": make them equal, or convert the files one by one"
CHANGE_OR_ONE_BY_ONE = ": change one of them, or convert the files one by one"


@pytest.mark.parametrize(
    ("first", "second", "problems"),
    [
        (
            # Each file denies or allows with a list of its own: no mode may come to the other's list.
            udp("access_list.mode = 'deny'"),
            http("network.address = '0.0.0.0:1'\n[access_list]\nmode = 'allow'\npath = '/b'"),
            [
                'h:3: access_list.mode = "allow" contradicts access_list.mode = "deny" in u',
                'h:4: access_list.path = "/b" contradicts access_list.path = "./access-list.txt" (its default) in u',
            ],
        ),
        (
            http("privileges.drop_privileges = true"),
            udp("privileges = { drop_privileges = true, user = 'tracker' }"),
            ['u:1: privileges.user = "tracker" contradicts privileges.user = "nobody" (its default) in h'],
        ),
        (
            udp("statistics.run_prometheus_endpoint = true"),
            http(
                "metrics.run_prometheus_endpoint = true\nmetrics.prometheus_endpoint_address = '127.0.0.1:1'"
            ),
            [
                'h:2: metrics.prometheus_endpoint_address = "127.0.0.1:1" contradicts'
                ' statistics.prometheus_endpoint_address = "0.0.0.0:9000" (its default) in u'
            ],
        ),
    ],
)
def test_wholes_that_contradict_each_other(first: Loaded, second: Loaded, problems: list[str]) -> None:
    assert problems_of(first, second) == [problem + EQUAL_OR_ONE_BY_ONE for problem in problems]


def test_wholes_that_are_the_same_are_had_together() -> None:
    files = (
        udp("access_list = { mode = 'deny', path = 'd' }"),
        ws("access_list = { path = 'd', mode = 'deny' }"),
    )
    converted = configuration_of(convert(files, CORES))
    assert converted.access_list == AccessList(mode=AccessListMode.DENY, path=FilePath("d"))
    assert not any("access_list" in warning for warning in warnings_of(*files))


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


BOTH = (Protocol.HTTP, Protocol.WS)


@pytest.mark.parametrize("order", list(itertools.permutations((udp, http, ws))))
def test_the_default_files_of_all_trackers_are_had_together(order: Sequence[Callable[[], Loaded]]) -> None:
    converted = configuration_of(convert([load_default() for load_default in order], CORES))
    assert sorted((str(each.address), each.protocols) for each in converted.listeners) == [
        ("0.0.0.0:3000", BOTH),
        ("0.0.0.0:3000", (Protocol.UDP,)),
        ("[::]:3000", HTTP),
        ("[::]:3000", (Protocol.UDP,)),
    ]


TLS = "enable_tls = true\ntls_certificate_path = 'c'\ntls_private_key_path = 'k'\n"


@pytest.mark.parametrize("http_is_first", [True, False])
def test_a_listener_of_both_protocols_has_all_that_either_says(*, http_is_first: bool) -> None:
    address = (
        "[network]\naddress = '[::]:9'\nonly_ipv6 = true\ntcp_backlog = 7\nenable_http_health_checks = true\n"
    )
    files = [http(f"{address}{TLS}keep_alive = false"), ws(address + TLS)]
    (joined,) = configuration_of(convert(files if http_is_first else files[::-1], CORES)).listeners
    assert joined == replace(files[0].configuration.listeners[0], protocols=BOTH)


@pytest.mark.parametrize(
    ("first", "second", "problems"),
    [
        (
            http(),
            ws(f"[network]\n{TLS}"),
            [
                "w:2: network.enable_tls = true contradicts network.enable_tls = false (its default) in h",
                'w:3: network.tls_certificate_path = "c" contradicts network.tls_certificate_path = ""'
                " (its default) in h",
                'w:4: network.tls_private_key_path = "k" contradicts network.tls_private_key_path = ""'
                " (its default) in h",
            ],
        ),
        (
            # A page behind a proxy that is believed, and one that believes nobody.
            ws(),
            http("network.runs_behind_reverse_proxy = true"),
            [
                'h: network.trusted_proxies = ["0.0.0.0/0", "::/0"] (its default) contradicts'
                " network.trusted_proxies = [] (its default) in w",
                "h:1: network.runs_behind_reverse_proxy = true contradicts network.runs_behind_reverse_proxy = false"
                " (its default) in w",
            ],
        ),
        (
            http("network.use_ipv4 = false"),
            ws("network.address = '[::]:3000'"),
            [
                "w: network.only_ipv6 = false (its default) contradicts network.set_only_ipv6 = true (its default)"
                " in h"
            ],
        ),
    ],
)
def test_listeners_that_do_not_agree(first: Loaded, second: Loaded, problems: list[str]) -> None:
    assert problems_of(first, second) == [problem + EQUAL_OR_ONE_BY_ONE for problem in problems]


def test_one_protocol_twice_on_an_address() -> None:
    assert problems_of(http(name="a"), http("network.use_ipv6 = false", name="b")) == [
        'b: network.address_ipv4 = "0.0.0.0:3000" (its default) is listened on by a (network.address_ipv4) too'
        + CHANGE_OR_ONE_BY_ONE
    ]
    assert problems_of(udp("network.address = '[::]:3000'"), udp(name="v")) == [
        'v: network.address_ipv6 = "[::]:3000" (its default) is listened on by u (network.address) too'
        + CHANGE_OR_ONE_BY_ONE
    ]


def test_a_port_that_the_system_chooses_is_another_each_time() -> None:
    files = http("network.address = '127.0.0.1:0'"), ws("network.address = '127.0.0.1:0'")
    assert len(configuration_of(convert(files, CORES)).listeners) == 2


def test_what_contradicts_only_together_is_told_in_the_files_words() -> None:
    assert problems_of(
        udp("statistics.run_prometheus_endpoint = true", name="a"),
        http("network.address = '127.0.0.1:9000'", name="b"),
    ) == [
        "a: statistics.prometheus_endpoint_address: 0.0.0.0:9000 is taken by network.address of b,"
        " 127.0.0.1:9000" + CHANGE_OR_ONE_BY_ONE
    ]
    many = [
        ws(f"network.address = '127.0.0.1:{port}'", name=f"{port}") for port in range(1, LISTENERS_MAX + 2)
    ]
    assert problems_of(*many) == ["17:1: network.address: 17 for tcp are more than 16" + CHANGE_OR_ONE_BY_ONE]


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
