"""WebSocket frames and WebTorrent's messages in the data plane, for tests: bytes in and out."""

from dataclasses import dataclass
from typing import Any

@dataclass(frozen=True)
class Frame:
    """A whole frame, unmasked, and what is known of a message behind it."""

    opcode: int
    is_final: bool
    payload: bytes
    frame_bytes: int
    ends_message: bool
    # Of the message that has begun: its first frame's opcode, 0 where there is none, and its bytes so far.
    message_opcode: int
    message_bytes: int

def decode_frame(
    data: bytes,
    *,
    frame_bytes_max: int = 65536,
    message_bytes_max: int = 65536,
    message_opcode: int = 0,
    message_bytes: int = 0,
) -> Frame | str:
    """The frame at the start of the data, or "partial", "bad" or "too large"."""

def unmask(payload: bytes, mask: bytes, offset: int = 0) -> bytes:
    """Unmask a payload that lies so many bytes behind an aligned address."""

def is_utf8(text: bytes) -> bool: ...
def code_of_close(payload: bytes) -> int: ...
def frame_of(opcode: int, payload: bytes) -> bytes: ...
def close_frame(code: int) -> bytes: ...
def is_json(text: bytes) -> bool:
    """Whether a text, which is UTF-8, is one JSON value."""

def decode_message(message: bytes) -> dict[str, Any]:
    """What a message asks for, as WsRequest in abi/ws_wire.pxd has it.

    `left` is None, "none" or "some"; offers are pairs of id and value; an answer is the id of the peer it is for, the
    offer's id, and the value.
    """

def reason(verdict: str) -> str:
    """What a client is told whose message is refused."""

# Messages to a client, each written into the room that its bound says is enough.
def announce_answer(info_hash: bytes, complete: int, incomplete: int, interval_seconds: int) -> bytes: ...
def offer_message(info_hash: bytes, peer_id: bytes, offer_id: bytes, offer: bytes) -> bytes: ...
def answer_message(info_hash: bytes, peer_id: bytes, offer_id: bytes, answer: bytes) -> bytes: ...
def scrape_message(torrents: list[tuple[bytes, int, int, int]]) -> bytes:
    """Of each torrent its info hash, complete, incomplete and downloaded."""

def failure_message(action: str | None, info_hash: bytes | None, reason: bytes) -> bytes: ...
