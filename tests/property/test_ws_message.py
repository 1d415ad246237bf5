"""Messages against a second statement of the rules, on Python's JSON."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aquatic.testing.ws import decode_message
from tests.support.ws_messages import expected

IDS = st.binary(min_size=20, max_size=20).map(lambda value: value.decode("latin-1"))
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.5, "", "a" * 20, "a" * 19, "\u0100" * 20, "a" * 21, [], {}]
)
VALUES = ODD | st.fixed_dictionaries({"type": st.just("offer"), "sdp": st.text(max_size=30)})
MAYBE_IDS = st.one_of(IDS, IDS, IDS, ODD)
OFFERS = st.lists(
    st.one_of(
        *[st.fixed_dictionaries({"offer": VALUES, "offer_id": IDS})] * 3,
        st.fixed_dictionaries({}, optional={"offer": VALUES, "offer_id": MAYBE_IDS, "x": VALUES}),
        ODD,
    ),
    max_size=4,
)
LEFT: st.SearchStrategy[Any] = st.sampled_from([0, -0.0, 0.0, 1, -1, 10**30, 1.5, None, "0", True, [], 1e300])
KEYS: dict[str, st.SearchStrategy[Any]] = {
    "action": st.sampled_from(
        ["announce", "announce", "announce", "scrape", "x", "", 1, None, "announce" * 3]
    ),
    "info_hash": MAYBE_IDS | st.lists(MAYBE_IDS, max_size=4),
    "peer_id": MAYBE_IDS,
    "left": LEFT,
    "event": st.sampled_from(["started", "stopped", "completed", "paused", "update", "", None, 1, "x" * 30]),
    "numwant": st.integers(-2, 100) | st.sampled_from([2**31, 10**30, 1.0, None, "5", 2**31 - 1]),
    "offers": OFFERS | ODD,
    "answer": VALUES,
    "to_peer_id": MAYBE_IDS,
    "offer_id": MAYBE_IDS,
    "trackerid": VALUES,
}
CONTENTS = st.builds(
    lambda right, rest: {**right, **rest},
    st.fixed_dictionaries({"action": st.just("announce"), "info_hash": IDS, "peer_id": IDS}),
    st.fixed_dictionaries({}, optional=KEYS),
)
# Keys that come again, which Python's dictionaries would not hold.
MEMBERS = st.lists(
    st.sampled_from(sorted(KEYS)).flatmap(lambda key: st.tuples(st.just(key), KEYS[key])), max_size=3
)


def as_values(found: dict[str, Any]) -> dict[str, Any]:
    """Read the offers and answers that were found as they came."""
    if "offers" in found:
        found["offers"] = [(offer_id, json.loads(offer)) for offer_id, offer in found["offers"]]
        for _, offer in found["offers"]:
            assert offer is not None
    if found.get("answer"):
        to_peer_id, offer_id, answer = found["answer"]
        found["answer"] = (to_peer_id, offer_id, json.loads(answer))
    return found


def compare(message: bytes) -> None:
    found = decode_message(message)
    if found["verdict"] == "not JSON":
        found = {"verdict": "not JSON"}
    assert as_values(found) == expected(message)


@settings(max_examples=1000)
@given(CONTENTS, MEMBERS, st.booleans(), st.sampled_from([None, 1]))
def test_messages(
    content: dict[str, Any], again: list[tuple[str, Any]], escapes: bool, indent: int | None
) -> None:
    text = json.dumps(content, ensure_ascii=escapes, indent=indent)
    more = "".join(f",{json.dumps(key)}:{json.dumps(value)}" for key, value in again)
    compare((text[: text.rindex("}")] + more + "}").encode("utf-8", "replace"))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = json.dumps(draw(CONTENTS), ensure_ascii=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        piece = draw(
            st.sampled_from([*'{}[],:"\\01-.eEnul ', "\\u0061", "\\u0100", "\xe9", "\u0100", "\0", ""])
        )
        text = text[:at] + piece + text[at + draw(st.integers(0, 2)) :]
    return text


@settings(max_examples=2000)
@given(mutated() | st.text(max_size=20))
@example('{"\\u0061ction":"\\u0061nnounce"}')
@example('{"action":"announce"} x')
@example('{"offers":[{}')
@example('{"offers":[1,')
@example('{"info_hash":["a",]}')
@example('{"left":00}')
def test_messages_with_any_change(text: str) -> None:
    compare(text.encode("utf-8", "replace"))
