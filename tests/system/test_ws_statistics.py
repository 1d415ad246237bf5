"""What a tracker shows of real WebSocket connections."""

from pathlib import Path

from tests.support.http_client import announce_path, connection_to, get, http_address
from tests.support.metrics import metrics, metrics_showing, metrics_url
from tests.support.processes import wait_until
from tests.support.ws_client import binary, offer, ws_client
from tests.system.test_http_statistics import STATISTICS
from tests.system.test_ws_tracker import INFO_HASH, PEERS, TOGETHER, exchange, tracker, ws_address

ALONE = """
[network]
address = "127.0.0.1:0"
[metrics]
run_prometheus_endpoint = true
prometheus_endpoint_address = "127.0.0.1:0"
torrent_count_update_interval = 1
peer_clients = true
peer_id_prefixes = true
print_to_stdout = true
response_latency = true
"""
LABELS = 'ip_version="4",worker_index="0"'


def test_signalling_is_shown_as_by_the_rust_tracker(tmp_path: Path) -> None:
    with tracker(tmp_path, "ws", ALONE) as process:
        address, url = ws_address(process), metrics_url(process)
        with ws_client(address) as one, ws_client(address) as other:
            other.announce(INFO_HASH, PEERS[1], left=0)
            exchange(one, other, 1, (PEERS[0], PEERS[1]))
            other.ask(action="scrape", info_hash=binary(INFO_HASH))
            assert "failure reason" in other.ask(action="scrape")
            # There is one other peer for two offers.
            one.announce(INFO_HASH, PEERS[0], left=1, offers=[offer(2), offer(3)])
            other.receive()
            expected = {
                f'aquatic_requests_total{{type="announce",{LABELS}}}': 4,
                f'aquatic_requests_total{{type="scrape",{LABELS}}}': 2,
                f'aquatic_responses_total{{type="announce",{LABELS}}}': 3,
                f'aquatic_responses_total{{type="scrape",{LABELS}}}': 1,
                f'aquatic_responses_total{{type="error",{LABELS}}}': 1,
                f'aquatic_responses_total{{type="offer",{LABELS}}}': 2,
                f'aquatic_responses_total{{type="answer",{LABELS}}}': 1,
                f'aquatic_dropped_offers_total{{cause="no_receiver",{LABELS}}}': 1,
                f"aquatic_torrents{{{LABELS}}}": 1,
                f"aquatic_peers{{{LABELS}}}": 2,
                f"aquatic_seeders{{{LABELS}}}": 1,
                f"aquatic_active_connections{{{LABELS}}}": 2,
                'aquatic_response_latency_seconds_count{type="scrape"}': 1,
            }
            metrics_showing(url, expected)
            # Once in each interval.
            prefix = f'aquatic_peer_id_prefixes{{prefix_hex="{PEERS[0][:8].hex()}"}}'
            wait_until(lambda: metrics(url).get(prefix) == 2)
        wait_until(lambda: metrics(url)[f"aquatic_peers{{{LABELS}}}"] == 0)
        process.wait_for_line("WebTorrent over IPv4:")


def test_one_process_tells_its_protocols_apart(tmp_path: Path) -> None:
    with tracker(tmp_path, "serve", TOGETHER + STATISTICS) as process:
        http, url = http_address(process), metrics_url(process)
        with connection_to(http) as connection, ws_client(http) as client:
            get(connection, announce_path(1111))
            for _ in range(2):
                client.announce(INFO_HASH, PEERS[0], left=0)
            expected: dict[str, float] = {
                f"aquatic_active_connections{{{LABELS}}}": 2,
                'aquatic_peers{ip_version="4"}': 1,
                'aquatic_peers{ip_version="4",protocol="ws"}': 1,
            }
            for protocol, responses in (("http", 1), ("ws", 2)):
                label = f'protocol="{protocol}"'
                expected[f'aquatic_responses_total{{type="announce",{LABELS},{label}}}'] = responses
                expected[f'aquatic_response_latency_seconds_count{{type="announce",{label}}}'] = responses
            metrics_showing(url, expected)
