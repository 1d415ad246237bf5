"""The HTTP tracker protocol on the wire (BEP 3, 7, 21, 23, 24, 31, 48).

Requests are targets, what stands between method and version: `AnnounceRequest` and `ScrapeRequest` have `to_target()`,
and `parse_target` reads one as this tracker does. Responses are the bodies, bencoded dictionaries: `to_bytes()`, and
`parse_announce_response` and `parse_scrape_response` as a strict client reads them. HTTP itself is left to an HTTP
library.

What the tracker tolerates in a request, because clients in use send it:

- any byte percent-encoded or not, in names too; what is no escape stands for itself, and so does "+": clients write an
  info hash's byte 0x2B so;
- parameters that it does not know, and known ones again: the last counts, but a scrape's info hashes add up;
- missing, empty, negative or huge `left` (then the peer is no seeder) and `numwant` (then the tracker's default);
- an `event` that is empty or unknown, which is `Event.NONE`;
- a path before the last part: /KEY/announce.

What it does not tolerate is a `ProtocolError` with the `FailureResponse` that the client is told.

A v2 info hash (BEP 52) is given cut to its first 20 bytes, as in a v2 torrent's announces.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias
from urllib.parse import quote_from_bytes, unquote_to_bytes

from aquatic.protocol import bencode
from aquatic.protocol.bencode import BencodeError, Value

INFO_HASH_BYTES: Final = 20
PEER_ID_BYTES: Final = 20
BYTES_LEFT_MAX: Final = 2**64 - 1
"""What `left` is taken for when it is missing, no number, or greater."""
NUM_WANT_MAX: Final = 2**31 - 1
"""A greater `numwant` is taken for this."""
NUMBER_CHARACTERS_MAX: Final = 32
"""A longer text is no number to the tracker."""

FULL_SCRAPE: Final = "full scrapes are not supported"
INVALID_INFO_HASH: Final = "info_hash must be 20 bytes"
INVALID_PEER_ID: Final = "peer_id must be 20 bytes"
INVALID_PORT: Final = "port must be 1 to 65535"


class Event(Enum):
    """What an announce tells about the download (BEP 3); PAUSED is a partial seed (BEP 21)."""

    NONE = ""
    STARTED = "started"
    STOPPED = "stopped"
    COMPLETED = "completed"
    PAUSED = "paused"


class ProtocolError(ValueError):
    """The bytes are not a message of the protocol, or a message's field has no form in it.

    `answer` is what the tracker tells a client about a target that it refuses, None otherwise.
    """

    def __init__(self, message: str, answer: "FailureResponse | None" = None):
        super().__init__(message)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class AnnounceRequest:
    """Tells of one peer of one torrent and asks for others.

    `left` is bytes: 0 makes the peer a seeder. `num_want` below 0 leaves the number of peers to the tracker, which is
    not told one then. `port` may be 0 with `Event.STOPPED` only. `key` is for trackers that tell clients by it.
    """

    info_hash: bytes
    peer_id: bytes
    port: int
    left: int = 0
    downloaded: int = 0
    uploaded: int = 0
    event: Event = Event.NONE
    num_want: int = -1
    compact: bool = True
    tracker_id: bytes = b""
    key: bytes = b""

    def to_target(self, path: str = "/announce") -> str:
        """Write the target; raises ProtocolError for a field that does not fit."""
        _require_length("info_hash", self.info_hash, INFO_HASH_BYTES)
        _require_length("peer_id", self.peer_id, PEER_ID_BYTES)
        if not 0 <= self.port <= 65_535 or (self.port == 0 and self.event is not Event.STOPPED):
            raise ProtocolError(f"AnnounceRequest.port is {self.port}")
        parameters: dict[str, bytes | int] = {
            "info_hash": self.info_hash,
            "peer_id": self.peer_id,
            "port": self.port,
            "uploaded": self.uploaded,
            "downloaded": self.downloaded,
            "left": self.left,
            "compact": int(self.compact),
        }
        if self.event is not Event.NONE:
            parameters["event"] = self.event.value.encode()
        if self.num_want >= 0:
            parameters["numwant"] = self.num_want
        if self.tracker_id:
            parameters["trackerid"] = self.tracker_id
        if self.key:
            parameters["key"] = self.key
        return _target(path, parameters.items())


@dataclass(frozen=True, slots=True)
class ScrapeRequest:
    """Asks for the counts of torrents (BEP 48)."""

    info_hashes: tuple[bytes, ...]

    def to_target(self, path: str = "/scrape") -> str:
        """Write the target; raises ProtocolError for a hash that is not 20 bytes."""
        for info_hash in self.info_hashes:
            _require_length("info_hash", info_hash, INFO_HASH_BYTES)
        return _target(path, [("info_hash", info_hash) for info_hash in self.info_hashes])


Request: TypeAlias = AnnounceRequest | ScrapeRequest


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a peer listens."""

    address: IPv4Address | IPv6Address
    port: int

    def to_bytes(self) -> bytes:
        """The compact form (BEP 23, BEP 7), 6 or 18 bytes; raises ProtocolError for a port that does not fit."""
        if not 0 < self.port <= 65_535:
            raise ProtocolError(f"Peer.port is {self.port}")
        return self.address.packed + self.port.to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class AnnounceResponse:
    """Answers an announce.

    Counts are of peers; `downloaded` of completed downloads; `downloaders` of those who are incomplete and no partial
    seeds (BEP 21). What a response does not have is None.
    """

    interval_seconds: int
    peers: tuple[Peer, ...] = ()
    complete: int | None = None
    incomplete: int | None = None
    downloaded: int | None = None
    downloaders: int | None = None
    min_interval_seconds: int | None = None
    external_ip: IPv4Address | IPv6Address | None = None
    tracker_id: bytes | None = None
    warning: str | None = None

    def to_bytes(self, *, compact: bool = True) -> bytes:
        """Write the body: peers of both families under their keys, or all as dictionaries (without peer ids)."""
        values: dict[bytes, Value | None] = {
            b"complete": self.complete,
            b"downloaded": self.downloaded,
            b"downloaders": self.downloaders,
            b"external ip": None if self.external_ip is None else self.external_ip.packed,
            b"incomplete": self.incomplete,
            b"interval": self.interval_seconds,
            b"min interval": self.min_interval_seconds,
            b"tracker id": self.tracker_id,
            b"warning message": None if self.warning is None else self.warning.encode(),
        }
        body: dict[bytes, Value] = {key: value for key, value in values.items() if value is not None}
        if compact:
            by_version = {
                version: b"".join(peer.to_bytes() for peer in self.peers if peer.address.version == version)
                for version in (4, 6)
            }
            body |= {b"peers": by_version[4], b"peers6": by_version[6]}
        else:
            body[b"peers"] = [{b"ip": str(peer.address).encode(), b"port": peer.port} for peer in self.peers]
        return bencode.encode(body)


