"""The messages of WebTorrent's signalling: JSON over WebSocket, as the npm bittorrent-tracker introduced them.

Clients send `AnnounceRequest`, with offers for other peers or with an answer to one, and `ScrapeRequest`; the tracker
sends `AnnounceResponse`, `OfferMessage`, `AnswerMessage`, `ScrapeResponse` and `FailureResponse`. Each has `to_text()`;
`parse_request` reads what a client sends as this tracker does, `parse_response` what a tracker sends. WebSocket itself
is left to a WebSocket library. docs/webtorrent.md says who sends what, and when.

Info hashes and the ids of peers and offers are bytes here. On the wire each is a text of 20 characters from U+0000 to
U+00FF, a byte each. Offers and answers are any JSON values but null; those of WebRTC are objects with "type" and "sdp".

What the tracker tolerates in a request, because clients in use send it:

- keys that it does not know, and known ones again, of which the last counts;
- `left` that is missing, null, negative or huge (then the peer is no seeder);
- an `event` that is missing or unknown, which is `Event.NONE`;
- offers that are no array, which are none; an `answer` that is null, which is none;
- numbers of any length: those beyond what Python reads are infinite.

What it does not tolerate, as more than `DEPTH_MAX` arrays and objects in each other, is a `ProtocolError` with the
`FailureResponse` that the client is told.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

from aquatic.protocol.http import Event

ID_BYTES: Final = 20
"""Of an info hash, and of the ids of peers and offers."""
LEFT_MAX: Final = 2**64 - 1
"""What `left` is taken for when it is null, negative, or greater."""
DEPTH_MAX: Final = 32
"""Arrays and objects in each other that a request may have, itself among them."""

FULL_SCRAPE: Final = "full scrapes are not supported"

Json: TypeAlias = Any

# Of JSON: strings whole, as brackets in them open nothing.
_TOKENS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{}]')


class ProtocolError(ValueError):
    """The text is not a message of the protocol, or a message's field has no form in it.

    `answer` is what the tracker tells a client about a request that it refuses, None otherwise.
    """

    def __init__(self, message: str, answer: "FailureResponse | None" = None):
        super().__init__(message)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer for whichever peer the tracker chooses."""

    offer_id: bytes
    offer: Json


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the offer that a peer has made."""

    to_peer_id: bytes
    offer_id: bytes
    answer: Json


@dataclass(frozen=True, slots=True)
class AnnounceRequest:
    """Tells of one peer of one torrent, and hands over offers or an answer.

    `left` is bytes: 0 makes the peer a seeder; None is not told. Each offer is for another peer.
    """

    info_hash: bytes
    peer_id: bytes
    left: int | None = None
    event: Event = Event.NONE
    offers: tuple[Offer, ...] = ()
    answer: Answer | None = None
    downloaded: int = 0
    uploaded: int = 0

    def to_text(self) -> str:
        """Write the message; raises ProtocolError for an id that is not 20 bytes."""
        message: dict[str, Json] = {
            "action": "announce",
            "info_hash": _text("info_hash", self.info_hash),
            "peer_id": _text("peer_id", self.peer_id),
            "downloaded": self.downloaded,
            "uploaded": self.uploaded,
        }
        if self.left is not None:
            message["left"] = self.left
        if self.event is not Event.NONE:
            message["event"] = self.event.value
        if self.offers:
            message["numwant"] = len(self.offers)
            message["offers"] = [
                {"offer": offer.offer, "offer_id": _text("offer_id", offer.offer_id)} for offer in self.offers
            ]
        if self.answer is not None:
            message["to_peer_id"] = _text("to_peer_id", self.answer.to_peer_id)
            message["offer_id"] = _text("offer_id", self.answer.offer_id)
            message["answer"] = self.answer.answer
        return _written(message)


@dataclass(frozen=True, slots=True)
class ScrapeRequest:
    """Asks for the counts of torrents."""

    info_hashes: tuple[bytes, ...]

    def to_text(self) -> str:
        """Write the message; raises ProtocolError for a hash that is not 20 bytes."""
        hashes = [_text("info_hash", info_hash) for info_hash in self.info_hashes]
        return _written({"action": "scrape", "info_hash": hashes})


Request: TypeAlias = AnnounceRequest | ScrapeRequest


@dataclass(frozen=True, slots=True)
class AnnounceResponse:
    """Answers an announce."""

    info_hash: bytes
    complete: int
    incomplete: int
    interval_seconds: int

    def to_text(self) -> str:
        """Write the message."""
        return _written(
            {
                "action": "announce",
                "info_hash": _text("info_hash", self.info_hash),
                "complete": self.complete,
                "incomplete": self.incomplete,
                "interval": self.interval_seconds,
            }
        )


@dataclass(frozen=True, slots=True)
class OfferMessage:
    """Another peer's offer."""

    info_hash: bytes
    peer_id: bytes
    offer_id: bytes
    offer: Json

    def to_text(self) -> str:
        """Write the message."""
        return _relayed(self.info_hash, self.peer_id, self.offer_id, "offer", self.offer)


