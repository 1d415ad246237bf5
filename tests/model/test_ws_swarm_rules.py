"""Single rules of the WebRTC swarm: who is chosen how often, bounds, and what a lack of memory does."""

from collections import Counter

import pytest

from aquatic.testing.ws_swarm import Connection, WsSwarmWindow
from tests.support.reference_ws_swarm import OFFERS_WAITING_MAX, CheckedWsSwarm, Role

TORRENT = b"t" * 20


def connection(number: int) -> Connection:
    return Connection(number % 2, number, (number + (1 << 24)).to_bytes(4, "big"))


def peer_id(number: int) -> bytes:
    return b"-WW0101-%012d" % number


@pytest.mark.parametrize(("peers", "offers"), [(40, 1), (40, 2), (40, 10), (1500, 1), (1500, 2), (1500, 10)])
def test_no_peer_is_chosen_more_than_three_times_as_often_as_the_mean(peers: int, offers: int) -> None:
    """Of 1,500, a third are seeders: two tables of different fill, of segments of different size."""
    swarm = WsSwarmWindow(seed=7)
    for number in range(peers):
        role: Role = "leecher" if number % 3 else "seeder"
        swarm.announce(connection(number), TORRENT, peer_id(number), role)
    chosen: Counter[int] = Counter()
    for number in range(200 * peers // offers):
        swarm.second += 1 if number % 100 == 0 else 0
        asker = number % peers
        role = "leecher" if asker % 3 else "seeder"
        ids = [b"%020d" % index for index in range(offers)]
        receivers = swarm.announce(connection(asker), TORRENT, peer_id(asker), role, ids).receivers
        for (worker, name), offer_id in zip(receivers, ids, strict=True):
            chosen[name] += 1
            receiver = Connection(worker, name, b"\0" * 4)
            assert swarm.take_answer(receiver, TORRENT, peer_id(asker), offer_id)
    mean = chosen.total() / peers
    assert len(chosen) == peers
    assert max(chosen.values()) < 3 * mean
    # Leechers hear of everybody's offers, seeders of leechers' only.
    assert min(chosen.values()) > mean / 3


def test_a_flood_of_offers_ends_at_a_bound() -> None:
    swarm = CheckedWsSwarm()
    for number in range(20):
        swarm.announce(connection(number), TORRENT, peer_id(number))
    for burst in range(20):
        ids = [b"%010d%010d" % (burst, index) for index in range(10)]
        swarm.announce(connection(0), TORRENT, peer_id(0), "leecher", ids)
    assert len(swarm.torrents[TORRENT][peer_id(0)].waiting) == OFFERS_WAITING_MAX
    # Room comes of answers, and of time.
    waiting = swarm.torrents[TORRENT][peer_id(0)].waiting[0]
    answering = Connection(*waiting.receiver, b"\0" * 4)
    assert swarm.take_answer(answering, TORRENT, peer_id(0), waiting.offer_id)
    assert len(swarm.announce(connection(0), TORRENT, peer_id(0), "leecher", [b"x" * 20] * 2)) == 1
    swarm.set_second(swarm.second + 121)
    assert len(swarm.announce(connection(0), TORRENT, peer_id(0), "leecher", [b"x" * 20] * 10)) == 10
    swarm.check_torrent(TORRENT)


def test_an_answer_comes_once_in_time_and_from_whom_the_offer_went_to() -> None:
    swarm = CheckedWsSwarm()
    swarm.announce(connection(1), TORRENT, peer_id(1))
    offered = {}
    for number in range(3):
        ids = [b"offer %014d" % number]
        assert swarm.announce(connection(0), TORRENT, peer_id(0), "leecher", ids) == [(1, 1)]
        offered[number] = ids[0]
    assert not swarm.take_answer(connection(2), TORRENT, peer_id(0), offered[0])
    assert not swarm.take_answer(connection(1), TORRENT, peer_id(2), offered[0])
    assert not swarm.take_answer(connection(1), b"u" * 20, peer_id(0), offered[0])
    assert swarm.take_answer(connection(1), TORRENT, peer_id(0), offered[0])
    assert not swarm.take_answer(connection(1), TORRENT, peer_id(0), offered[0])
    swarm.set_second(swarm.second + 120)
    assert swarm.take_answer(connection(1), TORRENT, peer_id(0), offered[1])
    swarm.set_second(swarm.second + 1)
    assert not swarm.take_answer(connection(1), TORRENT, peer_id(0), offered[2])


def test_a_peer_id_is_taken_over_from_its_own_address_only() -> None:
    swarm = CheckedWsSwarm()
    mine = Connection(0, 5, bytes.fromhex("20010db8000000010000000000000001"))
    mine_again = Connection(1, 6, bytes.fromhex("20010db8000000010000000000000002"))
    another = Connection(1, 7, bytes.fromhex("20010db8000000020000000000000001"))
    ipv4 = Connection(1, 8, bytes.fromhex("20010db8"))
    swarm.announce(mine, TORRENT, peer_id(0), "seeder")
    assert swarm.swarm.announce(another, TORRENT, peer_id(0)).outcome == "id taken"
    assert swarm.swarm.announce(ipv4, TORRENT, peer_id(0)).outcome == "id taken"
    swarm.announce(mine_again, TORRENT, peer_id(0), "unsaid")
    # The old connection has no say any more, nor is it missed.
    assert not swarm.look_after(mine, TORRENT, peer_id(0))
    swarm.leave(mine, TORRENT, peer_id(0))
    swarm.check_torrent(TORRENT)
    assert swarm.scraped(TORRENT) == (1, 0)


def test_silent_peers_are_told_nothing_even_before_they_are_looked_after() -> None:
    swarm = CheckedWsSwarm()
    for number in range(30):
        swarm.announce(connection(number), TORRENT, peer_id(number))
    swarm.set_second(swarm.second + 181)
    assert swarm.announce(connection(30), TORRENT, peer_id(30), "leecher", [b"x" * 20] * 10) == []
    assert swarm.announce(connection(30), TORRENT, peer_id(30), "leecher", [b"x" * 20]) == []
    assert not any(swarm.look_after(connection(number), TORRENT, peer_id(number)) for number in range(30))
    swarm.check_counts()


def test_counts_clients_by_the_start_of_their_ids() -> None:
    swarm = CheckedWsSwarm(tags=True)
    for number in range(5):
        swarm.announce(connection(number), TORRENT, peer_id(number))
    swarm.announce(connection(5), TORRENT, b"-XX0000-" + b"x" * 12)
    assert swarm.swarm.prefixes() == {b"-WW0101-": 5, b"-XX0000-": 1}
    swarm.announce(connection(0), TORRENT, peer_id(0), "seeder")
    swarm.leave(connection(5), TORRENT, b"-XX0000-" + b"x" * 12)
    swarm.leave(connection(1), TORRENT, peer_id(1))
    assert swarm.swarm.prefixes() == {b"-WW0101-": 4}


def test_without_memory_nobody_is_harmed_and_nothing_is_lost() -> None:
    """Allocations fail from every point on in turn: what was stored stays, and all of it goes in the end."""
    swarm = WsSwarmWindow()
    stored: dict[bytes, Connection] = {}
    number = 0
    for after in range(120):
        swarm.fail_allocation(after % 4)
        for _ in range(12):
            ids = [b"%020d" % index for index in range(number % 7)]
            role: Role = "seeder" if number % 2 else "leecher"
            found = swarm.announce(connection(number), TORRENT, peer_id(number), role, ids)
            if found.outcome == "stored":
                stored[peer_id(number)] = connection(number)
            # A change of role needs room in the other table.
            if stored:
                changing = next(iter(stored))
                swarm.announce(stored[changing], TORRENT, changing, "leecher" if number % 4 else "seeder")
            assert found.seeders + found.leechers == len(stored)
            number += 1
        swarm.fail_allocation(-1)
        assert (swarm.peers(TORRENT) or {}).keys() == stored.keys()
    counts = swarm.counts()
    assert counts["refused_peers"] == number - len(stored) > 0
    for stored_id, its_connection in stored.items():
        swarm.leave(its_connection, TORRENT, stored_id)
    assert swarm.memory_bytes() == 0
    assert swarm.counts()["torrents"] == 0


def test_the_bound_of_memory_holds() -> None:
    swarm = WsSwarmWindow(memory_bytes_max=1 << 18)
    outcomes: Counter[str] = Counter()
    for number in range(20_000):
        info_hash = b"%020d" % (number % 5000)
        ids = [b"%020d" % index for index in range(10)]
        outcomes[swarm.announce(connection(number), info_hash, peer_id(number), "leecher", ids).outcome] += 1
    assert swarm.memory_bytes() <= 1 << 18
    assert outcomes["stored"] > 500
    assert outcomes["not stored"] == swarm.counts()["refused_peers"] > 0
