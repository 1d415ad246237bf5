"""A second statement of what a client's message asks for, on Python's JSON."""

import json
from typing import Any, NoReturn

EVENTS = {"completed": 1, "started": 2, "stopped": 3, "paused": 4}
OFFERS_MAX, SCRAPE_MAX = 64, 255


class Refused(Exception):  # noqa: N818
    """The verdict, as the window for tests names it."""


def refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def identity(value: Any) -> bytes | None:
    if not isinstance(value, str) or len(value) != 20:
        return None
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return None


def expected(message: bytes) -> dict[str, Any]:
    """Return what `decode_message` does. Offers and answers are values, not the bytes that came."""
    try:
        content = json.loads(message.decode(), parse_constant=refuse)
    except ValueError:
        return {"verdict": "not JSON"}
    fields: dict[str, Any] = {"verdict": "accepted", "action": None, "info_hashes": []}
    try:
        read(content if isinstance(content, dict) else {}, fields)
    except Refused as refusal:
        return {
            "verdict": str(refusal),
            "action": fields["action"],
            "info_hashes": fields["info_hashes"],
        }
    return fields


def read(content: dict[str, Any], fields: dict[str, Any]) -> None:
    listed = content.get("info_hash")
    hashes = [] if listed is None else listed if isinstance(listed, list) else [listed]
    fields["info_hashes"] = [found for value in hashes if (found := identity(value)) is not None][:SCRAPE_MAX]
    if content.get("action") not in ("announce", "scrape"):
        raise Refused("bad action")
    fields["action"] = content["action"]
    if any(identity(value) is None for value in hashes):
        raise Refused("bad info hash")
    if fields["action"] == "announce":
        if isinstance(listed, list) or not hashes:
            raise Refused("bad info hash")
        read_announce(content, fields)
    elif not hashes:
        raise Refused("full scrape")


def read_announce(content: dict[str, Any], fields: dict[str, Any]) -> None:
    fields["peer_id"] = identity(content.get("peer_id"))
    if fields["peer_id"] is None:
        raise Refused("bad peer id")
    offers = content.get("offers")
    fields["offers"] = []
    for offer in offers if isinstance(offers, list) else []:
        offer_id = identity(offer.get("offer_id")) if isinstance(offer, dict) else None
        if offer_id is None or offer.get("offer") is None:
            raise Refused("bad offers")
        fields["offers"].append((offer_id, offer["offer"]))
    del fields["offers"][OFFERS_MAX:]
    fields["answer"] = None
    if content.get("answer") is not None:
        to_peer_id, offer_id = identity(content.get("to_peer_id")), identity(content.get("offer_id"))
        if to_peer_id is None:
            raise Refused("bad to peer id")
        if offer_id is None:
            raise Refused("bad offer id")
        fields["answer"] = (to_peer_id, offer_id, content["answer"])
    left = content.get("left", "missing")
    is_number = isinstance(left, int | float) and not isinstance(left, bool)
    fields["left"] = None
    if is_number or left is None:
        fields["left"] = "none" if is_number and left == 0 else "some"
    event = content.get("event")
    fields["event"] = EVENTS.get(event, 0) if isinstance(event, str) else 0