@dataclass(frozen=True, slots=True)
class ScrapeEntry:
    """A torrent's counts."""

    complete: int
    downloaded: int
    incomplete: int
    downloaders: int | None = None


@dataclass(frozen=True, slots=True)
class ScrapeResponse:
    """Answers a scrape: counts by info hash."""

    files: Mapping[bytes, ScrapeEntry]

    def to_bytes(self) -> bytes:
        """Write the body."""
        files: dict[bytes, Value] = {}
        for info_hash, entry in self.files.items():
            counts: dict[bytes, Value] = {
                b"complete": entry.complete,
                b"downloaded": entry.downloaded,
                b"incomplete": entry.incomplete,
            }
            if entry.downloaders is not None:
                counts[b"downloaders"] = entry.downloaders
            files[info_hash] = counts
        return bencode.encode({b"files": files})


@dataclass(frozen=True, slots=True)
class FailureResponse:
    """Says why a request is refused, with HTTP status 200, and maybe in how many minutes to come back (BEP 31)."""

    reason: str
    retry_minutes: int | None = None

    def to_bytes(self) -> bytes:
        """Write the body."""
        body: dict[bytes, Value] = {b"failure reason": self.reason.encode()}
        if self.retry_minutes is not None:
            body[b"retry in"] = self.retry_minutes
        return bencode.encode(body)


