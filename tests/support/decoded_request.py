"""What the data plane must read from a datagram, by the plain-Python protocol library."""

from typing import Any

from aquatic.protocol.udp import (
    PROTOCOL_ID,
    AnnounceRequest,
    ConnectRequest,
    ProtocolError,
    ScrapeRequest,
    parse_request,
)

VERDICT_OF_REFUSAL = {
    b"Port can't be 0": "port zero",
    b"Full scrapes are not allowed": "full scrape",
    b"Invalid info hash list": "bad info hashes",
}


def expected_of(datagram: bytes) -> dict[str, Any]:
    try:
        request = parse_request(datagram)
    except ProtocolError as error:
        return {"verdict": VERDICT_OF_REFUSAL[error.answer.message] if error.answer else "malformed"}
    fields: dict[str, Any] = {
        "verdict": "accepted",
        "connection_id": PROTOCOL_ID if isinstance(request, ConnectRequest) else request.connection_id,
        "action": request.action,
        "transaction_id": request.transaction_id.to_bytes(4, "big"),
    }
    if isinstance(request, ScrapeRequest):
        fields["info_hashes"] = b"".join(request.info_hashes)
    if isinstance(request, AnnounceRequest):
        fields |= {
            "info_hashes": request.info_hash,
            "peer_id": request.peer_id,
            "bytes_left": request.left,
            "event": request.event,
            "peers_wanted": request.num_want,
            "port": request.port,
        }
    return fields
