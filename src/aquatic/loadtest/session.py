"""Session descriptions (SDP) as browsers make them for data channels: what offers and answers are full of."""

import hashlib
import json
from typing import Literal

# Its sixteen digits are replaced by others in each message.
MARK = "0123456789abcdef"
_SIZES = 8


def session_texts(kind: Literal["offer", "answer"], bytes_min: int, bytes_max: int) -> tuple[bytes, ...]:
    """As JSON, of eight sizes from least to most, each within a candidate of what was asked for.

    ValueError when that is less than any session description has.
    """
    if bytes_min > bytes_max:
        raise ValueError("session descriptions: the least size is above the most")
    shortest = len(_encoded(kind, 0))
    if bytes_max < shortest:
        raise ValueError(f"a session description has {shortest} bytes at least, not {bytes_max}")
    step = len(_encoded(kind, 1)) - shortest
    sizes = (bytes_min + (bytes_max - bytes_min) * i // (_SIZES - 1) for i in range(_SIZES))
    return tuple(_encoded(kind, max((size - shortest) // step, 0)) for size in sizes)


def _encoded(kind: str, candidates: int) -> bytes:
    return json.dumps({"type": kind, "sdp": _description(kind, candidates)}, separators=(",", ":")).encode()


def _description(kind: str, candidates: int) -> str:
    fingerprint = hashlib.sha256(kind.encode()).hexdigest().upper()
    lines = [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-ufrag:Uk3v",
        f"a=ice-pwd:{MARK}uv0wxyz1",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {':'.join(fingerprint[i : i + 2] for i in range(0, 64, 2))}",
        "a=group:BUNDLE 0",
        "a=msid-semantic: WMS",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        *(
            f"a=candidate:{1000000000 + i:010} 1 udp 2113937151 192.168.{100 + i}.{100 + i} {50000 + i} typ host"
            " generation 0 network-cost 999"
            for i in range(candidates)
        ),
        f"a=setup:{'actpass' if kind == 'offer' else 'active'}",
        "a=mid:0",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
        "",
    ]
    return "\r\n".join(lines)
