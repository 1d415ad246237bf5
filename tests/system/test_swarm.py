"""What clients announce is what the tracker counts and hands out."""

from pathlib import Path
from socket import AF_INET, AF_INET6, AddressFamily

from aquatic.protocol.udp import Event, ScrapeEntry
from tests.support.processes import wait_until
from tests.system.clients import SharedFile, libtorrent, scrape
from tests.system.harness import Tracker

INFO_HASH = bytes(range(20))
PEERS_MAX = 30
"""The default of `protocol.max_response_peers`."""


def test_client_that_stops_is_gone(tracker: Tracker, family: AddressFamily, shared: SharedFile) -> None:
    with tracker.client(family) as client:
        torrent = shared.torrent(tracker.announce_url(family))
        with libtorrent(family, shared.directory, torrent) as seeder:
            seeder.wait_for_line("tracker_reply")
            assert client.scrape(shared.info_hash) == [ScrapeEntry(seeders=1, completed=0, leechers=0)]
        assert client.scrape(shared.info_hash) == [ScrapeEntry(0, 0, 0)]
        assert client.announce(shared.info_hash, port=1000, left=1).peers == ()


def test_scrape_by_libtorrent_and_completed_download(
    tracker: Tracker, family: AddressFamily, shared: SharedFile, downloads: Path
) -> None:
    torrent = shared.torrent(tracker.announce_url(family))
    with (
        tracker.client(family) as client,
        libtorrent(family, shared.directory, torrent) as seeder,
    ):
        seeder.wait_for_line("tracker_reply")
        client.announce(shared.info_hash, port=1000, left=1)
        assert scrape(seeder) == "scrape_reply complete=1 incomplete=1"
        with libtorrent(family, downloads, torrent) as leecher:
            leecher.wait_for_line("torrent_finished")
            counts = [ScrapeEntry(seeders=2, completed=1, leechers=1)]
            wait_until(lambda: client.scrape(shared.info_hash) == counts)


def test_families_have_lists_of_their_own(tracker: Tracker) -> None:
    with tracker.client(AF_INET) as ipv4, tracker.client(AF_INET6) as ipv6:
        ipv4.announce(INFO_HASH, port=1000, left=0)
        assert ipv6.announce(INFO_HASH, port=2000, left=1).peers == ()
        assert [peer.port for peer in ipv4.announce(INFO_HASH, port=1001, left=1).peers] == [1000]
        assert [str(peer.address) for peer in ipv6.announce(INFO_HASH, port=2001, left=1).peers] == ["::1"]


def test_who_is_handed_out(tracker: Tracker, family: AddressFamily) -> None:
    with tracker.client(family) as client:
        seeding, leeching, stopping = 1000, 2000, 3000
        client.announce(INFO_HASH, port=seeding, left=0, event_number=Event.STARTED)
        client.announce(INFO_HASH, port=leeching, left=-1, event_number=5)
        client.announce(INFO_HASH, port=stopping, left=1)
        assert client.announce(INFO_HASH, port=stopping, left=1, event_number=Event.STOPPED).peers == ()

        to_leecher = client.announce(INFO_HASH, port=leeching, left=5)
        assert [peer.port for peer in to_leecher.peers] == [seeding]
        assert (to_leecher.seeders, to_leecher.leechers) == (1, 0)
        to_seeder = client.announce(INFO_HASH, port=seeding, left=0)
        assert [peer.port for peer in to_seeder.peers] == [leeching]
        assert (to_seeder.seeders, to_seeder.leechers) == (0, 1)
        to_newcomer = client.announce(INFO_HASH, port=4000, left=5)
        assert {peer.port for peer in to_newcomer.peers} == {seeding, leeching}


def test_number_of_peers_asked_for(tracker: Tracker, family: AddressFamily) -> None:
    ports = set(range(1000, 1100))
    with tracker.client(family) as client:
        for port in sorted(ports):
            client.announce(INFO_HASH, port=port, left=1, num_want=0)
        for asked, given in [(-1, PEERS_MAX), (1, 1), (7, 7), (30, 30), (2**31 - 1, PEERS_MAX)]:
            answer = client.announce(INFO_HASH, port=999, left=1, num_want=asked)
            handed_out = {peer.port for peer in answer.peers}
            assert len(answer.peers) == len(handed_out) == given, asked
            assert handed_out <= ports


def test_scrape_in_order_up_to_the_limit(tracker: Tracker, family: AddressFamily) -> None:
    known, unknown = bytes(range(20)), bytes(20)
    nothing, one_seeder = ScrapeEntry(0, 0, 0), ScrapeEntry(1, 0, 0)
    with tracker.client(family) as client:
        client.announce(known, left=0)
        assert client.scrape(unknown, known, known, unknown) == [nothing, one_seeder, one_seeder, nothing]
        # 70 is the default of `protocol.max_scrape_torrents`.
        assert client.scrape(*[known] * 70) == [one_seeder] * 70
        assert client.scrape(*[known] * 100) == [one_seeder] * 70
