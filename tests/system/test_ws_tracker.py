"""`aquatic ws` and WebSocket in `aquatic serve`, as processes, spoken to over real connections."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Certificate, make_certificate
from tests.support.http_client import announce_path, connection_to, get, http_address, running_tracker
from tests.support.metrics import metrics, metrics_url
from tests.support.processes import Process, wait_until
from tests.support.proxy_header import binary_header
from tests.support.ws_client import Address, WsClient, WsRefusedError, binary, offer, ws_client

INFO_HASH = bytes(range(200, 220))
PEERS = [b"-WW0208-" + bytes([number] * 12) for number in range(64)]

LOOPBACK = """
[network]
address = "127.0.0.1:0"
"""
TOGETHER = """
[[listen]]
address = "127.0.0.1:0"
protocols = ["http", "ws"]
health_page = true
"""


def ws_address(process: Process) -> Address:
    """Where the next WebSocket listener is that the process tells of."""
    line = process.wait_for_line("listening on ws")
    match = re.fullmatch(r"listening on wss?://\[?([^\]]+?)\]?:(\d+)", line)
    assert match is not None, line
    return match[1], int(match[2])


@contextmanager
def tracker(folder: Path, command: str, configuration: str) -> Iterator[Process]:
    """One that must end cleanly."""
    with running_tracker(folder, command, configuration) as process:
        yield process
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, process.errors


def exchange(asker: WsClient, answerer: WsClient, number: int, peers: tuple[bytes, bytes]) -> None:
    """An offer of the asker reaches the answerer, which alone is in the torrent with it, and the answer comes back."""
    asker.announce(INFO_HASH, peers[0], left=1, offers=[offer(number, "to you")])
    passed_on = answerer.receive()
    of_offer = {"action": "announce", "info_hash": binary(INFO_HASH), "offer_id": offer(number)["offer_id"]}
    assert passed_on == {**of_offer, "peer_id": binary(peers[0]), "offer": offer(number, "to you")["offer"]}
    answer = {"type": "answer", "sdp": f"{number}"}
    answerer.send(**of_offer, peer_id=binary(peers[1]), to_peer_id=passed_on["peer_id"], answer=answer)
    assert asker.receive() == {**of_offer, "peer_id": binary(peers[1]), "answer": answer}


def test_the_file_of_the_rust_tracker_is_served(tmp_path: Path) -> None:
    with tracker(tmp_path, "ws", LOOPBACK + "enable_http_health_checks = true\n") as process:
        address = ws_address(process)
        with ws_client(address) as one, ws_client(address, path="/") as other:
            answer = other.announce(INFO_HASH, PEERS[1], left=0, event="started")
            assert answer == {
                "action": "announce",
                "info_hash": binary(INFO_HASH),
                "complete": 1,
                "incomplete": 0,
                "interval": 120,
            }
            exchange(one, other, 1, (PEERS[0], PEERS[1]))
        with connection_to(address) as connection:
            connection.request("GET", "/health")
            response = connection.getresponse()
            assert (response.status, response.read()[:2]) == (200, b"OK")
            # Not a tracker for HTTP.
            connection.request("GET", announce_path(1))
            response = connection.getresponse()
            assert (response.status, response.headers["Upgrade"].lower()) == (426, "websocket")


def test_both_protocols_are_served_on_one_listener(tmp_path: Path) -> None:
    with tracker(tmp_path, "serve", TOGETHER) as process:
        address = http_address(process)
        assert ws_address(process) == address
        with connection_to(address) as connection, ws_client(address) as client:
            get(connection, announce_path(1111, INFO_HASH))
            # Browsers cannot dial a peer of the other protocol.
            assert client.announce(INFO_HASH, PEERS[0], left=0)["incomplete"] == 0
            assert get(connection, announce_path(2222, INFO_HASH))[b"complete"] == 0
            connection.request("GET", "/health")
            assert connection.getresponse().status == 200


def test_only_http_gives_way_to_newcomers(tmp_path: Path) -> None:
    few = TOGETHER + "[workers]\nstream_count = 1\n[connections]\nper_worker_max = 3\nper_address_max = 0\n"
    with tracker(tmp_path, "serve", few) as process, ExitStack() as stack:
        address = http_address(process)
        webtorrent = stack.enter_context(ws_client(address))
        connections = [stack.enter_context(connection_to(address)) for _ in range(3)]
        for port, connection in enumerate(connections, start=1):
            get(connection, announce_path(port))
        assert connections[0].sock.recv(1) == b""
        for connection in connections[1:]:
            get(connection, announce_path(1111))
        assert webtorrent.announce(INFO_HASH, PEERS[0], left=1)["incomplete"] == 1


def test_connections_of_all_workers_meet(tmp_path: Path) -> None:
    configuration = f"""socket_workers = 2
{LOOPBACK}
[protocol]
max_offers = 64
[metrics]
run_prometheus_endpoint = true
prometheus_endpoint_address = "127.0.0.1:0"
"""
    with tracker(tmp_path, "ws", configuration) as process, ExitStack() as stack:
        address, url = ws_address(process), metrics_url(process)

        def connections_of(worker: int) -> float:
            return metrics(url)[f'aquatic_active_connections{{ip_version="4",worker_index="{worker}"}}']

        leecher = stack.enter_context(ws_client(address))
        seeders = [stack.enter_context(ws_client(address))]
        while not (connections_of(0) and connections_of(1)):  # the kernel spreads them by a hash
            seeders.append(stack.enter_context(ws_client(address)))
            assert len(seeders) < len(PEERS)
        for seeder, peer_id in zip(seeders, PEERS, strict=False):
            seeder.announce(INFO_HASH, peer_id, left=0)
        offers = [offer(number) for number in range(len(seeders))]
        leecher.announce(INFO_HASH, b"-WW0208-leecher-----", left=1, offers=offers)
        # Each to another: all of them, whichever worker has them.
        assert sorted(seeder.receive()["offer_id"] for seeder in seeders) == [
            each["offer_id"] for each in offers
        ]


def test_peers_are_gone_with_their_connection(tmp_path: Path) -> None:
    with tracker(tmp_path, "ws", LOOPBACK) as process:
        address = ws_address(process)
        with ws_client(address) as observer:
            with ws_client(address) as client:
                client.announce(INFO_HASH, PEERS[0], left=0)
                assert observer.announce(INFO_HASH, PEERS[1], left=1)["complete"] == 1
            wait_until(lambda: observer.announce(INFO_HASH, PEERS[1], left=1)["complete"] == 0)


def test_the_access_list_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{INFO_HASH.hex()}\n")
    configuration = f'log_level = "info"\n{LOOPBACK}[access_list]\nmode = "allow"\npath = "list.txt"\n'
    with tracker(tmp_path, "ws", configuration) as process:
        with ws_client(ws_address(process)) as client:
            assert client.announce(INFO_HASH, PEERS[0], left=0)["complete"] == 1
            (tmp_path / "list.txt").write_text("")
            process.signal(signal.SIGUSR1)
            process.wait_for_line("access list read: 0 info hashes")
            refused = client.announce(INFO_HASH, PEERS[0], left=0)
        assert refused == {
            "action": "announce",
            "info_hash": binary(INFO_HASH),
            "failure reason": "Info hash not allowed",
        }


def test_origins_that_are_not_listed_are_refused(tmp_path: Path) -> None:
    configuration = TOGETHER + 'allowed_origins = ["https://a.example", "null"]\n'
    with tracker(tmp_path, "serve", configuration) as process:
        address = ws_address(process)
        # A program says none: what protects who uses a browser is not asked of it.
        for headers in ([(b"Origin", b"https://a.example")], [(b"Origin", b"null")], []):
            with ws_client(address, headers=headers) as client:
                client.announce(INFO_HASH, PEERS[0], left=0)
        for origin in (b"https://b.example", b"https://a.example:8443"):
            with (
                pytest.raises(WsRefusedError) as caught,
                ws_client(address, headers=[(b"Origin", origin)]),
            ):
                pass
            assert caught.value.status == 403
        # HTTP has no origins.
        with connection_to(address) as connection:
            get(connection, announce_path(1111), Origin="https://b.example")


@dataclass(frozen=True)
class Proxy:
    """How clients are told of, and what configures it."""

    configuration: str
    arguments: Any


PROXIES = {
    "header": Proxy(
        "proxy_header = true\n", lambda client: {"headers": [(b"X-Forwarded-For", client.encode())]}
    ),
    "protocol": Proxy("proxy_protocol = true\n", lambda client: {"preface": binary_header(client, 1)}),
}


@pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES.keys())
def test_a_peer_id_belongs_to_the_client_behind_the_proxy(tmp_path: Path, proxy: Proxy) -> None:
    configuration = f'{TOGETHER}{proxy.configuration}trusted_proxies = ["127.0.0.0/8"]\n'
    with tracker(tmp_path, "serve", configuration) as process:
        address = ws_address(process)
        with (
            ws_client(address, **proxy.arguments("198.51.100.1")) as owner,
            ws_client(address, **proxy.arguments("198.51.100.2")) as stranger,
            ws_client(address, **proxy.arguments("198.51.100.1")) as again,
        ):
            assert owner.announce(INFO_HASH, PEERS[0], left=0)["complete"] == 1
            assert "failure reason" in stranger.announce(INFO_HASH, PEERS[0], left=0)
            assert again.announce(INFO_HASH, PEERS[0], left=0)["complete"] == 1


def tls_listener(folder: Path) -> str:
    return f"""log_level = "info"
