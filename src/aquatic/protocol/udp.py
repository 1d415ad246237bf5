"""The UDP tracker protocol on the wire (BEP 15, with the options of BEP 41).

`parse_request` reads a datagram as this tracker does, `parse_response` as a strict client does; every message
has `to_bytes()`. What the tracker tolerates in a request, because clients in use send it:

- bytes after the 16 of a connect and after the 98 of an announce (BEP 15: "do not expect packets to be
  exactly of a certain size"); an announce keeps them in `options`, well-formed BEP 41 options or not;
- event numbers beyond 4: the number is kept, `event` is `Event.NONE`;
- any IP address and key field (the address is never used: it would allow impersonation), any peer id, any
  `num_want` (negative: the tracker's default), any `downloaded`, `left` and `uploaded`, negative ones too;
- port 0 in an announce that says `stopped`.

What it does not tolerate is a `ProtocolError`. Most of them are met with silence, since a sender without a
valid connection id must not earn an answer. Those that carry `answer` are told to a client whose
`connection_id` proves valid: they have the action and the length of a request, but ask the impossible.

Numbers that clients read as signed (sizes, counts, interval) are signed here; ids, keys, addresses and event
numbers are unsigned. All are big-endian on the wire.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, AddressFamily
from typing import ClassVar, Final, TypeAlias

PROTOCOL_ID: Final = 0x41727101980
INFO_HASH_BYTES: Final = 20
PEER_ID_BYTES: Final = 20
ANNOUNCE_BYTES: Final = 98
"""Length of an announce request without options (BEP 15)."""
OPTION_BYTES_MAX: Final = 255
"""The most data that one BEP 41 option carries: its length is one byte."""

# The texts that the Rust aquatic sends; clients show them, so they stay the same.
PORT_ZERO: Final = "Port can't be 0"
FULL_SCRAPE: Final = "Full scrapes are not allowed"
INVALID_INFO_HASHES: Final = "Invalid info hash list"

_REQUEST_HEAD: Final = struct.Struct(">QII")
_ANNOUNCE: Final = struct.Struct(">QII20s20sqqqIIIiH")
_RESPONSE_HEAD: Final = struct.Struct(">II")
_CONNECT_RESPONSE: Final = struct.Struct(">IIQ")
_ANNOUNCE_RESPONSE_HEAD: Final = struct.Struct(">IIiii")
_SCRAPE_ENTRY: Final = struct.Struct(">iii")
_PORT: Final = struct.Struct(">H")


class Action(IntEnum):
    """The message's kind; ERROR occurs only in responses (BEP 15)."""

    CONNECT = 0
    ANNOUNCE = 1
    SCRAPE = 2
    ERROR = 3


class Event(IntEnum):
    """What an announce tells about the download (BEP 15); PAUSED is a partial seed (BEP 21), by libtorrent's number."""

    NONE = 0
    COMPLETED = 1
    STARTED = 2
    STOPPED = 3
    PAUSED = 4


class Option(IntEnum):
    """Types of the options after an announce (BEP 41); all but the first two carry a length byte and data."""

    END = 0
    NOP = 1
    URL_DATA = 2


class ProtocolError(ValueError):
    """The bytes are not a message of the protocol, or a message's field does not fit its place on the wire.

    `answer` is the response that the tracker owes a client whose `connection_id` is valid, None when it stays
    silent; both are None unless a request was parsed.
    """

    def __init__(self, message: str, answer: "ErrorResponse | None" = None, connection_id: int | None = None):
        super().__init__(message)
        self.answer = answer
        self.connection_id = connection_id


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """Asks for a connection id: 16 bytes."""

    transaction_id: int

    action: ClassVar = Action.CONNECT

    def to_bytes(self) -> bytes:
        """Serialise; raises ProtocolError for a field that does not fit."""
        return _pack(self, _REQUEST_HEAD, PROTOCOL_ID, self.action, self.transaction_id)


