"""What the data plane takes for a client's message: the shapes that clients send, and what is at the edges."""

import json
from typing import Any

import pytest

from aquatic.testing.ws import decode_message, is_json, reason
from tests.support.ws_messages import EVENTS

INFO_HASH = bytes(range(0, 200, 10))
PEER_ID = b"-WW0102-abcdefghijkl"
OFFER_ID = b'\0\x1f"\\/\x7f\x80\xff' + b"\xc3\xa9" * 6


def binary(content: bytes) -> str:
    return content.decode("latin-1")


def announce(**more: Any) -> dict[str, Any]:
    return {"action": "announce", "info_hash": binary(INFO_HASH), "peer_id": binary(PEER_ID), **more}


def decoded(content: Any, *, ensure_ascii: bool = False) -> dict[str, Any]:
    return decode_message(json.dumps(content, ensure_ascii=ensure_ascii, separators=(",", ":")).encode())


@pytest.mark.parametrize("escapes", [False, True])
def test_an_announce_as_webtorrent_sends_it(escapes: bool) -> None:
    offer = {"type": "offer", "sdp": "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"}
    found = decoded(
        {
            "numwant": 1,
            "uploaded": 0,
            "downloaded": 0,
            "left": 1048576,
            "event": "started",
            "action": "announce",
            "info_hash": binary(INFO_HASH),
            "peer_id": binary(PEER_ID),
            "offers": [{"offer": offer, "offer_id": binary(OFFER_ID)}],
        },
        ensure_ascii=escapes,
    )
    assert found == {
        "verdict": "accepted",
        "action": "announce",
        "info_hashes": [INFO_HASH],
        "peer_id": PEER_ID,
        "left": "some",
        "event": EVENTS["started"],
        "offers": [(OFFER_ID, json.dumps(offer, separators=(",", ":")).encode())],
        "answer": None,
    }


def test_an_answer_as_webtorrent_sends_it() -> None:
    other = bytes(range(20))
    found = decoded(announce(to_peer_id=binary(other), answer={"type": "answer"}, offer_id=binary(OFFER_ID)))
    assert found["answer"] == (other, OFFER_ID, b'{"type":"answer"}')
    assert (found["left"], found["offers"]) == (None, [])


def test_offers_and_answers_are_the_bytes_that_came() -> None:
    value = b'{ "sdp" : "\\u0000\\/\xc3\xa9\\ud800" ,\n "n":-0.10E+5, "a":[ ] }'
    offer_id = json.dumps(binary(OFFER_ID)).encode()
    common = b'{"info_hash":"%s","peer_id":"%s","action":"announce",' % (b"a" * 20, b"b" * 20)
    found = decode_message(common + b'"offers":[ {"offer_id":%s , "offer": %s\n} ] }' % (offer_id, value))
    assert found["offers"] == [(OFFER_ID, value)]
    more = b'"answer" :\t%s\r, "to_peer_id":"%s","offer_id":%s}' % (value, b"c" * 20, offer_id)
    assert decode_message(common + more)["answer"] == (b"c" * 20, OFFER_ID, value)


def test_scrapes_of_one_many_and_none() -> None:
    def scraped(info_hash: Any) -> tuple[str, list[bytes]]:
        found = decoded({"action": "scrape", "info_hash": info_hash})
        return found["verdict"], found["info_hashes"]

    hashes = [bytes((number,)) * 20 for number in range(256)]
    assert scraped(binary(INFO_HASH)) == ("accepted", [INFO_HASH])
    assert scraped([binary(info_hash) for info_hash in hashes[:255]]) == ("accepted", hashes[:255])
    # More is passed over, yet has to be right.
    assert scraped([binary(info_hash) for info_hash in hashes]) == ("accepted", hashes[:255])
    assert scraped([*map(binary, hashes), "a"])[0] == "bad info hash"
    assert scraped([])[0] == scraped(None)[0] == decoded({"action": "scrape"})["verdict"] == "full scrape"
    assert scraped(["a" * 20, "b" * 19]) == ("bad info hash", [b"a" * 20])


def test_offers_beyond_those_a_request_holds_are_passed_over() -> None:
    offers = [{"offer": number, "offer_id": binary(bytes((number,)) * 20)} for number in range(100)]
    found = decoded(announce(offers=offers))
    assert found["offers"] == [(bytes((number,)) * 20, str(number).encode()) for number in range(64)]
    del offers[99]["offer"]
    assert decoded(announce(offers=offers))["verdict"] == "bad offers"


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (b"0", "none"),
        (b"-0", "none"),
        (b"0.00", "none"),
        (b"0e7", "none"),
        (b"1", "some"),
        (b"0.01", "some"),
        (b"-1", "some"),
        (b"1" * 400, "some"),
        (b"null", "some"),
        (b'"0"', None),
        (b"[0]", None),
        (b"true", None),
    ],
)
def test_left(value: bytes, left: str | None) -> None:
    message = json.dumps(announce()).encode()[:-1]
    assert decode_message(message + b',"left":%s}' % value)["left"] == left
    # The last one counts.
    assert decode_message(message + b',"left":0,"left":%s}' % value)["left"] == left


