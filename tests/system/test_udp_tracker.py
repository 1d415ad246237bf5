"""The whole tracker as an operator starts it, with the compiled data plane, over real sockets."""

import os
import signal
import socket
from pathlib import Path

import pytest

from aquatic.protocol.udp import ConnectRequest, ConnectResponse, ErrorResponse, Event
from tests.support.metrics import metrics, metrics_showing, metrics_url
from tests.support.processes import WAIT_SECONDS_MAX, Process, wait_until
from tests.support.stopped_thread import stopped_thread
from tests.support.udp_client import UdpClient, listening_address, running_udp_tracker

HASH = bytes(range(20))
OTHER_HASH = bytes(range(20, 40))
LOOPBACK = """
[network]
address_ipv4 = "127.0.0.1:0"
address_ipv6 = "[::1]:0"
"""
METRICS = """
[statistics]
interval = 1
run_prometheus_endpoint = true
prometheus_endpoint_address = "127.0.0.1:0"
response_latency = true
torrent_peer_histograms = true
peer_clients = true
"""


def stop(process: Process) -> None:
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


def test_peers_find_each_other_over_both_families(tmp_path: Path) -> None:
    with running_udp_tracker(tmp_path, LOOPBACK) as process:
        for _ in range(2):
            address = listening_address(process)
            with UdpClient(address) as seeder, UdpClient(address) as leecher:
                seeder.connect()
                leecher.connect()
                first = seeder.announce(HASH, left=0, event_number=Event.STARTED)
                assert (first.seeders, first.leechers, list(first.peers)) == (0, 0, [])
                second = leecher.announce(HASH, event_number=Event.STARTED)
                assert (second.seeders, second.leechers) == (1, 0)
                assert [peer.port for peer in second.peers] == [seeder.port]
                (entry,) = leecher.scrape(HASH)
                assert (entry.seeders, entry.leechers) == (1, 1)
        stop(process)
        assert [line for line in process.errors if "receive buffer" not in line] == []


def test_answers_leave_from_the_address_that_was_asked(tmp_path: Path) -> None:
    with running_udp_tracker(
        tmp_path, '[network]\naddress_ipv4 = "0.0.0.0:0"\nuse_ipv6 = false\n'
    ) as process:
        _, port = listening_address(process)
        for host in ("127.0.0.1", "127.0.0.2", "127.9.8.7"):
            with UdpClient((host, port)) as client:
                client.connect()


@pytest.mark.parametrize("steering", ["true", "false"])
def test_two_workers_share_the_requests(tmp_path: Path, steering: str) -> None:
    network = f"socket_workers = 2\n{LOOPBACK}reuseport_steering = {steering}\n"
    with running_udp_tracker(tmp_path, network + METRICS) as process:
        address = listening_address(process)
        url = metrics_url(process)
        ports = set()  # the system may give out the port of a client that has left once more
        for _ in range(40):
            with UdpClient(address) as client:
                client.connect()
                client.announce(HASH)
                ports.add(client.port)
        names = [f'aquatic_requests_total{{ip_version="4",worker_index="{worker}"}}' for worker in (0, 1)]
        wait_until(lambda: sum(metrics(url)[name] for name in names) == 80)
        found = metrics(url)
        assert all(found[name] for name in names)
        assert all(found[name] % 2 == 0 for name in names), "both requests of a flow meet one worker"
        assert found['aquatic_peers{ip_version="4"}'] == len(ports)


def test_what_is_counted(tmp_path: Path) -> None:
    with running_udp_tracker(tmp_path, LOOPBACK + METRICS) as process:
        address = listening_address(process)
        url = metrics_url(process)
        with UdpClient(address) as client:
            client.socket.send(b"nonsense")
            client.send(client.announce_request(HASH))  # connection id 0
            client.connect()
            client.announce(HASH)
            client.scrape(HASH, OTHER_HASH)
            client.ask(client.announce_request(HASH, port=0), ErrorResponse)
        labels = 'ip_version="4",worker_index="0"'
        expected: dict[str, float] = {
            f"aquatic_requests_total{{{labels}}}": 5,
            f"aquatic_rx_bytes{{{labels}}}": 8 + 98 + 16 + 98 + 56 + 98 + 6 * 54,
            'aquatic_response_latency_seconds_bucket{type="scrape",le="+Inf"}': 1,
        }
        for kind in ("connect", "announce", "scrape", "error"):
            expected[f'aquatic_responses_total{{type="{kind}",{labels}}}'] = 1
        for cause in ("malformed", "connection_id_bad", "refused"):
            expected[f'aquatic_errors_total{{cause="{cause}",{labels}}}'] = 1
        found = metrics_showing(url, expected)
        assert found['aquatic_response_latency_seconds_count{type="announce"}'] >= 1
        assert 0 < found['aquatic_response_latency_seconds_sum{type="announce"}'] < 60
        wait_until(lambda: 'aquatic_peer_clients{client="qBittorrent 4.5.0"}' in metrics(url))
        stop(process)