[[listen]]
address = "127.0.0.1:0"
protocols = ["ws"]
tls = true
tls_certificate_path = "{folder}/served.pem"
tls_private_key_path = "{folder}/served.key"
"""


def install(folder: Path, made: Certificate) -> None:
    (folder / "served.pem").write_bytes(made.certificate.read_bytes())
    (folder / "served.key").write_bytes(made.private_key.read_bytes())
    (folder / "served.key").chmod(0o644)


def test_connections_on_an_old_certificate_are_closed_after_the_grace_period(tmp_path: Path) -> None:
    old, new = make_certificate(tmp_path, "old"), make_certificate(tmp_path, "new")
    install(tmp_path, old)
    configuration = f"{tls_listener(tmp_path)}[ws]\ntls_grace_seconds = 1\ncleaning_interval_seconds = 1\n"
    with tracker(tmp_path, "serve", configuration) as process:
        address = ws_address(process)
        with ws_client(address, trusting(old)) as first:
            first.announce(INFO_HASH, PEERS[0], left=0)
            install(tmp_path, new)
            process.signal(signal.SIGUSR1)
            process.wait_for_line("certificates read for 1 listener(s)")
            with ws_client(address, trusting(new)) as second:
                second.announce(INFO_HASH, PEERS[1], left=0)
                assert first.close_code() == 1001
                # Its peer went with it, and the other stays.
                wait_until(lambda: second.announce(INFO_HASH, PEERS[1], left=0)["complete"] == 1)
                second.ping(b"still there")


def trusting(made: Certificate) -> Any:
    """A client's side that asks for no name: the certificates bear others than the address."""
    context = made.client_context()
    context.check_hostname = False
    return context


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its root directory and user")
def test_wss_is_served_in_a_bare_directory(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for parent in (root, tmp_path, *tmp_path.parents):
        if parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(parent.stat().st_mode | 0o005)
    made = make_certificate(tmp_path)
    install(root, made)
    configuration = f'{tls_listener(Path("/"))}[privileges]\ndrop = true\nchroot_path = "{root}"\n'
    with tracker(tmp_path, "serve", configuration.replace("//", "/")) as process:
        address = ws_address(process)
        with ws_client(address, trusting(made)) as one, ws_client(address, trusting(made)) as other:
            other.announce(INFO_HASH, PEERS[1], left=0)
            exchange(one, other, 1, (PEERS[0], PEERS[1]))
