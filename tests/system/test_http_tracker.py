"""`aquatic serve` and `aquatic http` as processes, spoken to over real connections."""

import re
import signal
import ssl
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from aquatic.protocol import bencode
from aquatic.protocol.udp import AnnounceResponse
from tests.support.certificates import make_certificate
from tests.support.http_client import (
    INFO_HASH,
    announce_path,
    connection_to,
    get,
    http_address,
    running_tracker,
)
from tests.support.udp_client import UdpClient, listening_address

LOOPBACK = """
[network]
address_ipv4 = "127.0.0.1:0"
address_ipv6 = "[::1]:0"
"""
BOTH_PROTOCOLS = """
[[listen]]
address = "127.0.0.1:0"
protocols = ["udp"]
[[listen]]
address = "127.0.0.1:0"
protocols = ["http"]
[workers]
udp_count = 2
stream_count = 2
"""


def test_peers_of_both_protocols_meet_in_one_swarm(tmp_path: Path) -> None:
    with running_tracker(tmp_path, "serve", BOTH_PROTOCOLS) as process:
        udp, http = listening_address(process), http_address(process)
        with UdpClient(udp) as client:
            client.connect()
            client.announce(INFO_HASH, port=1111, left=0)
            with connection_to(http) as connection:
                answer = get(connection, announce_path(2222))
            assert answer[b"complete"] == 1
            assert answer[b"peers"] == bytes([127, 0, 0, 1]) + (1111).to_bytes(2, "big")
            found = client.announce(INFO_HASH, port=3333, left=1)
            assert isinstance(found, AnnounceResponse)
            assert {peer.port for peer in found.peers} == {1111, 2222}
        with connection_to(http) as connection:
            scraped = get(connection, f"/scrape?info_hash={quote(INFO_HASH, safe='')}")
        assert scraped[b"files"][INFO_HASH][b"complete"] == 1
        assert scraped[b"files"][INFO_HASH][b"incomplete"] == 2
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, process.errors


@pytest.mark.parametrize("keep_alive", [True, False])
def test_the_file_of_the_rust_tracker_is_served(tmp_path: Path, keep_alive: bool) -> None:
    text = f"keep_alive = {str(keep_alive).lower()}\n"
    with running_tracker(tmp_path, "http", LOOPBACK + text) as process:
        addresses = [http_address(process), http_address(process)]
        assert {address[0] for address in addresses} == {"127.0.0.1", "::1"}
        for address in addresses:
            with connection_to(address) as connection:
                connection.request("GET", announce_path(2222, event="started"))
                response = connection.getresponse()
                answer = bencode.decode(response.read())
            assert isinstance(answer, dict)
            assert (answer[b"interval"], answer[b"peers"], answer[b"peers6"]) == (120, b"", b"")
            assert response.will_close is not keep_alive
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, process.errors


def test_the_client_behind_a_proxy_is_the_peer(tmp_path: Path) -> None:
    configuration = LOOPBACK + "runs_behind_reverse_proxy = true\n"
    with (
        running_tracker(tmp_path, "http", configuration) as process,
        connection_to(http_address(process)) as connection,
    ):
        for port, client in ((1111, "198.51.100.1"), (2222, "198.51.100.2")):
            headers = {"X-Forwarded-For": f"203.0.113.9, {client}"}
            answer = get(connection, announce_path(port), **headers)
        assert answer[b"peers"] == bytes([198, 51, 100, 1]) + (1111).to_bytes(2, "big")
        assert answer[b"external ip"] == bytes([198, 51, 100, 2])
        assert b"failure reason" in get(connection, announce_path(3333))


def test_the_access_list_and_the_certificate_are_read_again(tmp_path: Path) -> None:
    old, new = make_certificate(tmp_path, "old"), make_certificate(tmp_path, "new")
    certificate, private_key = tmp_path / "served.pem", tmp_path / "served.key"
    certificate.write_bytes(old.certificate.read_bytes())
    private_key.write_bytes(old.private_key.read_bytes())
    (tmp_path / "list.txt").write_text(f"{INFO_HASH.hex()}\n")
    configuration = f"""log_level = "info"
{LOOPBACK}enable_tls = true
tls_certificate_path = "{certificate}"
tls_private_key_path = "{private_key}"
[access_list]
mode = "allow"
path = "list.txt"
"""
    with running_tracker(tmp_path, "http", configuration) as process, ExitStack() as stack:
        address = http_address(process)
        first = stack.enter_context(connection_to(address, old.client_context()))
        assert b"peers" in get(first, announce_path(1111))
        (tmp_path / "list.txt").write_text("")
        certificate.write_text("nonsense")
        process.signal(signal.SIGUSR1)
        process.wait_for_line("access list read: 0 info hashes")
        assert f"the old certificates stay: certificate {certificate}" in process.wait_for_line("ERROR")
        assert get(first, announce_path(1111))[b"failure reason"] == b"Info hash not allowed"
        certificate.write_bytes(new.certificate.read_bytes())
        private_key.write_bytes(new.private_key.read_bytes())
        process.signal(signal.SIGUSR1)
        process.wait_for_line("certificates read for 2 listener(s)")
        assert b"failure reason" in get(first, announce_path(1111)), "open connections stay"
        distrusting = stack.enter_context(connection_to(address, old.client_context()))
        with pytest.raises(ssl.SSLCertVerificationError):
            get(distrusting, announce_path(1111))
        second = stack.enter_context(connection_to(address, new.client_context()))
        assert b"failure reason" in get(second, announce_path(1111))


@pytest.mark.parametrize(
    ("certificate", "said"),
    [
        ("missing.pem", "cannot read .*missing.pem: No such file"),
        ("nonsense.pem", "certificate .*nonsense.pem: "),
    ],
)
def test_a_bad_certificate_ends_the_start(tmp_path: Path, certificate: str, said: str) -> None:
    made = make_certificate(tmp_path)
    (tmp_path / "nonsense.pem").write_text("nonsense")
    configuration = f"""{LOOPBACK}enable_tls = true
tls_certificate_path = "{tmp_path / certificate}"
tls_private_key_path = "{made.private_key}"
"""
    with running_tracker(tmp_path, "http", configuration) as process:
        assert process.wait() == 1
        # A machine with few file descriptors is warned of before.
        (error,) = (line for line in process.errors if not line.startswith("Warning: only"))
        assert re.match(f"Error: {said}", error)


def test_a_second_tracker_is_refused(tmp_path: Path) -> None:
    with running_tracker(tmp_path, "serve", BOTH_PROTOCOLS) as process:
        port = http_address(process)[1]
        folder = tmp_path / "second"
        folder.mkdir()
        configuration = f'[[listen]]\naddress = "127.0.0.1:{port}"\nprotocols = ["http"]\n'
        with running_tracker(folder, "serve", configuration) as second:
            assert second.wait() == 1
            assert f"cannot listen on http://127.0.0.1:{port}: Address already in use" in second.errors[0]