def test_the_access_list_is_swapped_while_serving(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{HASH.hex()}\n{OTHER_HASH.hex()}\n")
    lists = '[access_list]\nmode = "allow"\npath = "list"\n[cleaning]\ntorrent_cleaning_interval = 1\n'
    with running_udp_tracker(tmp_path, f'log_level = "info"\n{LOOPBACK}{lists}') as process:
        with UdpClient(listening_address(process)) as client:
            client.connect()
            client.announce(HASH)
            client.announce(OTHER_HASH)
            refused = client.ask(client.announce_request(bytes(20)), ErrorResponse)
            assert refused.text == "Info hash not allowed"
            (tmp_path / "list").write_text(HASH.hex())
            process.signal(signal.SIGUSR1)
            process.wait_for_line("access list read: 1 info hashes")
            client.announce(HASH)
            client.ask(client.announce_request(OTHER_HASH), ErrorResponse)
            (tmp_path / "list").write_text("nonsense")
            process.signal(signal.SIGUSR1)
            process.wait_for_line("the old access list stays: access list list, line 1")
            client.announce(HASH)
            wait_until(lambda: [entry.leechers for entry in client.scrape(HASH, OTHER_HASH)] == [1, 0])
        stop(process)


def test_exports_and_download_counts(tmp_path: Path) -> None:
    files = """
[cleaning]
torrent_cleaning_interval = 1
[scrape_exports]
enable_scrape_exports = true
frequency = 1
path = "export.txt"
[downloads]
path = "downloads"
"""
    export = tmp_path / "export.txt"
    expected = f"4 {HASH.hex()} 1 1\n"
    with running_udp_tracker(tmp_path, LOOPBACK + files) as process:
        address = listening_address(process)
        with UdpClient(address) as client, UdpClient(address) as other:
            for each in (client, other):
                each.connect()
                each.announce(HASH, event_number=Event.STARTED)
            client.announce(HASH, left=0, event_number=Event.COMPLETED)
            assert [entry.completed for entry in client.scrape(HASH)] == [1]
            wait_until(lambda: export.exists() and export.read_text() == expected)
        stop(process)
    with running_udp_tracker(tmp_path, LOOPBACK + files) as process:
        with UdpClient(listening_address(process)) as client:
            client.connect()
            (entry,) = client.scrape(HASH)
            assert (entry.seeders, entry.completed, entry.leechers) == (0, 1, 0)
        stop(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_received_is_answered_before_the_end(tmp_path: Path, number: int) -> None:
    with running_udp_tracker(tmp_path, LOOPBACK) as process:
        with UdpClient(listening_address(process)) as client:
            client.connect()
            process.pause()
            for transaction_id in range(100):
                client.send(ConnectRequest(transaction_id))
            process.signal(number)
            process.resume()
            answers = [client.receive() for _ in range(100)]
            assert {answer.transaction_id for answer in answers} == set(range(100))
            assert all(isinstance(answer, ConnectResponse) for answer in answers)
        assert process.wait() == 0


def test_what_the_kernel_drops_is_counted(tmp_path: Path) -> None:
    network = f"{LOOPBACK}socket_recv_buffer_size = 10000\n"
    with running_udp_tracker(tmp_path, network + METRICS) as process:
        address = listening_address(process)
        url = metrics_url(process)
        with UdpClient(address) as client:
            client.connect()
            process.pause()
            for transaction_id in range(500):
                client.send(ConnectRequest(transaction_id))
            process.resume()
            labels = 'ip_version="4",worker_index="0"'
            sent = 501

            def dropped_when_all_is_accounted_for() -> float:
                nonlocal sent
                # The kernel tells of drops with the next datagram.
                client.send(ConnectRequest(sent))
                sent += 1
                found = metrics(url)
                dropped = found[f'aquatic_dropped_total{{cause="kernel",{labels}}}']
                return dropped if found[f"aquatic_requests_total{{{labels}}}"] + dropped == sent else 0

            assert wait_until(dropped_when_all_is_accounted_for) > 0
        stop(process)


def test_a_second_tracker_on_the_port_is_refused(tmp_path: Path) -> None:
    with running_udp_tracker(tmp_path, f"socket_workers = 2\n{LOOPBACK}") as process:
        host, port = listening_address(process)
        again = f'socket_workers = 2\n[network]\naddress_ipv4 = "{host}:{port}"\nuse_ipv6 = false\n'
        with running_udp_tracker(tmp_path, again) as second:
            assert second.wait() == 1
            error = (
                f"Error: cannot listen on udp://{host}:{port}: Address already in use (by another process)"
            )
            assert second.errors[-1] == error
        stop(process)


def test_a_worker_that_hangs_is_the_end_of_the_process(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(WAIT_SECONDS_MAX)
        # The watchdog's time makes the tracker look at its workers more often.
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        with running_udp_tracker(tmp_path, LOOPBACK, env=environment) as process:
            with UdpClient(listening_address(process)) as client:
                client.connect()  # so the worker is in its loop and does not hold the interpreter's lock
            while manager.recv(100) != b"WATCHDOG=1":
                pass
            pid = process.popen.pid
            (worker,) = {int(name) for name in os.listdir(f"/proc/{pid}/task")} - {pid}
            with stopped_thread(worker):
                process.wait_for_line("Error: UDP worker 0 hangs")
            assert process.wait() == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its root directory and user")
def test_the_compiled_data_plane_in_a_bare_chroot(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o777)
    (root / "list").write_text(HASH.hex())
    confined = f"""
log_level = "info"
{LOOPBACK}
{METRICS}
print_to_stdout = true
write_html_to_file = true
html_file_path = "statistics.html"
[privileges]
drop_privileges = true
chroot_path = "{root}"
[access_list]
mode = "deny"
path = "list"
"""
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and "pytest" in parent.name:
            parent.chmod(parent.stat().st_mode | 0o001)
    tmp_path.chmod(0o711)
    with running_udp_tracker(tmp_path, confined) as process:
        address = listening_address(process)
        url = metrics_url(process)
        with UdpClient(address) as client:
            client.connect()
            client.announce(OTHER_HASH)
            client.ask(client.announce_request(HASH), ErrorResponse)
            (root / "list").write_text("")
            process.signal(signal.SIGUSR1)
            process.wait_for_line("access list read: 0 info hashes")
            client.announce(HASH)
        assert metrics(url)['aquatic_torrents{ip_version="4"}'] == 2
        process.wait_for_line("General:")
        wait_until((root / "statistics.html").exists)
        stop(process)
