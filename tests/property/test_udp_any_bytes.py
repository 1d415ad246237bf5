"""Any bytes to the data plane mean what the protocol library says, and without a valid id they get nothing."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from aquatic.protocol.udp import PROTOCOL_ID
from aquatic.testing.udp import decode_datagram
from tests.support.decoded_request import expected_of
from tests.support.reference_swarm import Address
from tests.support.simulated_tracker import Setup, SimulatedTracker

CONNECTION_IDS = st.sampled_from([PROTOCOL_ID, 0, 2**64 - 1]) | st.integers(0, 2**64 - 1)
UINT32 = st.integers(0, 2**32 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
HASHES = st.sampled_from([bytes((number,)) * 20 for number in range(3)]) | st.binary(min_size=20, max_size=20)
SOURCES: list[Address] = [
    (b"\x08\x08\x08\x08", 1),
    (b"\x0a\x01\x02\x03", 2),
    (bytes.fromhex("2a00") + bytes(14), 3),
    (bytes(15) + b"\x01", 4),
]


def heads(connection_ids: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    return st.builds(struct.Struct(">QII").pack, connection_ids, st.integers(0, 4) | UINT32, UINT32)


ANNOUNCE_BODIES = st.builds(
    struct.Struct(">20s20sqqqIIIiH").pack,
    HASHES,
    st.binary(max_size=20),
    INT64,
    st.sampled_from([0, 1, -1]) | INT64,
    INT64,
    st.integers(0, 4) | UINT32,
    UINT32,
    UINT32,
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 2**16 - 1),
)
BODIES = ANNOUNCE_BODIES | st.lists(HASHES, max_size=120).map(b"".join) | st.binary(max_size=200)


def datagrams(connection_ids: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    whole = st.builds(
        lambda head, body, tail: head + body + tail, heads(connection_ids), BODIES, st.binary(max_size=9)
    )
    cut = st.builds(lambda datagram, length: datagram[:length], whole, st.integers(0, 120))
    return whole | cut | st.binary(max_size=300)


@given(datagrams(CONNECTION_IDS))
def test_any_bytes_are_read_as_the_protocol_library_reads_them(datagram: bytes) -> None:
    assert decode_datagram(datagram) == expected_of(datagram)


# 0 stands for the id that the source was given.
PACKETS = st.tuples(datagrams(st.just(0) | CONNECTION_IDS), st.sampled_from(SOURCES), st.integers(0, 1))


@settings(max_examples=50)
@given(
    st.lists(st.lists(PACKETS, max_size=12), max_size=6),
    st.lists(st.integers(-90, 400), min_size=6, max_size=6),
)
def test_any_sequence_of_datagrams_is_answered_as_the_reference_says(
    batches: list[list[tuple[bytes, Address, int]]], pauses: list[int]
) -> None:
    tracker = SimulatedTracker(Setup(workers=2, batch_datagrams=4))
    tracker.set_time(1000)
    connection_ids = {source: tracker.connect(source) for source in SOURCES}
    for batch, pause in zip(batches, pauses, strict=False):
        for datagram, source, worker in batch:
            if datagram[:8] == bytes(8):
                datagram = connection_ids[source].to_bytes(8, "big") + datagram[8:]  # noqa: PLW2901
            tracker.deliver(datagram, source, worker)
        # Every answer, its length, its transaction id and what it says are compared here.
        for worker in range(2):
            tracker.turn(worker)
        tracker.set_time(tracker.now + pause)
    tracker.check_counters()
