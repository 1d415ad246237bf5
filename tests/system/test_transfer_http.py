"""Real clients transfer a file which they find through `aquatic serve`, over HTTP, HTTPS and between protocols.

How each is made to trust the certificate of a test is told in `clients`.
"""

import contextlib
import itertools
from pathlib import Path
from socket import AF_INET, AF_INET6, AddressFamily

import libtorrent as lt
import pytest

from tests.support.processes import wait_until
from tests.system.clients import (
    SharedFile,
    aria2,
    libtorrent,
    needs_aria2,
    needs_transmission,
    scrape,
    transmission,
)
from tests.system.harness import Server

over_each_scheme = pytest.mark.parametrize("scheme", ["http", "https"])


@over_each_scheme
def test_libtorrent_by_torrent_and_by_magnet(
    server: Server, family: AddressFamily, scheme: str, shared: SharedFile, downloads: Path, tmp_path: Path
) -> None:
    url, trusted = server.announce_url(scheme, family), server.trusted(scheme)
    torrent = shared.torrent(url)
    with libtorrent(family, shared.directory, torrent, trusted=trusted) as seeder:
        seeder.wait_for_line("tracker_reply")
        with libtorrent(family, downloads, torrent, trusted=trusted) as leecher:
            leecher.wait_for_line("torrent_finished")
        with libtorrent(family, tmp_path, shared.magnet(url), trusted=trusted) as leecher:
            leecher.wait_for_line("metadata_received")
            leecher.wait_for_line("torrent_finished")
    for directory in (downloads, tmp_path):
        assert (directory / shared.name).read_bytes() == shared.content


@needs_aria2
@over_each_scheme
def test_aria2_from_libtorrent(
    server: Server, family: AddressFamily, scheme: str, shared: SharedFile, downloads: Path
) -> None:
    trusted = server.trusted(scheme)
    torrent = shared.torrent(server.announce_url(scheme, family))
    with libtorrent(family, shared.directory, torrent, trusted=trusted) as seeder:
        seeder.wait_for_line("tracker_reply")
        with aria2(downloads, torrent, family, trusted) as leecher:
            assert leecher.wait() == 0, leecher.output
    assert (downloads / shared.name).read_bytes() == shared.content


@needs_transmission
def test_transmission_from_libtorrent(server: Server, shared: SharedFile, tmp_path: Path) -> None:
    """The seeders come later and connect, since Transmission does not connect to loopback addresses.

    All at once, since Transmission says only every ten seconds what it is interested in.
    """
    leechers = []
    with contextlib.ExitStack() as stack:
        for scheme, family in itertools.product(("http", "https"), (AF_INET, AF_INET6)):
            directory = tmp_path / f"{scheme}-{family.name}"
            directory.mkdir()
            torrent = shared.torrent(server.announce_url(scheme, family))
            leecher = transmission(directory, torrent, family, server.trusted(scheme))
            leechers.append((stack.enter_context(leecher), directory))
        for family in (AF_INET, AF_INET6):
            wait_for_leechers(server, family, shared.info_hash, 2)
            torrent = shared.torrent(server.announce_url("http", family))
            stack.enter_context(libtorrent(family, shared.directory, torrent))
        for process, directory in leechers:
            process.wait_for_line(f"finished {shared.info_hash.hex()}")
            assert (directory / shared.name).read_bytes() == shared.content


def wait_for_leechers(server: Server, family: AddressFamily, info_hash: bytes, count: int) -> None:
    with server.client(family) as client:
        wait_until(lambda: client.scrape(info_hash)[0].leechers == count)


@needs_aria2
def test_a_client_over_udp_and_one_over_https_find_each_other(
    server: Server, shared: SharedFile, downloads: Path
) -> None:
    with libtorrent(AF_INET, shared.directory, shared.torrent(server.announce_url("udp", AF_INET))) as seeder:
        seeder.wait_for_line("tracker_reply")
        torrent = shared.torrent(server.announce_url("https", AF_INET))
        with aria2(downloads, torrent, trusted=server.trusted("https")) as leecher:
            assert leecher.wait() == 0, leecher.output
    assert (downloads / shared.name).read_bytes() == shared.content


def test_who_stops_is_not_handed_out_any_longer(
    server: Server, family: AddressFamily, shared: SharedFile
) -> None:
    torrent = shared.torrent(server.announce_url("http", family))
    with server.client(family) as client:
        with libtorrent(family, shared.directory, torrent) as seeder:
            seeder.wait_for_line("tracker_reply")
            assert client.announce(shared.info_hash).seeders == 1
        answer = client.announce(shared.info_hash)
        assert (answer.seeders, list(answer.peers)) == (0, [])


def test_libtorrent_scrapes_several_torrents(server: Server, tmp_path: Path) -> None:
    url = server.announce_url("https", AF_INET)
    files = [SharedFile.create(tmp_path / str(number)) for number in range(3)]
    torrents = [file.torrent(url) for file in files]
    with (
        server.client(AF_INET) as client,
        libtorrent(AF_INET, tmp_path / "0", *torrents, trusted=server.trusted("https")) as session,
    ):
        for _ in torrents:
            session.wait_for_line("tracker_reply")
        for number, file in enumerate(files):
            for port in range(1, number + 1):
                client.announce(file.info_hash, port=port, left=0)
        scraped = [scrape(session), *(session.wait_for_line("scrape_reply") for _ in torrents[1:])]
    assert sorted(scraped) == [
        f"scrape_reply complete={seeders} incomplete={leechers}"
        for seeders, leechers in ((1, 0), (1, 1), (2, 1))
    ]


@pytest.mark.parametrize("scheme", ["udp", "http"])
def test_a_torrent_of_version_2(server: Server, scheme: str, tmp_path: Path, downloads: Path) -> None:
    shared = SharedFile.create(tmp_path / "seeder", lt.create_torrent.v2_only)
    trusted = server.trusted(scheme)
    torrent = shared.torrent(server.announce_url(scheme, AF_INET))
    with libtorrent(AF_INET, shared.directory, torrent, trusted=trusted) as seeder:
        seeder.wait_for_line("tracker_reply")
        with server.client(AF_INET) as client:
            assert client.scrape(shared.info_hash_v2[:20])[0].seeders == 1
        with libtorrent(AF_INET, downloads, torrent, trusted=trusted) as leecher:
            leecher.wait_for_line("torrent_finished")
    assert (downloads / shared.name).read_bytes() == shared.content


def test_a_torrent_of_both_versions_is_found_by_either_hash(
    server: Server, tmp_path: Path, downloads: Path
) -> None:
    shared = SharedFile.create(tmp_path / "seeder", 0)
    url = server.announce_url("http", AF_INET)
    with libtorrent(AF_INET, shared.directory, shared.torrent(url)) as seeder:
        for _ in range(2):
            seeder.wait_for_line("tracker_reply")
        for magnet in (shared.magnet(url), shared.magnet_v2(url)):
            with libtorrent(AF_INET, downloads, magnet) as leecher:
                leecher.wait_for_line("torrent_finished")
            assert (downloads / shared.name).read_bytes() == shared.content
            (downloads / shared.name).unlink()
