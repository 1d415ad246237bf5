"""Real clients that never heard of each other transfer a file which they find through the tracker."""

from pathlib import Path
from socket import AF_INET, AddressFamily

from tests.support.processes import wait_until
from tests.system.clients import (
    SharedFile,
    aria2,
    libtorrent,
    needs_aria2,
    needs_transmission,
    transmission,
)
from tests.system.harness import Tracker


def test_libtorrent_from_libtorrent(
    tracker: Tracker, family: AddressFamily, shared: SharedFile, downloads: Path
) -> None:
    torrent = shared.torrent(tracker.announce_url(family))
    with libtorrent(family, shared.directory, torrent) as seeder:
        seeder.wait_for_line("tracker_reply")
        with libtorrent(family, downloads, torrent) as leecher:
            leecher.wait_for_line("torrent_finished")
    assert (downloads / shared.name).read_bytes() == shared.content


def test_magnet_gets_its_metadata_from_a_peer_of_the_tracker(
    tracker: Tracker, family: AddressFamily, shared: SharedFile, downloads: Path
) -> None:
    url = tracker.announce_url(family)
    with libtorrent(family, shared.directory, shared.torrent(url)) as seeder:
        seeder.wait_for_line("tracker_reply")
        with libtorrent(family, downloads, shared.magnet(url)) as leecher:
            leecher.wait_for_line("metadata_received")
            leecher.wait_for_line("torrent_finished")
    assert (downloads / shared.name).read_bytes() == shared.content


@needs_aria2
def test_aria2_from_libtorrent(tracker: Tracker, shared: SharedFile, downloads: Path) -> None:
    torrent = shared.torrent(tracker.announce_url(AF_INET))
    with libtorrent(AF_INET, shared.directory, torrent) as seeder:
        seeder.wait_for_line("tracker_reply")
        with aria2(downloads, torrent) as leecher:
            assert leecher.wait() == 0, leecher.output
    assert (downloads / shared.name).read_bytes() == shared.content


@needs_aria2
def test_aria2_by_magnet(tracker: Tracker, shared: SharedFile, downloads: Path, tmp_path: Path) -> None:
    """Until aria2 has the metadata it announces that nothing is left, as if it were a seeder.

    So it is handed leechers only; here one comes later and connects, with the metadata.
    """
    url = tracker.announce_url(AF_INET)
    torrent = shared.torrent(url)
    with (
        libtorrent(AF_INET, shared.directory, torrent) as seeder,
        tracker.client(AF_INET) as client,
    ):
        seeder.wait_for_line("tracker_reply")
        with aria2(downloads, shared.magnet(url)) as leecher:
            wait_until(lambda: client.scrape(shared.info_hash)[0].seeders == 2)
            with libtorrent(AF_INET, tmp_path, torrent):
                assert leecher.wait() == 0, leecher.output
    assert (downloads / shared.name).read_bytes() == shared.content


@needs_transmission
def test_transmission_from_libtorrent(tracker: Tracker, shared: SharedFile, downloads: Path) -> None:
    """The seeder comes second and connects, since Transmission does not connect to loopback addresses."""
    torrent = shared.torrent(tracker.announce_url(AF_INET))
    with transmission(downloads, torrent) as leecher, tracker.client(AF_INET) as client:
        wait_until(lambda: client.scrape(shared.info_hash)[0].leechers == 1)
        with libtorrent(AF_INET, shared.directory, torrent):
            leecher.wait_for_line(f"finished {shared.info_hash.hex()}")
    assert (downloads / shared.name).read_bytes() == shared.content
