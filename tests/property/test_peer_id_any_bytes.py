"""Strangers choose peer ids, and the names that are made of them end up on pages and as metric labels."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from aquatic.peer_id import CLIENT_CHARACTERS_MAX, identify, identify_prefix

HARMLESS = re.compile(r"[A-Za-z0-9µ.~!/() -]+")

letters = st.text(string.ascii_letters + string.digits + "~", min_size=2, max_size=2).map(str.encode)
version_bytes = st.sampled_from(b'-.0123459ABDSZabdsz<"&\n\x00\xff').map(lambda byte: bytes([byte]))
azureus_starts = st.builds(
    lambda mark, versions: b"-" + mark + b"".join(versions), letters, st.lists(version_bytes, max_size=8)
)
odd_starts = st.builds(
    lambda mark, versions: mark + b"".join(versions),
    st.sampled_from(
        [b"M", b"Q", b"A2-", b"S", b"T0", b"TIX", b"OP", b"-ML", b"XBT", b"exbc", b"\0\0BS", b"AP"]
    ),
    st.lists(version_bytes, max_size=16),
)
peer_ids = st.builds(
    lambda start, rest: (start + rest)[:20],
    azureus_starts | odd_starts | st.just(b""),
    st.binary(min_size=20, max_size=20),
)


@given(peer_ids)
def test_names_are_bounded_and_harmless(peer_id: bytes) -> None:
    for client in (identify(peer_id), identify_prefix(peer_id[:8])):
        assert HARMLESS.fullmatch(str(client))
        assert len(str(client)) <= CLIENT_CHARACTERS_MAX
        assert client.name
        assert str(client) == str(client).strip()


@given(azureus_starts, st.binary(min_size=20, max_size=20), st.binary(min_size=20, max_size=20))
def test_the_name_does_not_depend_on_the_random_part(start: bytes, rest: bytes, other_rest: bytes) -> None:
    start = (start + b"-------")[:8]
    names = {identify((start + random)[:20]).name for random in (rest, other_rest)}
    assert names == {identify_prefix(start).name}
