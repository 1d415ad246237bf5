"""The target decoder against urllib's."""

from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from hypothesis import given, settings
from hypothesis import strategies as st

from aquatic.testing.http import decode_target

EVENTS = {b"completed": 1, b"started": 2, b"stopped": 3, b"paused": 4}
UINT64_MAX = 2**64 - 1


def number_of(text: bytes) -> int | None:
    is_number = 0 < len(text) <= 32 and all(byte in b"0123456789" for byte in text)
    return min(int(text), UINT64_MAX) if is_number else None


def expected_of(target: bytes) -> dict[str, Any]:
    """What the decoder must make of /announce?... and /scrape?..., in plain Python."""
    path, _, query = target.partition(b"?")
    parameters = []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        parameters.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    last = dict(parameters)
    hashes = [value for name, value in parameters if name == b"info_hash"]
    if path == b"/announce":
        hashes = hashes[-1:]
    port = number_of(last.get(b"port", b""))
    left = number_of(last.get(b"left", b""))
    wanted = number_of(last.get(b"numwant", b""))
    peer_id = last.get(b"peer_id", b"")
    tracker_id = last.get(b"trackerid", b"")
    return {
        "resource": path[1:].decode(),
        "info_hashes": [value for value in hashes if len(value) == 20],
        "has_bad_info_hash": any(len(value) != 20 for value in hashes),
        "peer_id": peer_id[:20],
        "peer_id_bytes": len(peer_id),
        "port": -1 if port is None or port > 65535 else port,
        "bytes_left": UINT64_MAX if left is None else left,
        "event": EVENTS.get(last.get(b"event", b""), 0),
        "peers_wanted": -1 if wanted is None else min(wanted, 2**31 - 1),
        "is_compact": last.get(b"compact") != b"0",
        "tracker_id": tracker_id[:64],
        "tracker_id_bytes": len(tracker_id),
    }


def quoted(data: bytes) -> st.SearchStrategy[bytes]:
    return st.sampled_from(
        [
            quote_from_bytes(data, safe="").encode(),
            b"".join(b"%%%02x" % byte for byte in data),
            data.replace(b"%", b"%25").replace(b"&", b"%26").replace(b"=", b"%3D").replace(b"?", b"%3f"),
            data,
        ]
    )


NAMES = st.sampled_from(
    [
        *(b"info_hash", b"peer_id", b"port", b"left", b"event", b"numwant", b"compact", b"trackerid"),
        *(b"key", b"downloaded", b"uploaded", b"no_peer_id", b"ip", b"", b"info_hashes"),
    ]
)
NUMBERS = st.sampled_from(
    [b"0", b"1", b"-1", b"6881", b"65536", b"9" * 20, b"0" * 32, b"1" * 33]
) | st.integers(-5, 2**70).map(lambda number: b"%d" % number)
VALUES = (
    st.binary(min_size=20, max_size=20)
    | NUMBERS
    | st.sampled_from([*EVENTS, b"", b"+", b"%", b"%4", b"%zz"])
    | st.binary(max_size=80)
)
PARAMETERS = st.tuples(
    NAMES.flatmap(quoted), st.sampled_from([b"=", b"=", b"=", b""]), VALUES.flatmap(quoted)
).map(b"".join)
QUERIES = st.lists(PARAMETERS, max_size=12).map(b"&".join) | st.binary(max_size=100)


@settings(max_examples=500)
@given(st.sampled_from([b"/announce", b"/scrape"]), QUERIES)
def test_any_query_is_read_as_urllib_reads_it(path: bytes, query: bytes) -> None:
    assert decode_target(path + b"?" + query) == expected_of(path + b"?" + query)


@given(st.binary(max_size=60))
def test_any_target_is_one_of_the_resources(target: bytes) -> None:
    resource = decode_target(target)["resource"]
    path = target.partition(b"?")[0]
    if target.startswith(b"/"):
        known = {b"/": "root", b"/health": "health"}
        if path.endswith((b"/announce", b"/scrape")):
            known[path] = path.rpartition(b"/")[2].decode()
        assert resource == known.get(path, "unknown")
