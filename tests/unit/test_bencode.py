import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatic.protocol.bencode import DEPTH_MAX, BencodeError, Value, decode, encode

VALUES: st.SearchStrategy[Value] = st.recursive(
    st.integers(-(10**39), 10**39) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (0, b"i0e"),
        (-42, b"i-42e"),
        (2**64, b"i18446744073709551616e"),
        (b"", b"0:"),
        (b"spam", b"4:spam"),
        ([], b"le"),
        ([1, [b"a"]], b"li1el1:aee"),
        ({}, b"de"),
        ({b"b": 1, b"a": {b"": []}, b"\xff": 2}, b"d1:ad0:lee1:bi1e1:\xffi2ee"),
    ],
)
def test_both_ways(value: Value, data: bytes) -> None:
    assert encode(value) == data
    assert decode(data) == value


@given(VALUES)
def test_what_was_written_is_read(value: Value) -> None:
    assert decode(encode(value)) == value


@given(st.binary(max_size=30) | VALUES.map(encode).map(lambda data: data[:-1]))
def test_any_bytes_are_a_value_that_is_written_so_or_an_error(data: bytes) -> None:
    try:
        value = decode(data)
    except BencodeError:
        return
    assert encode(value) == data


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"e", b"i", b"ie", b"i-e", b"i-0e", b"i01e", b"i+1e", b"i1", b"i 1e", b"i" + b"1" * 41 + b"e"),
        *(b"1", b":", b"1:", b"2:a", b"01:a", b"-1:a", b"4:spamx", b"9" * 41 + b":"),
        *(b"l", b"li1e", b"d", b"d1:a", b"d1:ae", b"di1ei2ee", b"d1:bi1e1:ai2ee", b"d1:ai1e1:ai2ee"),
        b"l" * (DEPTH_MAX + 2) + b"e" * (DEPTH_MAX + 2),
        b"l" * 100_000,
    ],
)
def test_what_is_no_bencode(data: bytes) -> None:
    with pytest.raises(BencodeError):
        decode(data)


@pytest.mark.parametrize("value", [True, "text", None, 1.5, [True], {"a": 1}, {b"a": "b"}, (1,)])
def test_what_has_no_form(value: object) -> None:
    with pytest.raises(BencodeError):
        encode(value)  # type: ignore[arg-type]
