"""What real clients send is parsed whole, and their peer ids name them and their versions."""

import re
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from socket import AF_INET
from urllib.parse import parse_qsl, urlsplit

import libtorrent as lt
import pytest

from aquatic.peer_id import identify, identify_prefix
from aquatic.protocol import http
from aquatic.protocol.udp import AnnounceRequest, Event
from tests.support.processes import Process
from tests.system.clients import (
    SharedFile,
    aria2,
    libtorrent,
    needs_aria2,
    needs_transmission,
    transmission,
)
from tests.system.recording_tracker import RecordingHttpTracker, RecordingTracker

Starter = Callable[[Path, Path], AbstractContextManager[Process]]


def version_said_by(program: str) -> str:
    """The version in what `program --version` prints, on whichever output."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
    assert found
    return found[0]


def start_announced(shared: SharedFile, directory: Path, start: Starter) -> AnnounceRequest:
    with RecordingTracker() as tracker, start(directory, shared.torrent(tracker.announce_url)):
        return tracker.wait_for_announce(Event.STARTED)


def check_start_of_a_leecher(announce: AnnounceRequest | http.AnnounceRequest, shared: SharedFile) -> None:
    assert announce.info_hash == shared.info_hash
    assert announce.left == len(shared.content)
    assert (announce.downloaded, announce.uploaded) == (0, 0)
    assert announce.port > 1024
    assert announce.num_want > 0


def test_libtorrent(shared: SharedFile, downloads: Path) -> None:
    announce = start_announced(shared, downloads, lambda *where: libtorrent(AF_INET, *where))
    check_start_of_a_leecher(announce, shared)
    version = ".".join(lt.__version__.split(".")[:3])
    assert str(identify(announce.peer_id)) == f"libtorrent (Rasterbar) {version}"
    assert identify_prefix(announce.peer_id[:8]) == identify(announce.peer_id)
    assert announce.url_data == b"/announce?passkey=1"


@needs_aria2
def test_aria2(shared: SharedFile, downloads: Path) -> None:
    announce = start_announced(shared, downloads, aria2)
    check_start_of_a_leecher(announce, shared)
    assert str(identify(announce.peer_id)) == f"aria2 {version_said_by('aria2c')}"
    assert identify_prefix(announce.peer_id[:8]).name == "aria2"
    # A draft before BEP 15 had two bytes of extensions there.
    assert announce.options == b"\0\0"
    assert announce.url_data is None


@needs_transmission
def test_transmission(shared: SharedFile, downloads: Path) -> None:
    announce = start_announced(shared, downloads, transmission)
    check_start_of_a_leecher(announce, shared)
    version = version_said_by("transmission-cli")
    assert str(identify(announce.peer_id)) == f"Transmission {version}"
    assert identify_prefix(announce.peer_id[:8]) == identify(announce.peer_id)


@pytest.mark.parametrize(
    ("start", "name", "parameters"),
    [
        pytest.param(
            lambda *where: libtorrent(AF_INET, *where),
            "libtorrent (Rasterbar)",
            {"corrupt", "no_peer_id", "redundant", "supportcrypto"},
            id="libtorrent",
        ),
        pytest.param(aria2, "aria2", {"supportcrypto"}, id="aria2", marks=needs_aria2),
        pytest.param(
            transmission, "Transmission", {"supportcrypto"}, id="transmission", marks=needs_transmission
        ),
    ],
)
def test_over_http(
    shared: SharedFile, downloads: Path, start: Starter, name: str, parameters: set[str]
) -> None:
    """`parameters` are those, beyond the library's, that the client adds: they show that such come."""
    with RecordingHttpTracker() as tracker, start(downloads, shared.torrent(tracker.announce_url)):
        announce, target = tracker.wait_for_announce(http.Event.STARTED)
        check_start_of_a_leecher(announce, shared)
        assert identify(announce.peer_id).name == name
        assert announce.compact
        assert announce.key
        sent = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True, encoding="latin-1"))
        assert sent["passkey"] == "1"
        assert parameters <= sent.keys()
