"""What the model works out by itself: cores, workers, bounds, families; and what the machine offers."""

import os
import re
from pathlib import Path

import pytest

from aquatic.control.answer_sizes import (
    HTTP_REQUEST_TORRENT_BYTES,
    HTTP_RESPONSE_OVERHEAD_BYTES,
    HTTP_RESPONSE_PEER_BYTES,
    HTTP_RESPONSE_TORRENT_BYTES,
    RESPONSE_BYTES_MAX,
)
from aquatic.control.machine import usable_cores, usable_memory_bytes
from aquatic.control.model import (
    LISTENERS_MAX,
    MEMORY_BYTES_LIMIT,
    TRUSTED_NETWORKS_MAX,
    WORKERS_MAX,
    Configuration,
    Connections,
    CpuPinning,
    Listener,
    ModelField,
    PinningDirection,
    Protocol,
    Swarm,
    WsAnswers,
    workers_on,
)
from aquatic.control.setting import setting_of
from aquatic.control.socket_address import SocketAddress

SOURCE = Path(__file__).parents[2] / "src/aquatic"
CORES = frozenset({2, 5, 3})
DOWN = PinningDirection.DESCENDING
PHYSICAL_BYTES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("pinning", "cores"),
    [
        (CpuPinning(), None),
        (CpuPinning(cores=(5,)), None),
        (CpuPinning(active=True), (2, 3, 5, 2)),
        (CpuPinning(active=True, direction=DOWN), (5, 3, 2, 5)),
        (CpuPinning(active=True, core_offset=1), (3, 5, 2, 3)),
        (CpuPinning(active=True, core_offset=1, direction=DOWN), (3, 2, 5, 3)),
        (CpuPinning(active=True, core_offset=5), (5, 2, 3, 5)),
        (CpuPinning(active=True, cores=(5, 2), direction=DOWN, core_offset=1), (5, 2, 5, 2)),
    ],
)
def test_the_core_of_each_worker(pinning: CpuPinning, cores: tuple[int, ...] | None) -> None:
    assert pinning.worker_cores(4, CORES) == cores


def test_a_core_that_may_not_be_used() -> None:
    with pytest.raises(ValueError, match=r"core 4 is not among those that this process may use \(2, 3, 5\)"):
        CpuPinning(active=True, cores=(2, 4)).worker_cores(1, CORES)


@pytest.mark.parametrize(
    ("count", "cores", "workers"), [(0, 3, 3), (7, 3, 7), (0, 2 * WORKERS_MAX, WORKERS_MAX)]
)
def test_the_number_of_workers(count: int, cores: int, workers: int) -> None:
    assert workers_on(count, frozenset(range(cores))) == workers