@pytest.mark.parametrize(
    "name", ["a" * 19, "a" * 21, "", "a" * 19 + "\u0100", "\U0001f600" * 20, None, 20, ["a" * 20]]
)
def test_ids_are_20_characters_of_a_byte_each(name: object) -> None:
    assert decoded(announce(info_hash=name))["verdict"] == "bad info hash"
    assert decoded(announce(peer_id=name))["verdict"] == "bad peer id"
    assert decoded(announce(offers=[{"offer": {}, "offer_id": name}]))["verdict"] == "bad offers"
    answer = {"answer": {}, "to_peer_id": "a" * 20, "offer_id": "b" * 20}
    assert decoded(announce(**answer))["verdict"] == "accepted"
    assert decoded(announce(**{**answer, "to_peer_id": name}))["verdict"] == "bad to peer id"
    assert decoded(announce(**{**answer, "offer_id": name}))["verdict"] == "bad offer id"
    # Without an answer they say nothing.
    assert decoded(announce(to_peer_id=name, offer_id=name, answer=None))["verdict"] == "accepted"


def test_ids_of_all_bytes_in_all_spellings() -> None:
    for first in range(0, 256, 20):
        name = bytes(index & 0xFF for index in range(first, first + 20))
        raw, short = json.dumps(binary(name), ensure_ascii=False), json.dumps(binary(name))
        spelt = '"' + "".join(f"\\u00{byte:02X}" for byte in name) + '"'
        for written in (raw, short, spelt):
            message = f'{{"action":"scrape","info_hash":{written}}}'.encode()
            assert decode_message(message)["info_hashes"] == [name]
    assert decode_message(b'{"action":"scrape","info_hash":"\\b\\f\\n\\r\\t\\"\\\\\\/%s"}' % (b"a" * 12))[
        "info_hashes"
    ] == [b'\b\f\n\r\t"\\/' + b"a" * 12]


def test_what_is_refused_says_what_was_right() -> None:
    assert decoded(announce(action="x")) == {
        "verdict": "bad action",
        "action": None,
        "info_hashes": [INFO_HASH],
    }
    assert decoded(announce(offers=[1])) == {
        "verdict": "bad offers",
        "action": "announce",
        "info_hashes": [INFO_HASH],
    }
    assert decoded([announce()])["verdict"] == "bad action"
    assert decode_message(b"")["verdict"] == "not JSON"


def test_every_byte_ends_a_string_or_does_not_at_any_place() -> None:
    for place in range(40):
        for byte in range(128):
            text = b'"' + b"a" * place + bytes([byte]) + b"a" * (39 - place)
            stands_for_itself = byte >= 0x20 and byte not in b'"\\'
            assert is_json(text + b'"') is stands_for_itself
            assert is_json(text) is (byte == 0x22 and place == 39)


def test_nesting_has_an_end_wherever_it_begins() -> None:
    for content, depth in ((announce(), 31), (announce(offers=[]), 29), ({"action": "scrape"}, 30)):
        text = json.dumps(content, separators=(",", ":"))
        for extra, verdict in ((0, True), (1, False)):
            nested = "[" * (depth + extra) + "]" * (depth + extra)
            if "offers" in content:
                inner = f'{{"offer":{nested},"offer_id":"{"a" * 20}"}}'
                message = text.replace("[]", f"[{inner}]")
            elif content["action"] == "scrape":
                message = text[:-1] + f',"info_hash":[{nested}]}}'
            else:
                message = text[:-1] + f',"x":{nested}}}'
            assert (decode_message(message.encode())["verdict"] != "not JSON") is verdict
            assert is_json(message.encode()) is verdict


def test_every_refusal_has_a_reason() -> None:
    reasons = [
        reason(verdict)
        for verdict in (
            "not JSON",
            "bad action",
            "bad info hash",
            "bad peer id",
            "bad offers",
            "bad to peer id",
            "bad offer id",
            "full scrape",
        )
    ]
    assert len(set(reasons)) == len(reasons)
    assert reasons[0] == "invalid JSON"
    assert reasons[-1] == "full scrapes are not supported"
