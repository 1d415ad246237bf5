"""Single rules of the WebRTC swarm: who is chosen how often, bounds, and what a lack of memory does."""

import math
from collections import Counter
from collections.abc import Collection

import pytest

from aquatic.testing.ws_swarm import Connection, WsSwarmWindow
from tests.support.reference_ws_swarm import OFFERS_WAITING_MAX, CheckedWsSwarm, Role

TORRENT = b"t" * 20


def connection(number: int) -> Connection:
    return Connection(number % 2, number, (number + (1 << 24)).to_bytes(4, "big"))


def peer_id(number: int) -> bytes:
    return b"-WW0101-%012d" % number


def chi_square_at(deviations: float, degrees: int) -> float:
    """What chi-square is less than as often as a normal variable is less than so many deviations (Wilson, Hilferty)."""
    return degrees * (1 - 2 / (9 * degrees) + deviations * math.sqrt(2 / (9 * degrees))) ** 3


def is_even(counts: Collection[int], chosen_at_once: int) -> bool:
    """Whether counts of who was chosen, so many at once, are as an even chance has them in all but 1 of 1,000 cases."""
    mean = sum(counts) / len(counts)
    degrees = len(counts) - 1
    # Who is chosen is not chosen again at once, by which counts differ less.
    spread = (len(counts) - chosen_at_once) / degrees
    found = sum((count - mean) ** 2 for count in counts) / mean / spread
    return chi_square_at(-3.3, degrees) < found < chi_square_at(3.3, degrees)


@pytest.mark.parametrize("asker", [0, 1])
@pytest.mark.parametrize(("peers", "offers"), [(40, 1), (40, 2), (40, 10), (1500, 1), (1500, 2), (1500, 10)])
def test_every_peer_is_chosen_with_the_same_chance(peers: int, offers: int, asker: int) -> None:
    """A third are seeders: two tables of different fill, of 1,500 of segments of different size."""
    swarm = WsSwarmWindow(seed=7)
    roles: list[Role] = ["leecher" if number % 3 else "seeder" for number in range(peers)]
    for number, role in enumerate(roles):
        swarm.announce(connection(number), TORRENT, peer_id(number), role)
    # Leechers' offers go to everybody else, seeders' to leechers.
    chosen = {
        number: 0
        for number, role in enumerate(roles)
        if number != asker and not (role == roles[asker] == "seeder")
    }
    ids = [b"%020d" % index for index in range(offers)]
    for _ in range(40_000 // offers):
        receivers = swarm.announce(connection(asker), TORRENT, peer_id(asker), roles[asker], ids).receivers
        for (worker, name), offer_id in zip(receivers, ids, strict=True):
            chosen[name] += 1
            receiver = Connection(worker, name, b"\0" * 4)
            assert swarm.take_answer(receiver, TORRENT, peer_id(asker), offer_id)
    assert is_even(chosen.values(), offers)
    # A tenth more or less for half of them would show.
    assert not is_even([count * (11 if number % 2 else 9) // 10 for number, count in chosen.items()], offers)


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


def grow(swarm: WsSwarmWindow) -> tuple[dict[bytes, Connection], list[object]]:
    """Announce many with offers, while one changes its role; returns who is stored, and what came of each announce."""
    stored: dict[bytes, Connection] = {}
    found: list[object] = []
    for number in range(300):
        ids = [b"%020d" % index for index in range(number % 7)]
        role: Role = "seeder" if number % 2 else "leecher"
        announced = swarm.announce(connection(number), TORRENT, peer_id(number), role, ids)
        if announced.outcome == "stored":
            stored[peer_id(number)] = connection(number)
        assert announced.seeders + announced.leechers == len(stored)
        # A change of role needs room in the other table.
        if stored:
            changing = next(iter(stored))
            role = "leecher" if number % 4 else "seeder"
            found.append(swarm.announce(stored[changing], TORRENT, changing, role))
        found.append(announced)
    return stored, found


def test_without_memory_nobody_is_harmed_and_nothing_is_lost() -> None:
    """Allocations fail from each on in turn, as long as any does: what was stored stays, and all goes in the end."""
    unharmed = WsSwarmWindow()
    unharmed.fail_allocation(1 << 20)
    everybody, all_found = grow(unharmed)
    allocations = (1 << 20) - unharmed.allocations_left()
    assert len(everybody) == 300
    for after in range(allocations + 1):
        swarm = WsSwarmWindow()
        swarm.fail_allocation(after)
        stored, found = grow(swarm)
        assert swarm.allocations_left() == 0
        assert (found == all_found) == (after == allocations)
        assert swarm.counts()["refused_peers"] == 300 - len(stored)
        assert (swarm.peers(TORRENT) or {}).keys() == stored.keys()
        swarm.fail_allocation(-1)
        late = connection(300)
        assert swarm.announce(late, TORRENT, peer_id(300)).outcome == "stored"
        for stored_id, its_connection in {**stored, peer_id(300): late}.items():
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
