"""WebTorrent's signalling from frame to frame: simulated connections of one and of two workers."""

import json
from typing import Any

import pytest

from aquatic.protocol.ws import ProtocolError, parse_request
from tests.support.ws_signalling import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    Client,
    Message,
    Workers,
    announce,
    answer,
    frame,
    offer,
    text,
)

TORRENT = bytes(range(236, 256))
PEERS = [b"-WW0101-\x00\x7f\xff%09d" % number for number in range(30)]


def joined(workers: Workers, count: int, spread: bool = True) -> list[Client]:
    """Clients on workers in turn, or on the first, each of which has announced itself as a leecher."""
    clients = []
    for number in range(count):
        worker = number % len(workers.workers) if spread else 0
        client = workers.connect(worker, (number + (1 << 24)).to_bytes(4, "big"))
        client.send(announce(TORRENT, PEERS[number]))
        (response,) = client.take()
        assert response["incomplete"] == number + 1
        clients.append(client)
    return clients


def test_answers_an_announce() -> None:
    workers = Workers(1)
    client = workers.connect()
    client.send(announce(TORRENT, PEERS[0], left=0))
    assert client.take() == [
        {"action": "announce", "info_hash": text(TORRENT), "complete": 1, "incomplete": 0, "interval": 120}
    ]
    assert workers.counters() == {"requests_announce": 1, "responses_announce": 1}


@pytest.mark.parametrize("spread", [False, True])
def test_offers_and_answers_find_their_way(spread: bool) -> None:
    workers = Workers(2)
    clients = joined(workers, 4, spread)
    clients[0].send(announce(TORRENT, PEERS[0], [offer(number) for number in range(5)]))
    offered = []
    for number in range(1, 4):
        (message,) = clients[number].take()
        assert message.keys() == {"action", "info_hash", "peer_id", "offer_id", "offer"}
        assert (message["action"], message["info_hash"]) == ("announce", text(TORRENT))
        assert message["peer_id"] == text(PEERS[0])
        clients[number].send(answer(message, PEERS[number], f"by {number}"))
        assert clients[number].take() == []
        offered.append((message["offer_id"], message["offer"]))
    assert sorted(offered, key=str) == [(offer(n)["offer_id"], offer(n)["offer"]) for n in range(3)]
    response, *answers = clients[0].take()
    assert response["incomplete"] == 4
    assert {one["peer_id"] for one in answers} == {text(PEERS[number]) for number in range(1, 4)}
    assert {one["answer"]["sdp"] for one in answers} == {"by 1", "by 2", "by 3"}
    for one in answers:
        assert one.keys() == {"action", "info_hash", "peer_id", "offer_id", "answer"}
    counters = workers.counters()
    assert counters["responses_offer"] == counters["responses_answer"] == 3
    assert counters["offers_without_receiver"] == 2


def test_what_is_relayed_is_as_it_came() -> None:
    workers = Workers(2)
    clients = joined(workers, 2)
    raw = '{ "sdp" : "a\\r\\n\\u00e9\\ud800 é \\"", "x": [1e5, -0.0, null] }'
    message = json.dumps(announce(TORRENT, PEERS[0])).replace(
        '"offers": []', f'"offers": [{{"offer": {raw}, "offer_id": "{"o" * 20}"}}]'
    )
    clients[0].deliver(frame(message.encode()))
    workers.settle()
    sent = clients[1].worker.take(clients[1].number)
    assert raw.encode() in sent


def test_seeders_offer_to_leechers_only() -> None:
    workers = Workers(2)
    clients = joined(workers, 3)
    for number in (0, 1):
        clients[number].send(announce(TORRENT, PEERS[number], left=0))
        clients[number].take()
    clients[0].send(announce(TORRENT, PEERS[0], [offer(number) for number in range(5)], left=0))
    assert clients[1].take() == []
    assert len(clients[2].take()) == 1


def test_an_answer_that_nobody_waits_for_is_refused() -> None:
    workers = Workers(2)
    clients = joined(workers, 3)
    clients[0].send(announce(TORRENT, PEERS[0], [offer(1), offer(2)]))
    (message,) = clients[1].take()
    (other_message,) = clients[2].take()
    clients[0].take()
    # Somebody else's, twice, too late.
    clients[1].send(answer(other_message, PEERS[1]))
    clients[1].send(answer(message, PEERS[1]), answer(message, PEERS[1]))
    workers.settle()
    workers.set_time(workers.second + 121)
    clients[2].send(answer(other_message, PEERS[2]))
    assert len(clients[0].take()) == 1
    failures = clients[1].take() + clients[2].take()
    assert len(failures) == 3
    for failure in failures:
        assert failure.keys() == {"action", "info_hash", "failure reason"}
        assert failure["info_hash"] == text(TORRENT)
    assert workers.counters()["answers_unexpected"] == 3


