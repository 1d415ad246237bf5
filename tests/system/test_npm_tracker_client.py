"""The npm bittorrent-tracker client, which most WebTorrent clients have inside, signals through the tracker."""

from pathlib import Path
from socket import AF_INET, AddressFamily
from typing import Any

import pytest

from tests.support.http_client import running_tracker
from tests.support.processes import wait_until
from tests.system.harness import WS_INTERVAL_SECONDS, Server, told_addresses
from tests.system.webtorrent_clients import NpmClients, needs_npm_client, npm_clients

# Every byte is somewhere in them, so every escape is, and what is not ASCII.
HASHES = [bytes(range(start, start + 20)) for start in range(0, 240, 20)]
A, B, C = (b"-WW0208-" + bytes([byte] * 12) for byte in (0xFF, 0x00, 0x22))


def peer(clients: NpmClients, name: str, *, initiator: bool) -> dict[str, Any]:
    """The first of the side asked for: each also makes offers again at intervals, which the other may get first."""
    while True:
        found = clients.wait_for(name, "peer")
        assert isinstance(found, dict)
        if found["initiator"] is initiator:
            return found


@needs_npm_client
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_offers_and_answers_pass_unchanged(server: Server, family: AddressFamily, scheme: str) -> None:
    url, info_hash = server.announce_url(scheme, family), HASHES[0]
    with npm_clients(server.certificate) as ones, npm_clients(server.certificate) as others:
        ones.add("a", info_hash, A, url)
        ones.call("a", "start", left=0)
        update = ones.wait_for("a", "update")
        assert (update["complete"], update["incomplete"], update["interval"]) == (1, 0, WS_INTERVAL_SECONDS)
        others.add("b", info_hash, B, url)
        others.call("b", "start", left=7, numwant=3)
        update = others.wait_for("b", "update")
        assert (update["complete"], update["incomplete"]) == (1, 1)
        answering, offering = peer(ones, "a", initiator=False), peer(others, "b", initiator=True)
        assert (answering["id"], offering["id"]) == (B.hex(), A.hex())
        # What one side sent is what the other got, to the last byte.
        assert answering["received"] == offering["sent"]
        assert offering["received"] == answering["sent"] == f"answer to {offering['sent']}"


@needs_npm_client
def test_scrapes_of_one_and_of_many(server: Server) -> None:
    url = server.announce_url("ws", AF_INET)
    with npm_clients() as clients:
        for number, info_hash in enumerate(HASHES[1:5]):
            clients.add(str(number), info_hash, A, url)
            clients.call(str(number), "start", left=0 if number % 2 else 1, numwant=0)
            clients.wait_for(str(number), "update")
        # All on one connection, so each client is told of every scrape.
        clients.call("0", "scrape")
        assert (scrape := clients.wait_for("0", "scrape"))["infoHash"] == HASHES[1].hex()
        assert (scrape["complete"], scrape["incomplete"]) == (0, 1)
        clients.call("3", "scrape", infoHash=[info_hash.hex() for info_hash in HASHES[2:5]])
        found = [clients.wait_for("3", "scrape") for _ in range(4)][1:]
        assert {each["infoHash"]: each["complete"] for each in found} == {
            HASHES[2].hex(): 1,
            HASHES[3].hex(): 0,
            HASHES[4].hex(): 1,
        }


@needs_npm_client
def test_completing_stopping_and_ending(server: Server) -> None:
    url, info_hash = server.announce_url("ws", AF_INET), HASHES[5]

    def wait_for_counts(complete: int, incomplete: int) -> None:
        """What `c` is told: it also asks at intervals, and may have been told long ago."""

        def told() -> tuple[int, int]:
            others.call("c", "update", left=0, numwant=0)
            update = others.wait_for("c", "update")
            return update["complete"], update["incomplete"]

        wait_until(lambda: told() == (complete, incomplete))

    def scraped() -> tuple[int, int]:
        others.call("c", "scrape")
        scrape = others.wait_for("c", "scrape")
        return scrape["complete"], scrape["incomplete"]

    with npm_clients() as others:
        others.add("c", info_hash, C, url)
        with npm_clients() as ones:
            for name, peer_id in (("a", A), ("b", B)):
                ones.add(name, info_hash, peer_id, url)
                ones.call(name, "start", left=3, numwant=0)
                ones.wait_for(name, "update")
            wait_for_counts(1, 2)
            ones.call("a", "complete", left=0)
            update = ones.wait_for("a", "update")
            while update["complete"] != 2:  # what `b` was told before, over the same connection
                update = ones.wait_for("a", "update")
            wait_for_counts(2, 1)
            ones.call("a", "stop", left=0)
            # The tracker says nothing to it; the next answer comes after it was read.
            ones.call("b", "update", left=3, numwant=0)
            update = ones.wait_for("b", "update")
            while update["complete"] != 1:
                update = ones.wait_for("b", "update")
            wait_for_counts(1, 1)
            ones.call("b", "destroy")
            ones.call("a", "destroy")
            ones.wait_for("a", "destroyed")
        wait_until(lambda: scraped() == (1, 0))


@needs_npm_client
def test_a_refusal_reaches_the_client_as_a_warning(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{HASHES[6].hex()}\n")
    configuration = """
[network]
address = "127.0.0.1:0"
[access_list]
mode = "allow"
path = "list.txt"
"""
    with running_tracker(tmp_path, "ws", configuration) as process, npm_clients() as clients:
        host, port = told_addresses(process, 1)["ws", AF_INET]
        for name, info_hash in (("known", HASHES[6]), ("unknown", HASHES[7])):
            clients.add(name, info_hash, A, f"ws://{host}:{port}")
            clients.call(name, "start", left=0, numwant=2)
        assert clients.wait_for("known", "update")["complete"] == 1
        assert clients.wait_for("unknown", "warning") == "Info hash not allowed"