def parse_target(target: str | bytes) -> Request:
    """Read a target as the tracker does (the module tells how); raises ProtocolError for what it refuses."""
    raw = target.encode("latin-1") if isinstance(target, str) else target
    path, _, query = raw.partition(b"?")
    parameters = []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        parameters.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    info_hashes = [value for name, value in parameters if name == b"info_hash"]
    if path.endswith(b"/announce"):
        return _announce_request(dict(parameters), info_hashes[-1:])
    if path.endswith(b"/scrape"):
        if not info_hashes:
            raise _refusal(FULL_SCRAPE)
        _check_hashes(info_hashes)
        return ScrapeRequest(tuple(info_hashes))
    raise ProtocolError(f"the path {path!r} is neither an announce's nor a scrape's")


def parse_announce_response(body: bytes) -> AnnounceResponse | FailureResponse:
    """Read the answer to an announce; raises ProtocolError for one without an interval, or with malformed fields.

    Peers are taken from `peers`, compact or dictionaries, and `peers6`; those named by a host are left out.
    """
    values = _dictionary(body)
    if b"failure reason" in values:
        return _failure(values)
    interval = _integer(values, b"interval")
    if interval is None:
        raise ProtocolError("announce response without an interval")
    external = _string(values, b"external ip")
    tracker_id = _string(values, b"tracker id")
    warning = _string(values, b"warning message")
    return AnnounceResponse(
        interval_seconds=interval,
        peers=(*_peers(values.get(b"peers", b"")), *_compact_peers(_string(values, b"peers6") or b"", 16)),
        complete=_integer(values, b"complete"),
        incomplete=_integer(values, b"incomplete"),
        downloaded=_integer(values, b"downloaded"),
        downloaders=_integer(values, b"downloaders"),
        min_interval_seconds=_integer(values, b"min interval"),
        external_ip=_address(external) if external else None,
        tracker_id=tracker_id,
        warning=None if warning is None else warning.decode("utf-8", "replace"),
    )


def parse_scrape_response(body: bytes) -> ScrapeResponse | FailureResponse:
    """Read the answer to a scrape; raises ProtocolError for one without files, or with malformed ones."""
    values = _dictionary(body)
    if b"failure reason" in values:
        return _failure(values)
    files = values.get(b"files")
    if not isinstance(files, dict):
        raise ProtocolError("scrape response without files")
    entries = {}
    for info_hash, counts in files.items():
        _require_length("info hash", info_hash, INFO_HASH_BYTES)
        if not isinstance(counts, dict):
            raise ProtocolError("scrape response with a file that is no dictionary")
        entries[info_hash] = ScrapeEntry(
            complete=_integer(counts, b"complete") or 0,
            downloaded=_integer(counts, b"downloaded") or 0,
            incomplete=_integer(counts, b"incomplete") or 0,
            downloaders=_integer(counts, b"downloaders"),
        )
    return ScrapeResponse(entries)


def _target(path: str, parameters: Iterable[tuple[str, bytes | int]]) -> str:
    query = "&".join(
        f"{name}={quote_from_bytes(value, safe='') if isinstance(value, bytes) else value}"
        for name, value in parameters
    )
    return f"{path}?{query}"


