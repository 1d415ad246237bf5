"""What the data plane reads from a request's target, as tables of bytes."""

from typing import Any

import pytest

from aquatic.testing.http import decode_target

HASH = bytes(range(0, 200, 10))
ESCAPED = b"".join(b"%%%02x" % byte for byte in HASH)
UINT64_MAX = 2**64 - 1


def announce(query: bytes) -> dict[str, Any]:
    return decode_target(b"/announce?" + query)


def test_what_is_left_out() -> None:
    assert decode_target(b"/announce") == {
        "resource": "announce",
        "has_bad_info_hash": False,
        "info_hashes": [],
        "peer_id": b"",
        "peer_id_bytes": 0,
        "port": -1,
        "bytes_left": UINT64_MAX,
        "event": 0,
        "peers_wanted": -1,
        "is_compact": True,
        "tracker_id": b"",
        "tracker_id_bytes": 0,
    }


@pytest.mark.parametrize(
    ("target", "resource"),
    [
        (b"/announce", "announce"),
        (b"/KEY/announce", "announce"),
        (b"/a/b/announce?x", "announce"),
        (b"/scrape", "scrape"),
        (b"/KEY/scrape?info_hash=1", "scrape"),
        (b"http://tracker.example/announce?port=1", "announce"),
        (b"HTTPS://tracker.example:3000/KEY/scrape", "scrape"),
        (b"http://tracker.example", "root"),
        (b"http://tracker.example/", "root"),
        (b"/", "root"),
        (b"/?a/announce", "root"),
        (b"/health", "health"),
        (b"/health?x", "health"),
        (b"/health/", "unknown"),
        (b"/announce/", "unknown"),
        (b"/announce.php", "unknown"),
        (b"/Announce", "unknown"),
        (b"/xannounce", "unknown"),
        (b"announce", "unknown"),
        (b"/scrap", "unknown"),
        (b"/favicon.ico", "unknown"),
        (b"*", "unknown"),
        (b"tracker.example:3000", "unknown"),
        (b"ftpx://tracker.example/announce", "announce"),
        (b"gopher://tracker.example/x", "unknown"),
        (b"http:/announc", "unknown"),
        (b"http:", "unknown"),
        (b"http:/", "unknown"),
        (b"http://", "root"),
    ],
)
def test_the_path_s_last_part_decides(target: bytes, resource: str) -> None:
    assert decode_target(target)["resource"] == resource


@pytest.mark.parametrize(
    "value",
    [
        ESCAPED,
        ESCAPED.upper(),
        HASH,
        HASH[:7] + ESCAPED[21:],
    ],
)
def test_any_percent_encoding(value: bytes) -> None:
    for query in (b"info_hash=" + value, b"%69nfo%5Fhas%68=" + value, b"a&info_hash=" + value + b"&b=1"):
        found = announce(query)
        assert (found["info_hashes"], found["has_bad_info_hash"]) == ([HASH], False)


def test_a_plus_is_itself_and_no_escape_stands_for_itself() -> None:
    value = b"+% %2 %zz%4g%%41%"
    found = announce(b"info_hash=" + value)
    assert value.replace(b"%41", b"A") == b"+% %2 %zz%4g%A%"
    assert found["has_bad_info_hash"]
    found = announce(b"info_hash=12345+% %2 %zz%4g%%41%")
    assert found["info_hashes"] == [b"12345+% %2 %zz%4g%A%"]
    assert announce(b"trackerid=a+b%2Bc")["tracker_id"] == b"a+b+c"


@pytest.mark.parametrize("length", [0, 1, 19, 21, 32, 40])
def test_info_hashes_of_other_lengths_are_bad(length: int) -> None:
    found = announce(b"info_hash=" + b"x" * length)
    assert (found["info_hashes"], found["has_bad_info_hash"]) == ([], True)
    found = decode_target(b"/scrape?info_hash=" + ESCAPED + b"&info_hash=" + b"x" * length)
    assert (found["info_hashes"], found["has_bad_info_hash"]) == ([HASH], True)


def test_of_what_comes_again_the_last_counts_but_in_scrapes() -> None:
    other = b"o" * 20
    found = announce(b"info_hash=" + ESCAPED + b"&port=1&info_hash=" + other + b"&port=2&left=0&left=1")
    assert (found["info_hashes"], found["port"], found["bytes_left"]) == ([other], 2, 1)
    assert announce(b"info_hash=x&info_hash=" + other)["has_bad_info_hash"] is False
    assert announce(b"info_hash=" + other + b"&info_hash=x")["info_hashes"] == []
    assert announce(b"port=1&port=x")["port"] == -1
    found = decode_target(b"/scrape?info_hash=" + other + b"&info_hash=" + ESCAPED + b"&info_hash=" + other)
    assert found["info_hashes"] == [other, HASH, other]