@dataclass(frozen=True, slots=True)
class AnnounceRequest:
    """Tells of one peer of one torrent and asks for others: 98 bytes and the options.

    `downloaded`, `left` and `uploaded` are bytes; a peer is a seeder when `left` is 0. `num_want` below 0
    leaves the number of peers to the tracker. `ip_address` is the request's field, not the sender's address.
    """

    connection_id: int
    transaction_id: int
    info_hash: bytes
    peer_id: bytes
    port: int
    left: int = 0
    downloaded: int = 0
    uploaded: int = 0
    event_number: int = Event.NONE
    num_want: int = -1
    key: int = 0
    ip_address: int = 0
    options: bytes = b""

    action: ClassVar = Action.ANNOUNCE

    @property
    def event(self) -> Event:
        """The event, NONE for a number that BEP 15 does not know."""
        return Event(self.event_number) if self.event_number <= Event.PAUSED else Event.NONE

    @property
    def url_data(self) -> bytes | None:
        """Path and query of the tracker's URL (BEP 41), None without them or with malformed options."""
        return parse_url_data(self.options)

    def to_bytes(self) -> bytes:
        """Serialise; raises ProtocolError for a field that does not fit."""
        _require_length(self, "info_hash", self.info_hash, INFO_HASH_BYTES)
        _require_length(self, "peer_id", self.peer_id, PEER_ID_BYTES)
        fixed = _pack(
            self,
            _ANNOUNCE,
            self.connection_id,
            self.action,
            self.transaction_id,
            self.info_hash,
            self.peer_id,
            self.downloaded,
            self.left,
            self.uploaded,
            self.event_number,
            self.ip_address,
            self.key,
            self.num_want,
            self.port,
        )
        return fixed + self.options


@dataclass(frozen=True, slots=True)
class ScrapeRequest:
    """Asks for the counts of torrents: 16 bytes and 20 for each info hash (up to about 74 fit, BEP 15)."""

    connection_id: int
    transaction_id: int
    info_hashes: tuple[bytes, ...]

    action: ClassVar = Action.SCRAPE

    def to_bytes(self) -> bytes:
        """Serialise; raises ProtocolError for a field that does not fit."""
        for info_hash in self.info_hashes:
            _require_length(self, "info_hashes", info_hash, INFO_HASH_BYTES)
        head = _pack(self, _REQUEST_HEAD, self.connection_id, self.action, self.transaction_id)
        return head + b"".join(self.info_hashes)


@dataclass(frozen=True, slots=True)
class ConnectResponse:
    """Gives the connection id for the requests of the next minute: 16 bytes."""

    transaction_id: int
    connection_id: int

    action: ClassVar = Action.CONNECT

    def to_bytes(self) -> bytes:
        """Serialise; raises ProtocolError for a field that does not fit."""
        return _pack(self, _CONNECT_RESPONSE, self.action, self.transaction_id, self.connection_id)


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a peer listens: 6 bytes with an IPv4 address, 18 with an IPv6 one."""

    address: IPv4Address | IPv6Address
    port: int

    def to_bytes(self) -> bytes:
        """Serialise; raises ProtocolError for a field that does not fit."""
        return self.address.packed + _pack(self, _PORT, self.port)


@dataclass(frozen=True, slots=True)
class AnnounceResponse:
    """Answers an announce: 20 bytes and the peers, which all have the address family of the datagram.

    `interval_seconds` is the time to the next announce; `leechers` and `seeders` count the torrent's peers.
    """

    transaction_id: int
    interval_seconds: int
    leechers: int
    seeders: int
    peers: tuple[Peer, ...] = ()

    action: ClassVar = Action.ANNOUNCE

    def to_bytes(self) -> bytes:
        """Serialise; raises ProtocolError for a field that does not fit."""
        if len({peer.address.version for peer in self.peers}) > 1:
            raise ProtocolError("AnnounceResponse: peers of both address families")
        head = _pack(
            self,
            _ANNOUNCE_RESPONSE_HEAD,
            self.action,
            self.transaction_id,
            self.interval_seconds,
            self.leechers,
            self.seeders,
        )
        return head + b"".join(peer.to_bytes() for peer in self.peers)


@dataclass(frozen=True, slots=True)
class ScrapeEntry:
    """A torrent's counts: 12 bytes."""

    seeders: int
    completed: int
    leechers: int

    def to_bytes(self) -> bytes:
        """Serialise; raises ProtocolError for a field that does not fit."""
        return _pack(self, _SCRAPE_ENTRY, self.seeders, self.completed, self.leechers)