def _announce_request(last: Mapping[bytes, bytes], info_hashes: list[bytes]) -> AnnounceRequest:
    event_text = last.get(b"event", b"")
    event = next((event for event in Event if event.value.encode() == event_text), Event.NONE)
    peer_id = last.get(b"peer_id", b"")
    port = _number(last.get(b"port", b""))
    if not info_hashes:
        raise _refusal(INVALID_INFO_HASH)
    _check_hashes(info_hashes)
    if len(peer_id) != PEER_ID_BYTES:
        raise _refusal(INVALID_PEER_ID)
    if port is None or port > 65_535:
        port = 0
    if port == 0 and event is not Event.STOPPED:
        raise _refusal(INVALID_PORT)
    left = _number(last.get(b"left", b""))
    wanted = _number(last.get(b"numwant", b""))
    return AnnounceRequest(
        info_hash=info_hashes[0],
        peer_id=peer_id,
        port=port,
        left=BYTES_LEFT_MAX if left is None else min(left, BYTES_LEFT_MAX),
        downloaded=_number(last.get(b"downloaded", b"")) or 0,
        uploaded=_number(last.get(b"uploaded", b"")) or 0,
        event=event,
        num_want=-1 if wanted is None else min(wanted, NUM_WANT_MAX),
        compact=last.get(b"compact") != b"0",
        tracker_id=last.get(b"trackerid", b""),
        key=last.get(b"key", b""),
    )


def _check_hashes(info_hashes: Iterable[bytes]) -> None:
    if any(len(info_hash) != INFO_HASH_BYTES for info_hash in info_hashes):
        raise _refusal(INVALID_INFO_HASH)


def _refusal(reason: str) -> ProtocolError:
    return ProtocolError(reason, FailureResponse(reason))


def _number(text: bytes) -> int | None:
    is_number = len(text) <= NUMBER_CHARACTERS_MAX and text.isascii() and text.isdigit()
    return int(text) if is_number else None


def _require_length(name: str, value: bytes, length: int) -> None:
    if len(value) != length:
        raise ProtocolError(f"{name} has {len(value)} bytes, not {length}")


def _dictionary(body: bytes) -> dict[bytes, Value]:
    try:
        value = bencode.decode(body)
    except BencodeError as error:
        raise ProtocolError(f"response that is not bencode: {error}") from error
    if not isinstance(value, dict):
        raise ProtocolError("response that is no dictionary")
    return value


def _failure(values: Mapping[bytes, Value]) -> FailureResponse:
    reason = _string(values, b"failure reason") or b""
    retry = values.get(b"retry in")
    return FailureResponse(reason.decode("utf-8", "replace"), retry if isinstance(retry, int) else None)


def _integer(values: Mapping[bytes, Value], key: bytes) -> int | None:
    value = values.get(key)
    if value is not None and not isinstance(value, int):
        raise ProtocolError(f"{key.decode()} is no integer")
    return value


def _string(values: Mapping[bytes, Value], key: bytes) -> bytes | None:
    value = values.get(key)
    if value is not None and not isinstance(value, bytes):
        raise ProtocolError(f"{key.decode()} is no string")
    return value


def _address(packed: bytes) -> IPv4Address | IPv6Address:
    if len(packed) not in {4, 16}:
        raise ProtocolError(f"an address of {len(packed)} bytes")
    return ip_address(packed)


def _compact_peers(packed: bytes, address_bytes: int) -> list[Peer]:
    stride = address_bytes + 2
    if len(packed) % stride:
        raise ProtocolError(f"compact peers of {len(packed)} bytes, no multiple of {stride}")
    return [
        Peer(
            _address(packed[start : start + address_bytes]),
            int.from_bytes(packed[start + stride - 2 : start + stride], "big"),
        )
        for start in range(0, len(packed), stride)
    ]


def _peers(peers: Value) -> list[Peer]:
    if isinstance(peers, bytes):
        return _compact_peers(peers, 4)
    if not isinstance(peers, list):
        raise ProtocolError("peers are neither a string nor a list")
    found = []
    for peer in peers:
        if not isinstance(peer, dict):
            raise ProtocolError("a peer is no dictionary")
        host, port = _string(peer, b"ip"), _integer(peer, b"port")
        if host is None or port is None or not 0 < port <= 65_535:
            raise ProtocolError("a peer without ip or port")
        try:
            found.append(Peer(ip_address(host.decode("ascii", "replace")), port))
        except ValueError:
            continue  # BEP 3 allows names too
    return found