def test_an_answer_with_offers_is_an_announce_that_is_not_replied_to() -> None:
    workers = Workers(2)
    clients = joined(workers, 3)
    clients[0].send(announce(TORRENT, PEERS[0], [offer(1), offer(2)]))
    assert len(clients[0].take()) == 1
    (message,), (other_message,) = (client.take() for client in clients[1:])
    # Without offers, what else it says changes nothing.
    clients[2].send({**answer(other_message, PEERS[2]), "left": 0, "event": "completed"})
    assert clients[2].take() == []
    assert workers.swarm.scrape(TORRENT) == (0, 3)
    clients[1].send({**answer(message, PEERS[1]), "left": 0, "offers": [offer(3), offer(4)]})
    assert clients[1].take() == []
    assert workers.swarm.scrape(TORRENT) == (1, 2)
    assert [set(one) & {"answer", "offer"} for one in clients[0].take()] == [
        {"answer"},
        {"answer"},
        {"offer"},
    ]
    assert [one["peer_id"] for one in clients[2].take()] == [text(PEERS[1])]
    # Refused as an answer, it is an announce all the same.
    clients[1].send({**answer(message, PEERS[1]), "left": 1, "offers": [offer(5)]})
    assert ["failure reason" in one for one in clients[1].take()] == [True]
    assert workers.swarm.scrape(TORRENT) == (0, 3)


def test_who_stops_neither_answers_nor_offers() -> None:
    workers = Workers(2)
    clients = joined(workers, 2)
    clients[0].send(announce(TORRENT, PEERS[0], [offer(1)]))
    assert len(clients[0].take()) == 1
    (message,) = clients[1].take()
    clients[1].send({**answer(message, PEERS[1]), "event": "stopped", "offers": [offer(2)]})
    assert clients[1].take() == []
    assert clients[0].take() == []
    assert workers.swarm.scrape(TORRENT) == (0, 1)


def test_stopped_is_not_answered_and_leaves_nothing() -> None:
    workers = Workers(2)
    clients = joined(workers, 2)
    clients[0].send(announce(TORRENT, PEERS[0], event="stopped"))
    assert clients[0].take() == []
    assert workers.swarm.scrape(TORRENT) == (0, 1)
    clients[0].leave()
    clients[1].leave()
    assert workers.swarm.memory_bytes() == 0


def test_a_connection_takes_its_peers_along() -> None:
    workers = Workers(2)
    client = workers.connect(1)
    for number in range(6):
        client.send(announce(TORRENT, PEERS[number], left=number % 2))
        client.send(announce(b"%020d" % number, PEERS[0]))
    assert len(client.take()) == 12
    assert workers.swarm.counts()["torrents"] == 7
    assert workers.swarm.scrape(TORRENT) == (3, 3)
    client.worker.reset(client.number)
    workers.settle()
    assert workers.swarm.counts()["torrents"] == 0
    assert workers.swarm.memory_bytes() == 0
    assert workers.workers[1].memory_bytes() == 0


