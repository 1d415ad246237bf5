"""JSON against Python's own: both take the same texts, of those that are nested as deep as we read."""

import json
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aquatic.testing.ws import is_json
from tests.support.python_json import DEPTH_MAX, is_python_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
WRITTEN = st.builds(
    lambda value, ascii_only, indent: json.dumps(value, ensure_ascii=ascii_only, indent=indent),
    VALUES,
    st.booleans(),
    st.sampled_from([None, 1]),
)
TOKENS = st.sampled_from(
    [
        *'{}[],:"\\',
        *"0123456789-+.eE",
        "true",
        "false",
        "null",
        "NaN",
        "Infinity",
        *" \t\r\n\v\f\0\x1f\x7f\x80\xa0\u2028\ufeff",
        '"a"',
        '"\\u00e9"',
        "\\ud800",
        "\\u12G4",
        '\\"',
        "\\x",
        "01",
        "1.",
        ".5",
        "-0",
        "1e5",
        "1e",
        '"a":',
        "'",
        "//",
        "/",
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(WRITTEN)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(TOKENS | st.just("")) + text[at + draw(st.integers(0, 2)) :]
    return text


@settings(max_examples=2000)
@given(mutated() | st.lists(TOKENS, max_size=12).map("".join) | st.text(max_size=20))
@example("")
@example(" ")
@example("1" * 5000)
@example('{"a":1,"a":2}')
@example('"' + "a" * 8 + '\x1f"')
@example("[" * DEPTH_MAX + "]" * DEPTH_MAX)
@example("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1))
@example('{"a":' * DEPTH_MAX + "1" + "}" * DEPTH_MAX)
@example('{"a":' * DEPTH_MAX + "{}" + "}" * DEPTH_MAX)
def test_we_take_what_python_takes(text: str) -> None:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return  # a lone surrogate is no text that arrives
    assert is_json(data) == is_python_json(text)


@settings(max_examples=500)
@given(WRITTEN)
def test_a_part_of_a_text_is_none(text: str) -> None:
    assert is_json(text.encode())
    if not re.fullmatch(r"-?[0-9.e+-]+", text):
        for length in range(len(text.rstrip())):
            assert not is_json(text[:length].encode())


@given(
    st.text(max_size=40), st.integers(0, 40), st.sampled_from(['"', "\\", "\x1f", "\0", "\n", "\\n", "\\q"])
)
def test_what_ends_a_string_is_seen_at_any_place(behind: str, place: int, special: str) -> None:
    text = '"' + "a" * place + special + behind
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    assert is_json(data) == is_python_json(text)
    assert is_json(data + b'"') == is_python_json(text + '"')