@dataclass(frozen=True, slots=True)
class ScrapeResponse:
    """Answers a scrape, in the order of its info hashes: 8 bytes and 12 for each."""

    transaction_id: int
    entries: tuple[ScrapeEntry, ...] = ()

    action: ClassVar = Action.SCRAPE

    def to_bytes(self) -> bytes:
        """Serialise; raises ProtocolError for a field that does not fit."""
        head = _pack(self, _RESPONSE_HEAD, self.action, self.transaction_id)
        return head + b"".join(entry.to_bytes() for entry in self.entries)


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """Says why a request is refused: 8 bytes and a text, of which BEP 15 tells no encoding."""

    transaction_id: int
    message: bytes

    action: ClassVar = Action.ERROR

    @property
    def text(self) -> str:
        """The message as UTF-8, other bytes replaced. It is a stranger's text: escape it before use."""
        return self.message.decode("utf-8", "replace")

    def to_bytes(self) -> bytes:
        """Serialise; raises ProtocolError for a field that does not fit."""
        return _pack(self, _RESPONSE_HEAD, self.action, self.transaction_id) + self.message


Request: TypeAlias = ConnectRequest | AnnounceRequest | ScrapeRequest
Response: TypeAlias = ConnectResponse | AnnounceResponse | ScrapeResponse | ErrorResponse


def parse_request(datagram: bytes) -> Request:
    """Read a request as the tracker does (the module tells how); raises ProtocolError for what it refuses."""
    if len(datagram) < _REQUEST_HEAD.size:
        raise ProtocolError(
            f"request of {len(datagram)} bytes, shorter than its head of {_REQUEST_HEAD.size}"
        )
    connection_id, action, transaction_id = _REQUEST_HEAD.unpack_from(datagram)
    match action:
        case Action.CONNECT:
            if connection_id != PROTOCOL_ID:
                raise ProtocolError(
                    f"connect request with protocol id {connection_id:#x}, not {PROTOCOL_ID:#x}"
                )
            return ConnectRequest(transaction_id)
        case Action.ANNOUNCE:
            return _parse_announce_request(datagram)
        case Action.SCRAPE:
            return _parse_scrape_request(datagram, connection_id, transaction_id)
    raise ProtocolError(f"request with unknown action {action}")


def parse_response(datagram: bytes, family: AddressFamily) -> Response:
    """Read a response that came over `family`, AF_INET or AF_INET6, which decides how long a peer is.

    Raises ProtocolError for a message that is too short, has an unknown action or ends within a peer or an
    entry, and for another family. Bytes after the 16 of a connect response are ignored (BEP 15).
    """
    if len(datagram) < _RESPONSE_HEAD.size:
        raise ProtocolError(
            f"response of {len(datagram)} bytes, shorter than its head of {_RESPONSE_HEAD.size}"
        )
    action, transaction_id = _RESPONSE_HEAD.unpack_from(datagram)
    match action:
        case Action.CONNECT:
            _require_at_least(datagram, _CONNECT_RESPONSE.size, "connect response")
            return ConnectResponse(*_CONNECT_RESPONSE.unpack_from(datagram)[1:])
        case Action.ANNOUNCE:
            return _parse_announce_response(datagram, family)
        case Action.SCRAPE:
            entries = _split(datagram, _RESPONSE_HEAD.size, _SCRAPE_ENTRY.size, "scrape response")
            return ScrapeResponse(
                transaction_id, tuple(ScrapeEntry(*_SCRAPE_ENTRY.unpack(entry)) for entry in entries)
            )
        case Action.ERROR:
            return ErrorResponse(transaction_id, datagram[_RESPONSE_HEAD.size :])
    raise ProtocolError(f"response with unknown action {action}")


def parse_url_data(options: bytes) -> bytes | None:
    """Join the URL data of BEP 41 options; None when there are none, or an option runs past the end."""
    url_data: bytes | None = None
    position = 0
    while position < len(options) and options[position] != Option.END:
        if options[position] == Option.NOP:
            position += 1
            continue
        data_start = position + 2
        if data_start > len(options) or data_start + options[position + 1] > len(options):
            return None
        data_end = data_start + options[position + 1]
        if options[position] == Option.URL_DATA:
            url_data = (url_data or b"") + options[data_start:data_end]
        position = data_end
    return url_data