def test_a_scrape_holds_no_more_than_it_has_room_for() -> None:
    hashes = [number.to_bytes(20, "big") for number in range(600)]
    query = b"&".join(b"info_hash=" + b"".join(b"%%%02X" % byte for byte in hash_) for hash_ in hashes)
    found = decode_target(b"/scrape?" + query + b"&info_hash=short")
    assert found["info_hashes"] == hashes[:512]
    assert found["has_bad_info_hash"] is False


@pytest.mark.parametrize(
    ("text", "port"),
    [
        (b"0", 0),
        (b"1", 1),
        (b"65535", 65535),
        (b"0006881", 6881),
        (b"68%381", 6881),
        (b"65536", -1),
        (b"99999999999999999999999", -1),
        (b"-1", -1),
        (b"+1", -1),
        (b"", -1),
        (b"1a", -1),
        (b" 1", -1),
        (b"1%00", -1),
    ],
)
def test_ports(text: bytes, port: int) -> None:
    assert announce(b"port=" + text)["port"] == port


@pytest.mark.parametrize(
    ("text", "bytes_left"),
    [
        (b"0", 0),
        (b"000", 0),
        (b"1", 1),
        (b"18446744073709551615", UINT64_MAX),
        (b"18446744073709551616", UINT64_MAX),
        (b"99999999999999999999999999999999", UINT64_MAX),
        (b"9" * 33, UINT64_MAX),
        (b"0" * 33, UINT64_MAX),
        (b"-1", UINT64_MAX),
        (b"", UINT64_MAX),
        (b"0.5", UINT64_MAX),
        (b"None", UINT64_MAX),
    ],
)
def test_left(text: bytes, bytes_left: int) -> None:
    assert announce(b"left=" + text)["bytes_left"] == bytes_left
    assert announce(b"downloaded=5&left=" + text + b"&uploaded=6")["bytes_left"] == bytes_left


@pytest.mark.parametrize(
    ("text", "peers_wanted"),
    [
        (b"0", 0),
        (b"200", 200),
        (b"2147483647", 2**31 - 1),
        (b"2147483648", 2**31 - 1),
        (b"99999999999999999999", 2**31 - 1),
        (b"-1", -1),
        (b"-0", -1),
        (b"", -1),
        (b"many", -1),
    ],
)
def test_numwant(text: bytes, peers_wanted: int) -> None:
    assert announce(b"numwant=" + text)["peers_wanted"] == peers_wanted


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (b"completed", 1),
        (b"started", 2),
        (b"stopped", 3),
        (b"paused", 4),
        (b"st%61rted", 2),
        (b"", 0),
        (b"empty", 0),
        (b"Started", 0),
        (b"started2", 0),
        (b"stoppe", 0),
        (b"x" * 100, 0),
        (b"completed%00", 0),
    ],
)
def test_events(text: bytes, event: int) -> None:
    assert announce(b"event=" + text)["event"] == event
    assert announce(b"event=started&event=" + text)["event"] == event


@pytest.mark.parametrize(
    ("query", "is_compact"),
    [
        (b"compact=0", False),
        (b"compact=1", True),
        (b"compact=", True),
        (b"compact", True),
        (b"compact=00", True),
        (b"compact=%30", False),
        (b"compact=0&compact=1", True),
        (b"no_peer_id=1&compact=0", False),
    ],
)
def test_compact(query: bytes, is_compact: bool) -> None:
    assert announce(query)["is_compact"] is is_compact


@pytest.mark.parametrize("length", [0, 5, 19, 20, 21, 200])
def test_peer_ids_and_tracker_ids(length: int) -> None:
    text = b"p" * length
    found = announce(b"peer_id=" + text + b"&trackerid=" + text)
    assert (found["peer_id"], found["peer_id_bytes"]) == (text[:20], length)
    assert (found["tracker_id"], found["tracker_id_bytes"]) == (text[:64], length)


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"&",
        b"&&&",
        b"=",
        b"=&=",
        b"%",
        b"x=%",
        b"key=" + b"k" * 500,
        b"corrupt=0&supportcrypto=1&ip=192.0.2.1&ipv6=%5B::1%5D",
        b"info_hash_=" + ESCAPED,
        b"info_has=" + ESCAPED,
        b"info%5Fhash%00=" + ESCAPED,
        b"INFO_HASH=" + ESCAPED,
        b"n" * 40 + b"=1",
        b"portport=7",
        b"x==port=7",
        b"x=y?port=7",
        b"x;port=7",
        b"#port=7",
        bytes(range(128, 256)) + b"=" + bytes(range(128, 256)),
    ],
)
def test_what_is_not_known_is_passed_over(noise: bytes) -> None:
    plain = b"info_hash=" + ESCAPED + b"&port=6881&event=started"
    expected = announce(plain)
    assert announce(noise + b"&" + plain) == expected
    assert announce(plain + b"&" + noise) == expected
    assert announce(plain.replace(b"&", b"&" + noise + b"&")) == expected


def test_a_parameter_without_a_value_has_an_empty_one() -> None:
    found = announce(b"info_hash&port&left&event&peer_id&numwant")
    assert found == announce(b"info_hash=&port=&left=&event=&peer_id=&numwant=")
    assert found["has_bad_info_hash"]
