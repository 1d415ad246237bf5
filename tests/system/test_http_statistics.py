"""What a tracker shows of real requests over real connections, also inside a bare directory and over TLS."""

import os
import signal
import ssl
from pathlib import Path

import pytest

from aquatic.protocol.udp import AnnounceResponse
from tests.support.certificates import Certificate, make_certificate
from tests.support.http_client import (
    INFO_HASH,
    announce_path,
    connection_to,
    get,
    http_address,
    running_tracker,
)
from tests.support.metrics import metrics, metrics_showing, metrics_url
from tests.support.processes import wait_until
from tests.support.udp_client import UdpClient, listening_address
from tests.system.test_http_tracker import BOTH_PROTOCOLS

HTTP_ALONE = """
[network]
use_ipv6 = false
address_ipv4 = "127.0.0.1:0"
[metrics]
run_prometheus_endpoint = true
prometheus_endpoint_address = "127.0.0.1:0"
torrent_count_update_interval = 1
print_to_stdout = true
response_latency = true
"""
STATISTICS = """
[statistics]
interval_seconds = 1
prometheus = true
prometheus_address = "127.0.0.1:0"
response_latency = true
"""


def test_requests_over_http_are_shown_as_by_the_rust_tracker(tmp_path: Path) -> None:
    with running_tracker(tmp_path, "http", HTTP_ALONE) as process:
        address, url = http_address(process), metrics_url(process)
        with connection_to(address) as connection:
            for port in (1111, 2222, 3333):
                get(connection, announce_path(port))
            assert b"failure reason" in get(connection, "/announce?info_hash=short")
            assert b"failure reason" in get(connection, "/scrape")
            connection.request("GET", "/")
            connection.getresponse().read()
            labels = 'ip_version="4",worker_index="0"'
            expected = {
                f'aquatic_requests_total{{type="announce",{labels}}}': 4,
                f'aquatic_requests_total{{type="scrape",{labels}}}': 1,
                f'aquatic_responses_total{{type="announce",{labels}}}': 3,
                f'aquatic_responses_total{{type="scrape",{labels}}}': 0,
                f'aquatic_responses_total{{type="error",{labels}}}': 2,
                f'aquatic_errors_total{{cause="refused",{labels}}}': 2,
                f"aquatic_other_requests_total{{{labels}}}": 1,
                f"aquatic_torrents{{{labels}}}": 1,
                f"aquatic_peers{{{labels}}}": 3,
                'aquatic_active_connections{worker_index="0"}': 1,
                f"aquatic_connections_accepted_total{{{labels}}}": 1,
                'aquatic_response_latency_seconds_count{type="announce"}': 3,
                'aquatic_response_latency_seconds_count{type="other"}': 3,
            }
            found = metrics_showing(url, expected)
            assert not any("protocol=" in name for name in found)
        closed = f'aquatic_connections_closed_total{{cause="peer",{labels}}}'
        wait_until(lambda: metrics(url)[closed] == 1)
        process.wait_for_line("HTTP over IPv4:")
        process.wait_for_line("Connections:")
        process.wait_for_line("Response latency:")


def test_one_process_tells_its_protocols_apart(tmp_path: Path) -> None:
    with running_tracker(tmp_path, "serve", BOTH_PROTOCOLS + STATISTICS) as process:
        udp, http, url = listening_address(process), http_address(process), metrics_url(process)
        with UdpClient(udp) as client, connection_to(http) as connection:
            client.connect()
            assert isinstance(client.announce(INFO_HASH, port=1111, left=0), AnnounceResponse)
            for port in (2222, 3333):
                get(connection, announce_path(port))
        latencies = 'aquatic_response_latency_seconds_count{type="announce",protocol="http"}'
        found = metrics_showing(url, {latencies: 2})

        def responses(protocol: str) -> float:
            return sum(
                value
                for name, value in found.items()
                if name.startswith('aquatic_responses_total{type="announce"')
                and f'protocol="{protocol}"' in name
            )

        assert (responses("udp"), responses("http")) == (1, 2)
        assert found['aquatic_peers{ip_version="4"}'] == 3


TLS_IN_A_BARE_DIRECTORY = """log_level = "info"
[[listen]]
address = "127.0.0.1:0"
protocols = ["http"]
tls = true
tls_certificate_path = "/served.pem"
tls_private_key_path = "/served.key"
[privileges]
drop = true
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A bare directory that the unprivileged user may read."""
    bare = tmp_path / "root"
    bare.mkdir()
    for parent in (bare, tmp_path, *tmp_path.parents):
        if parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(parent.stat().st_mode | 0o005)
    return bare


def install(root: Path, made: Certificate) -> None:
    (root / "served.pem").write_bytes(made.certificate.read_bytes())
    (root / "served.key").write_bytes(made.private_key.read_bytes())
    (root / "served.key").chmod(0o644)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its root directory and user")
def test_tls_is_served_counted_and_reloaded_in_a_bare_directory(tmp_path: Path, root: Path) -> None:
    old, new = make_certificate(tmp_path, "old"), make_certificate(tmp_path, "new")
    install(root, old)
    configuration = f'{TLS_IN_A_BARE_DIRECTORY}chroot_path = "{root}"\n{STATISTICS}'
    with running_tracker(tmp_path, "serve", configuration) as process:
        address, url = http_address(process), metrics_url(process)
        with connection_to(address, old.client_context()) as connection:
            get(connection, announce_path(1111))
            install(root, new)
            process.signal(signal.SIGUSR1)
            process.wait_for_line("certificates read for 1 listener(s)")
            get(connection, announce_path(1111))
            with (
                connection_to(address, old.client_context()) as distrusting,
                pytest.raises(ssl.SSLCertVerificationError),
            ):
                get(distrusting, announce_path(1111))
            with connection_to(address, new.client_context()) as second:
                get(second, announce_path(2222))
                labels = 'ip_version="4",worker_index="0"'
                found = metrics_showing(url, {f'aquatic_responses_total{{type="announce",{labels}}}': 3})
        assert found[f"aquatic_tls_handshakes_total{{{labels}}}"] >= 2
        assert found[f"aquatic_connection_received_bytes_total{{{labels}}}"] > 0
        # Read from /proc, which this root has not.
        assert found["process_open_fds"] >= 3
        assert found["process_resident_memory_bytes"] > 1 << 20
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, process.errors