def test_memory_of_many_connections_goes_back_within_seconds() -> None:
    workers = Workers(2)
    clients = [workers.connect(number % 2, bytes([2, 0, 0, number])) for number in range(200)]
    for number, client in enumerate(clients):
        for torrent in range(8):
            client.send(announce(b"%010d%010d" % (number // 4, torrent), b"-WW0101-%012d" % number))
        assert len(client.take()) == 8
    assert workers.swarm.held_bytes() >= 4 << 16
    for client in clients:
        client.worker.reset(client.number)
    for _ in range(2):
        workers.set_time(workers.second + 1)
    assert workers.swarm.held_bytes() <= 1 << 16
    assert [worker.held_bytes() for worker in workers.workers] == [0, 0]


def test_left_may_be_missing_or_null() -> None:
    workers = Workers(1)
    client = workers.connect()
    message = announce(TORRENT, PEERS[0], left=None)
    client.send(message)
    assert client.take()[0]["incomplete"] == 1
    client.send(announce(TORRENT, PEERS[0], left=0))
    del message["left"]
    client.send(message)
    assert [one["complete"] for one in client.take()] == [1, 1]


def test_an_answer_that_is_null_and_offers_that_are_no_list_are_none() -> None:
    workers = Workers(1)
    clients = joined(workers, 2)
    nothing: list[Any] = [None, {}, "offers", 7]
    for none in nothing:
        clients[0].send({**announce(TORRENT, PEERS[0]), "offers": none, "answer": None})
        assert [one["incomplete"] for one in clients[0].take()] == [2]
    broken: list[Any] = [{}, 7, {"offer_id": "o" * 20, "offer": None}, {**offer(1), "offer_id": "short"}]
    for bad in broken:
        clients[0].send(announce(TORRENT, PEERS[0], [offer(2), bad]))
        assert [one["failure reason"] for one in clients[0].take()] == ["invalid offers"]
    assert clients[1].take() == []


def test_downloads_are_counted_once_and_scraped() -> None:
    workers = Workers(2)
    clients = joined(workers, 2)
    for _ in range(2):
        clients[0].send(announce(TORRENT, PEERS[0], left=0, event="completed"))
    other = b"other torrent 123456"
    clients[1].send({"action": "scrape", "info_hash": [text(TORRENT), text(other), text(TORRENT)]})
    clients[1].send({"action": "scrape", "info_hash": text(TORRENT)})
    files = {text(TORRENT): {"complete": 1, "incomplete": 1, "downloaded": 1}}
    nothing = {"complete": 0, "incomplete": 0, "downloaded": 0}
    assert clients[1].take() == [
        {"action": "scrape", "files": {**files, text(other): nothing}},
        {"action": "scrape", "files": files},
    ]
    clients[0].take()
    clients[0].send({"action": "scrape"}, {"action": "scrape", "info_hash": []})
    assert [one["action"] for one in clients[0].take() if "failure reason" in one] == ["scrape"] * 2


def test_silent_peers_go_at_a_look_of_their_connection() -> None:
    workers = Workers(2)
    clients = joined(workers, 2)
    for step in range(1, 9):
        workers.set_time(workers.second + 30)
        clients[1].send(announce(TORRENT, PEERS[1]))
        # Still there, but for other things.
        clients[0].send({"action": "scrape", "info_hash": text(TORRENT)})
        counted = clients[0].take()[0]["files"][text(TORRENT)]["incomplete"]
        assert counted == 2 or step > 6
    assert counted == 1
    assert clients[0].is_open()


def test_the_access_list_holds_for_announces_scrapes_and_who_is_there() -> None:
    workers = Workers(1)
    clients = joined(workers, 1)
    workers.services[0].set_access_list("deny", TORRENT)
    clients[0].send(announce(TORRENT, PEERS[0]), {"action": "scrape", "info_hash": text(TORRENT)})
    failure, scraped = clients[0].take()
    assert failure["failure reason"] == "Info hash not allowed"
    assert scraped["files"][text(TORRENT)]["incomplete"] == 0
    assert workers.swarm.counts()["torrents"] == 1
    workers.set_time(workers.second + 31)
    assert workers.swarm.counts()["torrents"] == 0
    assert workers.counters()["errors_not_allowed"] == 1


def test_a_peer_id_of_somebody_else_is_refused() -> None:
    workers = Workers(2)
    clients = joined(workers, 2)
    clients[1].send(announce(TORRENT, PEERS[0], [offer(1)]))
    (failure,) = clients[1].take()
    assert failure["failure reason"] == "peer_id is in use by another client"
    clients[1].leave()
    assert workers.swarm.scrape(TORRENT) == (0, 1)


def test_a_connection_has_so_many_torrents_at_most() -> None:
    workers = Workers(1)
    client = workers.connect()
    for number in range(25):
        client.send(announce(b"%020d" % number, PEERS[0]))
    assert sum("failure reason" in one for one in client.take()) == 5
    client.send(announce(b"%020d" % 0, PEERS[0], event="stopped"), announce(b"%020d" % 24, PEERS[0]))
    assert [one["incomplete"] for one in client.take()] == [1]


def test_control_frames_and_fragments_mix() -> None:
    workers = Workers(1)
    client = workers.connect()
    message = json.dumps(announce(TORRENT, PEERS[0])).encode()
    client.deliver(frame(message[:10], TEXT, False))
    client.deliver(frame(b"between", PING))
    client.deliver(frame(b"", 0, False) + frame(message[10:50], 0, False))
    assert client.take() == []
    client.deliver(frame(message[50:], 0))
    client.deliver(frame(message, BINARY))
    assert len(client.take()) == 2
    assert client.pongs == [b"between"]


def test_a_close_is_answered_in_kind() -> None:
    workers = Workers(1)
    client = workers.connect()
    client.deliver(frame(b"\x03\xe8bye", CLOSE))
    client.take()
    assert client.close_code == 1000
    assert not client.is_open()


@pytest.mark.parametrize("unfinished", [b"", frame(b'{"action"')[:9], frame(b"{", TEXT, False)])
def test_a_silent_connection_is_told_that_it_is_closed(unfinished: bytes) -> None:
    """Whether it says nothing, or not the rest of a frame, or not the rest of a message."""
    workers = Workers(2)
    clients = joined(workers, 2)
    clients[0].deliver(unfinished)
    workers.set_time(workers.second + 170)
    clients[1].send(announce(TORRENT, PEERS[1]))
    workers.set_time(workers.second + 11)
    assert clients[0].take() == []
    assert clients[0].close_code == 1001
    assert not clients[0].is_open()
    assert clients[1].is_open()
    cause = "closed_header_time" if len(unfinished) == 9 else "closed_idle_time"
    assert workers.workers[0].counters()[cause] == 1
    assert workers.swarm.scrape(TORRENT) == (0, 1)


def test_what_came_for_a_silent_connection_leaves_before_its_end() -> None:
    workers = Workers(2)
    clients = joined(workers, 2)
    workers.set_time(workers.second + 179)
    clients[1].send(announce(TORRENT, PEERS[1], [offer(1)]))
    workers.workers[1].turn()
    workers.set_time(workers.second + 2)
    assert [one["peer_id"] for one in clients[0].take()] == [text(PEERS[1])]
    assert clients[0].close_code == 1001
    assert not clients[0].is_open()


def test_who_does_not_read_is_not_told_that_it_is_closed() -> None:
    workers = Workers(2)
    clients = joined(workers, 2)
    clients[0].worker.limit_sends(clients[0].number, 0)
    clients[1].send(announce(TORRENT, PEERS[1], [offer(1)]))
    workers.settle()
    workers.set_time(workers.second + 61)
    assert clients[0].take() == []
    assert (clients[0].close_code, clients[0].is_open()) == (None, False)
    assert workers.workers[0].counters()["closed_output_time"] == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x01x", 1002),  # not masked
        (frame(b"x", 0), 1002),  # nothing to continue
        (frame(b"x", TEXT, False) + frame(b"y", TEXT), 1002),
        (frame(b"x", 3), 1002),
        (frame(b"x" * 126, PING), 1002),
        (frame(b"x", PING, False), 1002),
        (frame(b"x" * 4001), 1009),
        (frame(b"x" * 4000, TEXT, False) + frame(b"x" * 4000, 0, False) + frame(b"x", 0), 1009),
        (frame(b'"\xff"'), 1007),
        (frame(b'"xxxxxxx\xff"'), 1007),
        (frame(b'"\xff', TEXT, False) + frame(b'"', 0), 1007),
        (frame(b'"', TEXT, False) + frame(b'\xff"', 0), 1007),
    ],
)
def test_a_broken_frame_closes_the_connection(data: bytes, code: int) -> None:
    workers = Workers(1)
    client = workers.connect()
    client.deliver(data)
    client.take()
    assert client.close_code == code
    assert not client.is_open()
    client.leave()
    assert workers.workers[0].memory_bytes() == 0


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "invalid JSON"),
        (b"{", "invalid JSON"),
        (b"\x00", "invalid JSON"),
        (b"[1]", "invalid action"),
        (b'{"action":"announce"}', "invalid info_hash"),
        (b'{"action":"announce","info_hash":["%b"]}' % (b"h" * 20), "invalid info_hash"),
    ],
)
def test_a_broken_message_is_answered_and_the_connection_stays(message: bytes, reason: str) -> None:
    workers = Workers(1)
    client = workers.connect()
    client.deliver(frame(message))
    assert client.take() == [{"action": "announce", "failure reason": reason}]
    client.send(announce(TORRENT, PEERS[0]))
    assert len(client.take()) == 1


@pytest.mark.parametrize(
    "members",
    [
        {"action": None},
        {"info_hash": "short"},
        {"peer_id": None},
        {"offers": [{}]},
        {"answer": 1},
        {"answer": 1, "to_peer_id": "t" * 20, "offer_id": "\u0100" * 20},
        {"action": "scrape", "info_hash": ["short"]},
        {"action": "scrape", "info_hash": []},
    ],
)
def test_the_library_knows_how_a_message_is_refused(members: Message) -> None:
    workers = Workers(1)
    client = workers.connect()
    message = {**announce(TORRENT, PEERS[0]), **members}
    client.send(message)
    with pytest.raises(ProtocolError) as refused:
        parse_request(json.dumps(message))
    assert refused.value.answer is not None
    assert client.take() == [json.loads(refused.value.answer.to_text())]