@dataclass(frozen=True, slots=True)
class AnswerMessage:
    """Another peer's answer to an offer of the receiver's."""

    info_hash: bytes
    peer_id: bytes
    offer_id: bytes
    answer: Json

    def to_text(self) -> str:
        """Write the message."""
        return _relayed(self.info_hash, self.peer_id, self.offer_id, "answer", self.answer)


@dataclass(frozen=True, slots=True)
class ScrapeEntry:
    """A torrent's counts."""

    complete: int
    incomplete: int
    downloaded: int


@dataclass(frozen=True, slots=True)
class ScrapeResponse:
    """Answers a scrape: counts by info hash."""

    files: Mapping[bytes, ScrapeEntry]

    def to_text(self) -> str:
        """Write the message."""
        files = {
            _text("info_hash", info_hash): {
                "complete": entry.complete,
                "incomplete": entry.incomplete,
                "downloaded": entry.downloaded,
            }
            for info_hash, entry in self.files.items()
        }
        return _written({"action": "scrape", "files": files})


@dataclass(frozen=True, slots=True)
class FailureResponse:
    """Says why a request is refused, and of what action and torrent it was, as far as that is known."""

    reason: str
    action: str = "announce"
    info_hash: bytes | None = None

    def to_text(self) -> str:
        """Write the message."""
        message: dict[str, Json] = {"action": self.action, "failure reason": self.reason}
        if self.info_hash is not None:
            message["info_hash"] = _text("info_hash", self.info_hash)
        return _written(message)


Response: TypeAlias = AnnounceResponse | OfferMessage | AnswerMessage | ScrapeResponse | FailureResponse


def parse_request(text: str | bytes) -> Request:
    """Read a message as the tracker does (the module tells how); raises ProtocolError for what it refuses."""
    try:
        message = _object(text)
    except ProtocolError as error:
        raise _refusal("invalid JSON", "announce") from error
    if _depth(text) > DEPTH_MAX:
        raise _refusal("invalid JSON", "announce")
    action = message.get("action")
    if action == "scrape":
        return _scrape_request(message.get("info_hash"))
    if action != "announce":
        raise _refusal("invalid action", "announce")
    info_hash = _bytes(message.get("info_hash"))
    if info_hash is None:
        raise _refusal("invalid info_hash", action)
    peer_id = _bytes(message.get("peer_id"))
    if peer_id is None:
        raise _refusal("invalid peer_id", action, info_hash)
    event = message.get("event")
    return AnnounceRequest(
        info_hash=info_hash,
        peer_id=peer_id,
        left=_left(message["left"]) if "left" in message else None,
        event=next((known for known in Event if known.value == event), Event.NONE),
        offers=_offers(message.get("offers"), info_hash),
        answer=_answer(message, info_hash),
        downloaded=_count(message.get("downloaded")),
        uploaded=_count(message.get("uploaded")),
    )


def parse_response(text: str | bytes) -> Response:
    """Read a message of a tracker; raises ProtocolError for one that is none, or whose fields are malformed."""
    message = _object(text)
    action = message.get("action")
    if "failure reason" in message:
        reason, known = str(message["failure reason"]), action if isinstance(action, str) else "announce"
        return FailureResponse(reason, known, _bytes(message.get("info_hash")))
    if action == "scrape":
        return _scrape_response(message.get("files"))
    if action != "announce":
        raise ProtocolError(f"response with the action {action!r}")
    info_hash = _required(message, "info_hash")
    if message.get("offer") is not None:
        peer_id, offer_id = _required(message, "peer_id"), _required(message, "offer_id")
        return OfferMessage(info_hash, peer_id, offer_id, message["offer"])
    if message.get("answer") is not None:
        peer_id, offer_id = _required(message, "peer_id"), _required(message, "offer_id")
        return AnswerMessage(info_hash, peer_id, offer_id, message["answer"])
    return AnnounceResponse(
        info_hash=info_hash,
        complete=_integer(message, "complete"),
        incomplete=_integer(message, "incomplete"),
        interval_seconds=_integer(message, "interval"),
    )


