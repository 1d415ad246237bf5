"""Messages to a client: each is JSON that says what it should, in the shape of other trackers, and fits its room."""

import json
from typing import Any

import pytest

from aquatic.testing.ws import (
    announce_answer,
    answer_message,
    decode_message,
    failure_message,
    offer_message,
    scrape_message,
)

INFO_HASH = bytes(range(20))
PEER_ID = b"-WW0102-abcdefghijkl"
OFFER_ID = bytes(range(236, 256))
# Every byte of it takes as much room as any.
LONGEST = b"\x01" * 20
MOST = 2**32 - 1
OFFER = b'{ "type":"offer", "sdp":"\\u0000\\ud800\xc3\xa9" }'


def binary(content: bytes) -> str:
    return content.decode("latin-1")


def read(message: bytes) -> Any:
    return json.loads(message.decode())


def test_an_announce_is_answered() -> None:
    assert read(announce_answer(INFO_HASH, 1, 0, 120)) == {
        "action": "announce",
        "info_hash": binary(INFO_HASH),
        "complete": 1,
        "incomplete": 0,
        "interval": 120,
    }
    assert read(announce_answer(LONGEST, MOST, MOST, MOST))["interval"] == MOST


@pytest.mark.parametrize(("build", "key"), [(offer_message, "offer"), (answer_message, "answer")])
def test_offers_and_answers_are_passed_on_as_they_came(build: Any, key: str) -> None:
    message = build(INFO_HASH, PEER_ID, OFFER_ID, OFFER)
    assert OFFER in message
    assert read(message) == {
        "action": "announce",
        "info_hash": binary(INFO_HASH),
        "peer_id": binary(PEER_ID),
        "offer_id": binary(OFFER_ID),
        key: json.loads(OFFER),
    }
    assert read(build(LONGEST, LONGEST, LONGEST, b"0"))["offer_id"] == binary(LONGEST)


@pytest.mark.parametrize("count", [0, 1, 2, 255])
def test_a_scrape_is_answered(count: int) -> None:
    torrents = [(bytes((number,)) * 20, MOST, MOST - number, number) for number in range(count)]
    files = {
        binary(info_hash): {"complete": complete, "incomplete": incomplete, "downloaded": downloaded}
        for info_hash, complete, incomplete, downloaded in torrents
    }
    assert read(scrape_message(torrents)) == {"action": "scrape", "files": files}


def test_failures_have_an_action_and_say_of_which_torrent_they_are() -> None:
    reason = b"r" * 64
    assert read(failure_message("announce", LONGEST, reason)) == {
        "action": "announce",
        "info_hash": binary(LONGEST),
        "failure reason": reason.decode(),
    }
    assert read(failure_message("scrape", None, b"x")) == {"action": "scrape", "failure reason": "x"}
    assert read(failure_message(None, None, b"x"))["action"] == "announce"


def test_every_byte_is_written_as_its_character_in_as_few_bytes_as_json_takes() -> None:
    for byte in range(256):
        message = scrape_message([(bytes((byte,)) * 20, 0, 0, 0)])
        expected = json.dumps({"action": "scrape", "files": {chr(byte) * 20: {}}}, ensure_ascii=False)
        assert message.startswith(expected.replace(" ", "").encode()[:-4]) or byte == 0x20
        assert list(read(message)["files"]) == [chr(byte) * 20]


def test_what_we_write_is_what_we_read() -> None:
    for first in range(0, 256, 20):
        name = bytes(number & 0xFF for number in range(first, first + 20))
        message = offer_message(name, name, name, b"1")
        found = decode_message(message.replace(b'"offer":1', b'"to_peer_id":0'))
        assert (found["verdict"], found["info_hashes"], found["peer_id"]) == ("accepted", [name], name)
