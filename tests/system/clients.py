"""Real BitTorrent clients, set so that they learn of each other through the tracker and in no other way.

Of a tracker with TLS each checks the certificate, and is told in its own way to trust one that no authority has signed:
libtorrent by OpenSSL's variable SSL_CERT_FILE, Transmission by CURL_CA_BUNDLE, which it reads itself, and aria2 by the
option --ca-certificate. Each wants the address of the tracker among the certificate's names.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, AF_INET6, SOCK_STREAM, AddressFamily
from typing import Any, Self

import libtorrent as lt
import pytest

from aquatic.bench.process import claimed_port
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
    # All of a torrent file but the tracker.
    description: dict[bytes, Any]

    @classmethod
    def create(cls, directory: Path, versions: int = lt.create_torrent.v1_only) -> Self:
        """Write a file of random content into a new directory; `versions` are flags of libtorrent's, 0 for both."""
        directory.mkdir()
        content = os.urandom(1_000_000)
        (directory / "shared").write_bytes(content)
        creator = lt.create_torrent([lt.create_file_entry("shared", len(content))], 65536, versions)
        lt.set_piece_hashes(creator, str(directory))
        return cls(directory, "shared", content, dict(creator.generate()))

    @property
    def info_hash(self) -> bytes:
        return hashlib.sha1(lt.bencode(self.description[b"info"])).digest()

    @property
    def info_hash_v2(self) -> bytes:
        """Of BEP 52: 32 bytes, of which trackers are told the first 20."""
        return hashlib.sha256(lt.bencode(self.description[b"info"])).digest()

    def torrent(self, announce_url: str) -> Path:
        """Write a torrent file with this tracker, beside those with others, which clients may be about to read."""
        file = self.directory / f"{zlib.crc32(announce_url.encode()):08x}.torrent"
        file.write_bytes(lt.bencode(self.description | {b"announce": announce_url.encode()}))
        return file

    def magnet(self, announce_url: str) -> str:
        return f"magnet:?xt=urn:btih:{self.info_hash.hex()}&tr={announce_url}"

    def magnet_v2(self, announce_url: str) -> str:
        """With the hash only that BEP 52 gives the torrent (a multihash: SHA-256, 32 bytes)."""
        return f"magnet:?xt=urn:btmh:1220{self.info_hash_v2.hex()}&tr={announce_url}"


@contextlib.contextmanager
def libtorrent(
    family: AddressFamily, directory: Path, *torrents_or_magnets: Path | str, trusted: Path | None = None
) -> Iterator[Process]:
    """Run libtorrent on loopback; it tells the tracker `stopped` of each torrent at the end."""
    interface = {AF_INET: "127.0.0.1:0", AF_INET6: "[::1]:0"}[family]
    program = str(Path(__file__).with_name("libtorrent_client.py"))
    command = [sys.executable, program, interface, str(directory), *map(str, torrents_or_magnets)]
    environment = environment_with("SSL_CERT_FILE", trusted)
    with running(command, stdin=subprocess.PIPE, env=environment) as process:
        assert process.popen.stdin is not None
        with process.popen.stdin:
            yield process
        assert process.wait() == 0, process.errors


def environment_with(variable: str, value: Path | None) -> dict[str, str]:
    return {**os.environ, variable: str(value)} if value else dict(os.environ)


def scrape(process: Process) -> str:
    """Have libtorrent scrape the trackers of its torrents; returns its line about the first answer."""
    assert process.popen.stdin is not None
    process.popen.stdin.write("scrape\n")
    process.popen.stdin.flush()
    return process.wait_for_line("scrape_reply")


@contextlib.contextmanager
def aria2(
    directory: Path,
    torrent_or_magnet: Path | str,
    family: AddressFamily = AF_INET,
    trusted: Path | None = None,
) -> Iterator[Process]:
    """Run aria2 with one torrent, on loopback (it asks no UDP tracker over IPv6); ends when it is done."""
    options: dict[str, object] = {
        # Without DHT it asks no UDP tracker; it knows no node and is not told any.
        "enable-dht": "true",
        "dht-file-path": directory / "dht",
        "enable-dht6": "false",
        "bt-enable-lpd": "false",
        "enable-peer-exchange": "false",
        "interface": {AF_INET: "127.0.0.1", AF_INET6: "::1"}[family],
        "seed-time": 0,
        "dir": directory,
        "check-certificate": "true",
    }
    if trusted:
        options["ca-certificate"] = trusted
    with claimed_port(SOCK_STREAM) as port:
        options |= {"dht-listen-port": port, "listen-port": port}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        with running(["aria2c", "--no-conf", *arguments, str(torrent_or_magnet)]) as process:
            yield process


@contextlib.contextmanager
def transmission(
    directory: Path, torrent: Path, family: AddressFamily = AF_INET, trusted: Path | None = None
) -> Iterator[Process]:
    """Run Transmission with one torrent, on loopback; it prints `finished INFO_HASH`.

    It connects to no loopback address that a tracker gives, since it holds them to be wrong, but it announces
    itself and others can connect to it.
    """
    home = directory / "transmission"
    home.mkdir()
    script = home / "finished"
    script.write_text('#!/bin/sh\necho "finished $TR_TORRENT_HASH"\n')
    script.chmod(0o755)
    settings = {
        # It asks trackers of either family from this address, unless it is the default.
        "bind-address-ipv4": {AF_INET: "127.0.0.1", AF_INET6: "0.0.0.0"}[family],
        "bind-address-ipv6": "::1",
        "dht-enabled": False,
        "lpd-enabled": False,
        "pex-enabled": False,
        "port-forwarding-enabled": False,
    }
    (home / "settings.json").write_text(json.dumps(settings))
    with claimed_port(SOCK_STREAM) as port:
        options = {"config-dir": home, "download-dir": directory, "port": port, "finish": script}
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        environment = environment_with("CURL_CA_BUNDLE", trusted)
        with running(["transmission-cli", *arguments, str(torrent)], env=environment) as process:
            yield process
