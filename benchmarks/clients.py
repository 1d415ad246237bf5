"""Real clients on a tracker under measurement."""

from pathlib import Path
from socket import AF_INET

from tests.system.clients import SharedFile, libtorrent


def transfer(announce_url: str, directory: Path) -> None:
    """A file from one libtorrent client to another, who find each other by the tracker alone.

    AssertionError when that takes longer than tests wait, or another file arrives.
    """
    shared = SharedFile.create(directory / "shared")
    torrent = shared.torrent(announce_url)
    downloads = directory / "downloads"
    downloads.mkdir()
    with libtorrent(AF_INET, shared.directory, torrent) as seeder:
        seeder.wait_for_line("tracker_reply")
        with libtorrent(AF_INET, downloads, torrent) as leecher:
            leecher.wait_for_line("torrent_finished")
    assert (downloads / shared.name).read_bytes() == shared.content, "another file arrived"
