"""Pages in Chromium that run WebTorrent find each other through the tracker only, and transfer a file over WebRTC."""

from pathlib import Path
from socket import AF_INET, AddressFamily

import pytest

from tests.support.processes import wait_until
from tests.support.ws_client import WsClient, binary, ws_client
from tests.system.clients import SharedFile
from tests.system.harness import Server
from tests.system.webtorrent_clients import Page, Reports, needs_webtorrent, open_pages

SEEDER, LEECHER = "seeder", "leecher"


def transfer(reports: Reports, shared: SharedFile, leecher: str = LEECHER) -> None:
    """Wait for the file to arrive at the leecher."""
    assert reports.wait_for(SEEDER, "seeds").decode() == shared.info_hash.hex()
    assert reports.wait_for(leecher, "done") == shared.content


def counts(client: WsClient, info_hash: bytes) -> tuple[int, int]:
    """Seeders and leechers, as a scrape tells them."""
    files = client.ask(action="scrape", info_hash=binary(info_hash))["files"]
    of_torrent = files[binary(info_hash)]
    return of_torrent["complete"], of_torrent["incomplete"]


@needs_webtorrent
@pytest.mark.parametrize(("scheme", "offering"), [("ws", SEEDER), ("wss", LEECHER)])
def test_two_pages_transfer_a_file_and_are_gone_with_their_browser(
    server: Server, family: AddressFamily, scheme: str, offering: str, shared: SharedFile, tmp_path: Path
) -> None:
    url = server.announce_url(scheme, family)
    pages = [Page(role, url, shared, makes_offers=role == offering) for role in (SEEDER, LEECHER)]
    with ws_client(server.addresses["ws", AF_INET]) as observer:
        with open_pages(tmp_path, pages, server.certificate) as reports:
            transfer(reports, shared)
            # Who has it all tells so.
            wait_until(lambda: counts(observer, shared.info_hash) == (2, 0))
        wait_until(lambda: counts(observer, shared.info_hash) == (0, 0))


@needs_webtorrent
def test_more_pages_and_one_that_comes_later(server: Server, shared: SharedFile, tmp_path: Path) -> None:
    url = server.announce_url("ws", AF_INET)
    first, second = tmp_path / "first", tmp_path / "second"
    leechers = ("early", "earlier")
    pages = [Page(role, url, shared, makes_offers=role != SEEDER) for role in (*leechers, SEEDER)]
    with open_pages(first, pages) as reports:
        for leecher in leechers:
            assert reports.wait_for(leecher, "done") == shared.content
        with open_pages(second, [Page(LEECHER, url, shared, makes_offers=True)]) as later:
            assert later.wait_for(LEECHER, "done") == shared.content
