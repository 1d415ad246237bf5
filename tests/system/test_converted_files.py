"""What `aquatic config convert` makes of the Rust trackers' files serves what they served."""

import os
import signal
import socket
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

from tests.support.http_client import announce_path, connection_to, get, http_address, running_tracker
from tests.support.udp_client import UdpClient, listening_address
from tests.support.ws_client import ws_client

INFO_HASH = bytes(range(20))


def test_all_trackers_on_one_address(tmp_path: Path) -> None:
    # Nobody else has a port on this process's own loopback address.
    host = str(IPv4Address("127.0.0.0") + os.getpid() % (1 << 24))
    with socket.create_server((host, 0)) as chosen:
        port = chosen.getsockname()[1]
    address = f"network.address = '{host}:{port}'\n"
    files = [f"--{name}={tmp_path}/{name}" for name in ("udp", "http", "ws")]
    for name in ("udp", "http", "ws"):
        (tmp_path / name).write_text(address)
    command = [sys.executable, "-m", "aquatic", "config", "convert", *files]
    converted = subprocess.run(command, check=True, capture_output=True, text=True)
    with running_tracker(tmp_path, "serve", converted.stdout) as process:
        assert listening_address(process) == (host, port)
        assert http_address(process) == (host, port)
        process.wait_for_line(f"listening on ws://{host}:{port}")
        with UdpClient((host, port)) as client:
            client.connect()
            client.announce(INFO_HASH, port=1111, left=0)
        with connection_to((host, port)) as connection:
            assert get(connection, announce_path(2222, INFO_HASH))[b"complete"] == 1
        with ws_client((host, port)) as client:
            assert client.announce(INFO_HASH, b"-WW0208-000000000001", left=1)["incomplete"] == 1
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, process.errors
