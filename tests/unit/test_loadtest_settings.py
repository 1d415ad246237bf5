"""The files of `aquatic load-test`: the Rust load testers' keys and defaults, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from aquatic.control.model import CpuPinning, PinningDirection
from aquatic.control.printing import print_configuration
from aquatic.control.toml_file import ConfigurationError, no_file, parse_toml, read_toml_file
from aquatic.loadtest.formats import LOAD_FORMATS, UdpSettings
from aquatic.loadtest.http import HttpLoad, HttpLoadTest
from aquatic.loadtest.settings import LoadFormat, LoadSettings
from aquatic.loadtest.target import Target, TargetError
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from aquatic.loadtest.ws import WsLoad, WsLoadTest

DATA = Path(__file__).parent / "data"
UDP, HTTP, WS = LOAD_FORMATS["udp"], LOAD_FORMATS["http"], LOAD_FORMATS["ws"]
CORES = frozenset({0, 1, 2, 3})


def load(file_format: LoadFormat, text: str) -> Any:
    return file_format.load(parse_toml("load.toml", text.encode()), CORES).settings


def problems(file_format: LoadFormat, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(file_format, text)
    return str(caught.value)


@pytest.mark.parametrize("name", LOAD_FORMATS)
def test_the_rust_load_testers_file_is_the_default(name: str) -> None:
    file = read_toml_file(DATA / f"aquatic-{name}-load-test.toml")
    loaded, default = LOAD_FORMATS[name].load(file, CORES), LOAD_FORMATS[name].load(no_file(), CORES)
    assert loaded == default
    written = {
        ".".join(key for key in path if isinstance(key, str))
        for path in file.lines
        if not isinstance(file.tables.get(str(path[-1])), dict)
    }
    ours = {key.name for key in LOAD_FORMATS[name].all_keys if not key.is_addition}
    assert written == ours


@pytest.mark.parametrize("name", LOAD_FORMATS)
def test_a_printed_file_reads_as_the_same(name: str) -> None:
    file_format = LOAD_FORMATS[name]
    loaded = file_format.load(no_file(), CORES)
    text = print_configuration(file_format.all_keys, loaded.values, "Printed.")
    assert file_format.load(parse_toml("printed.toml", text.encode()), CORES) == loaded


@pytest.mark.parametrize(
    ("file_format", "text", "problem"),
    [
        (UDP, "durations = 1", "load.toml:1: durations: unknown key; did you mean duration?"),
        (HTTP, "workers = 2", "load.toml:1: workers: unknown key"),
        (UDP, '[requests]\nevent = "paused"', "load.toml:2: requests.event: "),
        (UDP, "requests_per_second = true", "requests_per_second: expected a float, found a boolean"),
        (UDP, "requests_per_second = -1", "requests_per_second: -1 is not within 0 to 1,000,000,000"),
        (UDP, "requests_per_second = nan", "requests_per_second: nan is not within"),
        (UDP, f"requests_per_second = 0x1{'0' * 2000}", "an integer beyond 64 bits is not within"),
        (UDP, "[requests]\npeer_seeder_probability = 1.5", "1.5 is not within 0 to 1"),
        (UDP, 'second_address = "localhost"', "second_address: expected ADDRESS:PORT"),
        (UDP, 'second_address = "127.0.0.1:1"', "second_address: is of the same family as server_address"),
        (UDP, '[requests]\ntorrent_popularity = "zipf"\nnumber_of_peers = 9', "number_of_peers: Zipf's law"),
        (
            UDP,
            "[requests]\nweight_connect = 0\nweight_announce = 0\nweight_scrape = 0",
            "load.toml: weights are 0 or more, and not all 0",
        ),
        (UDP, "[cpu_pinning]\nactive = true\ncores = [9]", "load.toml: "),
        (WS, "[torrents]\nsession_bytes_min = 3000", "load.toml: session descriptions: the least size"),
        (WS, '[torrents]\nevent = "stopped"', "load.toml: a tracker does not respond to peers that stop"),
        (WS, 'path = "announce"', "load.toml: the path begins with a slash"),
        (HTTP, 'url_suffix = "/a b"', "load.toml: at least one character of the URL's suffix"),
    ],
)
def test_what_is_wrong_is_told(file_format: LoadFormat, text: str, problem: str) -> None:
    assert problem in problems(file_format, text)


UDP_FILE = """
server_address = "127.0.0.1:1"
workers = 2
timeout_ms = 250
second_address = "[::1]:1"
second_share = 0.25
[network]
sockets_per_worker = 2
recv_buffer = 4096
segmenting = false
[requests]
number_of_torrents = 10
number_of_peers = 400
scrape_max_torrents = 3
announce_peers_wanted = -1
weight_connect = 1
weight_announce = 2
weight_scrape = 3
event = "started"
additional_request_probability = 1
[cpu_pinning]
active = true
"""


@pytest.mark.parametrize(("share", "address"), [("0", "127.0.0.1"), ("1", "::1")])
def test_an_address_that_gets_no_load_is_left_out(share: str, address: str) -> None:
    settings = load(UDP, UDP_FILE.replace("second_share = 0.25", f"second_share = {share}"))
    ((only, its_share),) = UDP.prepare(settings, CORES, is_mine=False)
    with only:
        assert its_share == 1
        assert str(only.target.address) == address


def test_udp_load_is_as_the_file_says() -> None:
    settings = load(UDP, UDP_FILE)
    (first, first_share), (second, second_share) = UDP.prepare(settings, CORES, is_mine=False)
    with first, second:
        assert (first_share, second_share) == (0.75, 0.25)
        assert isinstance(first, UdpLoadTest)
        assert first.load == UdpLoad(
            weight_connect=1,
            weight_announce=2,
            weight_scrape=3,
            peers_wanted=-1,
            scrape_torrents=3,
            event=2,
            timeout_seconds=0.25,
            workers=2,
            cpus=(3, 2),
            requests_under_way_max=96,
            additional_request_probability=1.0,
            segmenting=False,
            receive_buffer_bytes=4096,
        )
        assert (first.population.peers, first.population.sources) == (300, 2)
        assert (second.population.peers, second.population.sources) == (100, 1)
        assert str(second.target) == "[::1]:1"
        assert first.population.info_hash(0) != second.population.info_hash(0)


def test_http_load_is_as_the_file_says() -> None:
    settings = load(
        HTTP,
        """
        server_address = "127.0.0.1:1"
        num_workers = 2
        num_connections = 10
        connection_creation_interval_ms = 20
        url_suffix = "/x"
        keep_alive = false
        enable_tls = false
        tls_resumption = false
        requests_per_second = 100
        [torrents]
        torrent_popularity = "zipf"
        number_of_torrents = 10
        number_of_peers = 100
        """,
    )
    assert settings.greeting_seconds_max > 0.2
    ((test, share),) = HTTP.prepare(settings, CORES, is_mine=False)
    with test:
        assert share == 1
        assert isinstance(test, HttpLoadTest)
        assert test.load == HttpLoad(
            weight_announce=5,
            weight_scrape=0,
            timeout_seconds=5,
            idle_sleep_us=0,
            workers=2,
            connections=20,
            connections_per_second=50,
            keep_alive=False,
            resumption=False,
            url_suffix="/x",
        )
        assert (test.population.torrents, test.population.peers) == (10, 100)


WS_FILE = """
server_address = "127.0.0.1:1"
num_workers = 2
num_connections_per_worker = 8
connection_creation_interval_ms = 20
measure_after_max_connections_reached = false
enable_tls = false
path = "/announce"
slow_reader_share = 0.5
slow_bytes_per_second = 100
frame_bytes_max = 8192
requests_per_second = 100
[torrents]
offers_per_request = 3
number_of_torrents = 20
torrents_per_connection = 5
answer_probability = 0.5
answers_acknowledged = true
session_bytes_min = 700
session_bytes_max = 900
weight_scrape = 1
"""


def test_ws_load_is_as_the_file_says() -> None:
    settings = load(WS, WS_FILE)
    assert settings.greeting_seconds_max > 0.16
    assert not settings.greets
    assert settings.mode == "open"
    ((test, share),) = WS.prepare(settings, CORES, is_mine=False)
    with test:
        assert share == 1
        assert isinstance(test, WsLoadTest)
        assert test.load == WsLoad(
            weight_announce=5,
            weight_scrape=1,
            timeout_seconds=5,
            idle_sleep_us=0,
            workers=2,
            connections_per_second=50,
            path="/announce",
            offers=3,
            answer_probability=0.5,
            answers_acknowledged=True,
            session_bytes_min=700,
            session_bytes_max=900,
            requests_under_way_max=16,
            slow_reader_share=0.5,
            slow_bytes_per_second=100,
            frame_bytes_max=8192,
        )
        assert (test.population.torrents, test.population.peers, test.population.sources) == (20, 80, 16)
    assert load(WS, "idle = true\nrequests_per_second = 5").mode == "hold"


def test_one_source_is_127_0_0_1() -> None:
    text = "[network]\nmultiple_client_ipv4s = false\n[requests]\nnumber_of_torrents = 9\nnumber_of_peers = 9"
    settings = load(UDP, text)
    assert isinstance(settings, UdpSettings)
    ((test, _),) = UDP.prepare(settings, CORES, is_mine=False)
    with test:
        assert str(test.load.first_source) == "127.0.0.1"
        assert test.population.sources == 1
    ipv6 = Target.parse("[::1]:1")
    assert settings.first_source(ipv6) is None


def test_only_loopback_without_a_word() -> None:
    settings = load(UDP, 'server_address = "192.0.2.1:3000"\n[requests]\nnumber_of_peers = 10')
    with pytest.raises(TargetError, match="of your own"):
        UDP.prepare(settings, CORES, is_mine=False)


def test_the_generator_takes_the_last_cores() -> None:
    settings = load(UDP, "")
    assert isinstance(settings, LoadSettings)
    assert settings.cpu_pinning == CpuPinning(direction=PinningDirection.DESCENDING)
