"""What real clients send is parsed whole, and their peer ids name them and their versions."""

import re
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from socket import AF_INET

import libtorrent as lt

from aquatic.peer_id import identify, identify_prefix
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
from tests.system.recording_tracker import RecordingTracker

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


def check_start_of_a_leecher(announce: AnnounceRequest, shared: SharedFile) -> None:
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
