"""Real BitTorrent clients, set so that they learn of each other through the tracker and in no other way."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, AF_INET6, SOCK_STREAM, AddressFamily, socket
from typing import Any, Self

import libtorrent as lt
import pytest

from tests.support.processes import Process, running

needs_aria2 = pytest.mark.skipif(not shutil.which("aria2c"), reason="no aria2c (Debian package aria2)")
needs_transmission = pytest.mark.skipif(
    not shutil.which("transmission-cli"), reason="no transmission-cli (Debian package of that name)"
)


@dataclass(frozen=True)
class SharedFile:
    """A file that nobody else has, and what describes it to clients."""

    directory: Path
    name: str
    content: bytes
    info: dict[bytes, Any]

    @classmethod
    def create(cls, directory: Path) -> Self:
        """Write a file of random content into a new directory."""
        directory.mkdir()
        content = os.urandom(1_000_000)
        (directory / "shared").write_bytes(content)
        creator = lt.create_torrent(
            [lt.create_file_entry("shared", len(content))], 65536, lt.create_torrent.v1_only
        )
        lt.set_piece_hashes(creator, str(directory))
        return cls(directory, "shared", content, dict(creator.generate()[b"info"]))

    @property
    def info_hash(self) -> bytes:
        return hashlib.sha1(lt.bencode(self.info)).digest()

    def torrent(self, announce_url: str) -> Path:
        """Write a torrent file with this tracker."""
        file = self.directory / "shared.torrent"
        torrent: dict[bytes, Any] = {b"announce": announce_url.encode(), b"info": self.info}
        file.write_bytes(lt.bencode(torrent))
        return file

    def magnet(self, announce_url: str) -> str:
        return f"magnet:?xt=urn:btih:{self.info_hash.hex()}&tr={announce_url}"


@contextlib.contextmanager
def libtorrent(family: AddressFamily, directory: Path, torrent_or_magnet: Path | str) -> Iterator[Process]:
    """Run libtorrent with one torrent, on loopback; it tells the tracker `stopped` at the end."""
    interface = {AF_INET: "127.0.0.1:0", AF_INET6: "[::1]:0"}[family]
    program = str(Path(__file__).with_name("libtorrent_client.py"))
    command = [sys.executable, program, interface, str(directory), str(torrent_or_magnet)]
    with running(command, stdin=subprocess.PIPE) as process:
        assert process.popen.stdin is not None
        with process.popen.stdin:
            yield process
        assert process.wait() == 0, process.errors


def scrape(process: Process) -> str:
    """Have libtorrent scrape the tracker; returns its line about the answer."""
    assert process.popen.stdin is not None
    process.popen.stdin.write("scrape\n")
    process.popen.stdin.flush()
    return process.wait_for_line("scrape_reply")


def aria2(directory: Path, torrent_or_magnet: Path | str) -> contextlib.AbstractContextManager[Process]:
    """Run aria2 with one torrent, on IPv4 loopback (it asks no UDP tracker over IPv6); ends when it is done."""
    port = free_port()
    options = {
        "dht-listen-port": port,
        "listen-port": port,
        # Without DHT it asks no UDP tracker; it knows no node and is not told any.
        "enable-dht": "true",
        "dht-file-path": directory / "dht",
        "enable-dht6": "false",
        "bt-enable-lpd": "false",
        "enable-peer-exchange": "false",
        "interface": "127.0.0.1",
        "seed-time": 0,
        "dir": directory,
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return running(["aria2c", "--no-conf", *arguments, str(torrent_or_magnet)])


def transmission(directory: Path, torrent: Path) -> contextlib.AbstractContextManager[Process]:
    """Run Transmission with one torrent, on IPv4 loopback; it prints `finished INFO_HASH`.

    It connects to no loopback address that a tracker gives, since it holds them to be wrong, but it announces
    itself and others can connect to it.
    """
    home = directory / "transmission"
    home.mkdir()
    script = home / "finished"
    script.write_text('#!/bin/sh\necho "finished $TR_TORRENT_HASH"\n')
    script.chmod(0o755)
    settings = {
        "bind-address-ipv4": "127.0.0.1",
        "bind-address-ipv6": "::1",
        "dht-enabled": False,
        "lpd-enabled": False,
        "pex-enabled": False,
        "port-forwarding-enabled": False,
    }
    (home / "settings.json").write_text(json.dumps(settings))
    options = {"config-dir": home, "download-dir": directory, "port": free_port(), "finish": script}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return running(["transmission-cli", *arguments, str(torrent)])


def free_port() -> int:
    """A TCP and UDP port that is free now, for clients that cannot ask the system for one."""
    with socket(AF_INET, SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