def _written(message: Mapping[str, Json]) -> str:
    try:
        text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        # Half of a pair of surrogates is a character of JSON, escaped, but of no text that can be sent.
        return text if _is_utf8(text) else json.dumps(message, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"an offer or answer that has no form in JSON: {error}") from error


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _relayed(info_hash: bytes, peer_id: bytes, offer_id: bytes, key: str, value: Json) -> str:
    return _written(
        {
            "action": "announce",
            "info_hash": _text("info_hash", info_hash),
            "peer_id": _text("peer_id", peer_id),
            "offer_id": _text("offer_id", offer_id),
            key: value,
        }
    )


def _text(name: str, value: bytes) -> str:
    if len(value) != ID_BYTES:
        raise ProtocolError(f"{name} has {len(value)} bytes, not {ID_BYTES}")
    return value.decode("latin-1")


def _bytes(value: Json) -> bytes | None:
    """Return the 20 bytes that a text stands for, or None."""
    if (
        not isinstance(value, str)
        or len(value) != ID_BYTES
        or any(ord(character) > 0xFF for character in value)
    ):
        return None
    return value.encode("latin-1")


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _whole_number(text: str) -> int | float:
    """Python reads so many digits at most, as more cost more than they are long."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _number(text: str) -> float:
    """What is too near to zero for Python is not zero, which `left` may not be mistaken for."""
    number = float(text)
    if number or not text.lower().partition("e")[0].strip("-0."):
        return number
    return math.copysign(math.ulp(0.0), number)


def _object(text: str | bytes) -> dict[str, Json]:
    """Read JSON; what is no object has no members."""
    try:
        message = json.loads(
            text.decode() if isinstance(text, bytes) else text,
            parse_constant=_no_number,
            parse_int=_whole_number,
            parse_float=_number,
        )
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"message that is not JSON: {error}") from error
    return message if isinstance(message, dict) else {}


def _depth(text: str | bytes) -> int:
    """How many arrays and objects of JSON are in each other at the most."""
    depth = deepest = 0
    for token in _TOKENS.findall(text.decode() if isinstance(text, bytes) else text):
        if token in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token in "]}":
            depth -= 1
    return deepest


def _refusal(reason: str, action: str, info_hash: bytes | None = None) -> ProtocolError:
    return ProtocolError(reason, FailureResponse(reason, action, info_hash))


def _scrape_request(value: Json) -> ScrapeRequest:
    values = [] if value is None else value if isinstance(value, list) else [value]
    hashes = tuple(info_hash for info_hash in map(_bytes, values) if info_hash is not None)
    if len(hashes) < len(values):
        raise _refusal("invalid info_hash", "scrape")
    if not hashes:
        raise _refusal(FULL_SCRAPE, "scrape")
    return ScrapeRequest(hashes)


def _left(value: Json) -> int | None:
    """Read bytes; what is no number and not null is as if it were not there."""
    if value is None:
        return LEFT_MAX
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return LEFT_MAX if value < 0 or value > LEFT_MAX else math.ceil(value)


def _count(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _offers(value: Json, info_hash: bytes) -> tuple[Offer, ...]:
    offers = []
    for element in value if isinstance(value, list) else []:
        members = element if isinstance(element, dict) else {}
        offer_id = _bytes(members.get("offer_id"))
        if offer_id is None or members.get("offer") is None:
            raise _refusal("invalid offers", "announce", info_hash)
        offers.append(Offer(offer_id, members["offer"]))
    return tuple(offers)


def _answer(message: Mapping[str, Json], info_hash: bytes) -> Answer | None:
    if message.get("answer") is None:
        return None
    to_peer_id = _bytes(message.get("to_peer_id"))
    if to_peer_id is None:
        raise _refusal("invalid to_peer_id", "announce", info_hash)
    offer_id = _bytes(message.get("offer_id"))
    if offer_id is None:
        raise _refusal("invalid offer_id", "announce", info_hash)
    return Answer(to_peer_id, offer_id, message["answer"])


def _required(message: Mapping[str, Json], key: str) -> bytes:
    value = _bytes(message.get(key))
    if value is None:
        raise ProtocolError(f"response whose {key} is not of {ID_BYTES} bytes")
    return value


def _integer(values: Mapping[str, Json], key: str) -> int:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProtocolError(f"response whose {key} is no integer")
    return value


def _scrape_response(files: Json) -> ScrapeResponse:
    if not isinstance(files, dict):
        raise ProtocolError("scrape response without files")
    entries = {}
    for name, counts in files.items():
        info_hash = _bytes(name)
        if info_hash is None or not isinstance(counts, dict):
            raise ProtocolError("scrape response with a file that is none")
        entries[info_hash] = ScrapeEntry(
            complete=_integer(counts, "complete"),
            incomplete=_integer(counts, "incomplete"),
            downloaded=_integer(counts, "downloaded"),
        )
    return ScrapeResponse(entries)