def url_data_options(url_data: bytes) -> bytes:
    """Make the options that carry the path and query of a tracker's URL, at most 255 bytes each (BEP 41)."""
    pieces = [
        url_data[start : start + OPTION_BYTES_MAX] for start in range(0, len(url_data), OPTION_BYTES_MAX)
    ]
    return b"".join(bytes((Option.URL_DATA, len(piece))) + piece for piece in pieces)


def _parse_announce_request(datagram: bytes) -> AnnounceRequest:
    _require_at_least(datagram, ANNOUNCE_BYTES, "announce request")
    (
        connection_id,
        _action,
        transaction_id,
        info_hash,
        peer_id,
        downloaded,
        left,
        uploaded,
        event_number,
        ip_address,
        key,
        num_want,
        port,
    ) = _ANNOUNCE.unpack_from(datagram)
    if port == 0 and event_number != Event.STOPPED:
        raise _refusal(PORT_ZERO, connection_id, transaction_id)
    return AnnounceRequest(
        connection_id=connection_id,
        transaction_id=transaction_id,
        info_hash=info_hash,
        peer_id=peer_id,
        port=port,
        left=left,
        downloaded=downloaded,
        uploaded=uploaded,
        event_number=event_number,
        num_want=num_want,
        key=key,
        ip_address=ip_address,
        options=datagram[ANNOUNCE_BYTES:],
    )


def _parse_scrape_request(datagram: bytes, connection_id: int, transaction_id: int) -> ScrapeRequest:
    hashes_bytes = len(datagram) - _REQUEST_HEAD.size
    if hashes_bytes == 0:
        raise _refusal(FULL_SCRAPE, connection_id, transaction_id)
    if hashes_bytes % INFO_HASH_BYTES:
        raise _refusal(INVALID_INFO_HASHES, connection_id, transaction_id)
    info_hashes = _split(datagram, _REQUEST_HEAD.size, INFO_HASH_BYTES, "scrape request")
    return ScrapeRequest(connection_id, transaction_id, tuple(info_hashes))


def _parse_announce_response(datagram: bytes, family: AddressFamily) -> AnnounceResponse:
    _require_at_least(datagram, _ANNOUNCE_RESPONSE_HEAD.size, "announce response")
    address_type: type[IPv4Address | IPv6Address]
    if family == AF_INET:
        address_type, address_bytes = IPv4Address, 4
    elif family == AF_INET6:
        address_type, address_bytes = IPv6Address, 16
    else:
        raise ProtocolError(f"no announce response has the address family {family!r}")
    places = _split(datagram, _ANNOUNCE_RESPONSE_HEAD.size, address_bytes + _PORT.size, "announce response")
    peers = [
        Peer(address_type(place[:address_bytes]), *_PORT.unpack_from(place, address_bytes))
        for place in places
    ]
    _action, transaction_id, interval_seconds, leechers, seeders = _ANNOUNCE_RESPONSE_HEAD.unpack_from(
        datagram
    )
    return AnnounceResponse(transaction_id, interval_seconds, leechers, seeders, tuple(peers))


def _refusal(text: str, connection_id: int, transaction_id: int) -> ProtocolError:
    return ProtocolError(text, ErrorResponse(transaction_id, text.encode()), connection_id)


def _split(datagram: bytes, start: int, piece_bytes: int, message: str) -> list[bytes]:
    if (len(datagram) - start) % piece_bytes:
        raise ProtocolError(
            f"{message} of {len(datagram)} bytes, not {start} and a multiple of {piece_bytes}"
        )
    return [datagram[offset : offset + piece_bytes] for offset in range(start, len(datagram), piece_bytes)]


def _require_at_least(datagram: bytes, bytes_min: int, message: str) -> None:
    if len(datagram) < bytes_min:
        raise ProtocolError(f"{message} of {len(datagram)} bytes, shorter than {bytes_min}")


def _require_length(message: Request, field: str, value: bytes, length: int) -> None:
    # struct would cut or pad in silence.
    if len(value) != length:
        raise ProtocolError(f"{type(message).__name__}.{field} has {len(value)} bytes, not {length}")


def _pack(
    message: Request | Response | Peer | ScrapeEntry, layout: struct.Struct, *values: int | bytes
) -> bytes:
    try:
        return layout.pack(*values)
    except struct.error as error:
        raise ProtocolError(f"{message!r} does not fit the wire: {error}") from error
