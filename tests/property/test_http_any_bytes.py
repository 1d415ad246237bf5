"""Any bytes on a connection (by aquatic.testing.http): answers that another parser reads, whatever comes, and a swarm
that is as it should be.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.addresses import global_address, info_hash_of
from tests.support.http_tracker import HttpTracker, announce_target, query_of, request_for
from tests.support.reference_swarm import Address

# Enough for any answer with five peers: with less a connection would wait for ever.
ROOM_BYTES = 1200
SOURCES: list[Address] = [
    *(global_address(number) for number in range(3)),
    *(global_address(number, 6) for number in range(2)),
    (b"\x0a\x01\x02\x03", 2),
]
HASHES = [info_hash_of(number) for number in range(3)]

ANNOUNCES = st.fixed_dictionaries(
    {
        "info_hash": st.sampled_from(HASHES),
        "left": st.sampled_from([0, 1, 2**70]),
        "event": st.sampled_from([None, "started", "completed", "stopped", "paused", "x"]),
        "numwant": st.sampled_from([-1, 0, 1, 2, 50]),
    }
)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(SOURCES), ANNOUNCES), max_size=20))
def test_any_announces_leave_the_swarm_that_the_reference_has(
    announces: list[tuple[Address, dict[str, Any]]],
) -> None:
    tracker = HttpTracker()
    for source, parameters in announces:
        tracker.announce(source, **parameters)
    for source in SOURCES:
        assert list(tracker.scrape(HASHES, source)) == sorted(HASHES)
    tracker.checked.check_counts()


PIECES = st.sampled_from(
    [
        request_for(announce_target(1)),
        request_for(announce_target(2, compact=0), "Connection: keep-alive", version="1.0"),
        request_for("/scrape?" + query_of({"info_hash": HASHES[0]})),
        request_for("/scrape"),
        request_for("/"),
        request_for("/x", "Content-Length: 2") + b"ab",
        request_for("/announce", "Connection: close"),
        request_for("/", method="HEAD"),
        b"\r\n",
        b"GET /announce?info_hash=",
        b" HTTP/1.1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n",
    ]
) | st.binary(max_size=30)


@settings(max_examples=300)
@given(
    st.lists(PIECES, max_size=8).map(b"".join),
    st.sampled_from(SOURCES),
    st.integers(0, 3000),
    st.lists(st.integers(1, 200), max_size=20),
)
def test_any_bytes_cut_anywhere_are_answered_alike(
    data: bytes, source: Address, capacity: int, cuts: list[int]
) -> None:
    whole = HttpTracker(peers_max=5, response_bytes_max=ROOM_BYTES).serve(data, source, 1 << 16)
    assert whole.used <= len(data)
    assert not whole.needs_room
    answers = whole.answers
    assert [answer.closes for answer in answers] == [False] * (len(answers) - 1) + [whole.closes] * bool(
        answers
    )
    tracker = HttpTracker(peers_max=5, response_bytes_max=ROOM_BYTES)
    waiting, output = b"", b""
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        # Cuts are taken as lengths; the last piece is whatever is left.
        taken = data[: end - start] if end > start else data[:1]
        data = data[len(taken) :]
        waiting += taken
        served = tracker.serve(waiting, source, ROOM_BYTES + capacity)
        waiting, output = waiting[served.used :], output + served.output
        while served.needs_room:
            served = tracker.serve(waiting, source, ROOM_BYTES + capacity)
            waiting, output = waiting[served.used :], output + served.output
        if served.closes:
            break
    else:
        served = tracker.serve(waiting + data, source, 1 << 16)
        output += served.output
    assert (output, served.closes) == (whole.output, whole.closes)
    responses = sum(
        count for name, count in tracker.service.counters(4).items() if name.startswith("responses")
    )
    responses += sum(
        count for name, count in tracker.service.counters(6).items() if name.startswith("responses")
    )
    assert responses == len(answers)