def test_the_store_is_bounded_without_being_told() -> None:
    bounded = Swarm(peer_age_seconds_max=9).bounded(1 << 30)
    assert bounded.peer_age_seconds_max == 9
    assert bounded.memory_bytes_max == 1 << 29
    # 128 bytes for a torrent, 8 for the smallest peer.
    assert (bounded.torrents_max, bounded.peers_max) == ((1 << 29) // 128, (1 << 29) // 8)
    assert Swarm().bounded(MEMORY_BYTES_LIMIT * 4).memory_bytes_max == MEMORY_BYTES_LIMIT


def test_bounds_that_were_told_stay() -> None:
    told = Swarm(memory_bytes_max=7, torrents_max=8, peers_max=9)
    assert told.bounded(1 << 30) == told


@pytest.mark.parametrize(
    ("address", "ipv6_only", "served"),
    [
        ("0.0.0.0:1", False, [4]),
        ("127.0.0.1:1", True, [4]),
        ("[::]:1", True, [6]),
        ("[::]:1", False, [4, 6]),
        ("[::1]:1", False, [6]),
    ],
)
def test_the_families_that_a_listener_serves(address: str, ipv6_only: bool, served: list[int]) -> None:
    listener = Listener(address=SocketAddress.parse(address), ipv6_only=ipv6_only)
    assert ([4] if listener.serves(4) else []) + ([6] if listener.serves(6) else []) == served


def test_a_proxy_brings_clients_of_both_families() -> None:
    address = SocketAddress.parse("127.0.0.1:1")
    for listener in (
        Listener(address=address, protocols=(Protocol.HTTP,), proxy_header=True),
        Listener(address=address, protocols=(Protocol.HTTP,), proxy_protocol=True),
    ):
        assert listener.serves(4)
        assert listener.serves(6)
    assert not Listener(address=address, protocols=(Protocol.UDP,), proxy_header=True).serves(6)


def test_a_finding_can_only_name_fields_that_exist() -> None:
    with pytest.raises(AttributeError, match="Swarm has no field peer_age"):
        ModelField(Swarm, "peer_age")


def test_the_usable_cores_are_those_of_this_process() -> None:
    assert usable_cores() == os.sched_getaffinity(0)


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("", {}, PHYSICAL_BYTES),
        ("0::/a/b\n", {"sys/fs/cgroup/a/b/memory.max": "max\n"}, PHYSICAL_BYTES),
        ("0::/a/b\n", {"sys/fs/cgroup/a/b/memory.max": "4096\n"}, 4096),
        ("0::/a/b\n", {"sys/fs/cgroup/a/memory.max": "4096\n"}, 4096),
        ("0::/a/b\n", {"sys/fs/cgroup/memory.max": "4096\n"}, 4096),
        ("0::/\n", {"sys/fs/cgroup/memory.max": "4096\n"}, 4096),
        ("3:cpu:/\n2:memory:/a\n", {"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096\n"}, 4096),
        ("2:memory:/a\n", {"sys/fs/cgroup/memory/memory.limit_in_bytes": "4096\n"}, 4096),
        ("2:memory:/\n", {"sys/fs/cgroup/memory/memory.limit_in_bytes": f"{1 << 63}\n"}, PHYSICAL_BYTES),
    ],
)
def test_the_usable_memory(groups: str, files: dict[str, str], expected: int, tmp_path: Path) -> None:
    for name, content in {"proc/self/cgroup": groups, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert usable_memory_bytes(tmp_path) == expected


def test_the_usable_memory_where_there_are_no_groups(tmp_path: Path) -> None:
    assert usable_memory_bytes(tmp_path) == PHYSICAL_BYTES


def constant(name: str, header: str) -> int:
    """A number of the data plane's, from the header that declares it."""
    found = re.search(rf"^    {name} = ([0-9 +*<]+)", (SOURCE / header).read_text(), re.MULTILINE)
    assert found, name
    number: int = eval(found[1])
    return number


def test_the_bounds_are_those_of_the_data_plane() -> None:
    assert constant("RESPONSE_BYTES_MAX", "abi/limits.pxd") == RESPONSE_BYTES_MAX
    assert constant("LISTENERS_MAX", "abi/connection.pxd") == LISTENERS_MAX
    assert constant("TRUSTED_NETWORKS_MAX", "abi/connection.pxd") == TRUSTED_NETWORKS_MAX
    limits = {
        "per_worker_max": "CONNECTIONS",
        "header_bytes_max": "REQUEST_BYTES",
        "output_bytes_max": "OUTPUT_BYTES",
    }
    for field, name in limits.items():
        assert constant(f"{name}_LIMIT", "abi/connection.pxd") == setting_of(Connections, field).maximum


def test_the_room_in_answers_over_http_is_that_of_the_data_plane() -> None:
    encode = "dataplane/http/encode.pxd"
    slack = constant("RESPONSE_SLACK_BYTES", "abi/limits.pxd")
    overhead = constant("HEAD_ROOM_BYTES", encode) + constant("BODY_ROOM_BYTES", encode) + slack
    assert overhead == HTTP_RESPONSE_OVERHEAD_BYTES
    assert constant("PEER_DICTIONARY_IPV6_BYTES", encode) == HTTP_RESPONSE_PEER_BYTES
    assert constant("TORRENT_ROOM_BYTES", encode) == HTTP_RESPONSE_TORRENT_BYTES
    assert len(b"&info_hash=" + b"%ff" * 20) == HTTP_REQUEST_TORRENT_BYTES


def test_the_protocols_that_are_spoken() -> None:
    http = Configuration(listeners=(Listener(protocols=(Protocol.HTTP,)),))
    assert [http.speaks(protocol) for protocol in Protocol] == [False, True, False]
    assert [protocol.transport for protocol in Protocol] == ["udp", "tcp", "tcp"]


def test_webtorrents_memory_is_bounded_by_the_machines() -> None:
    assert WsAnswers().memory_bytes(1 << 30) == 1 << 28
    assert WsAnswers().memory_bytes(1 << 50) == MEMORY_BYTES_LIMIT
    assert WsAnswers(memory_bytes_max=9).memory_bytes(1 << 30) == 9
