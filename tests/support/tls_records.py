"""TLS records as bytes (RFC 8446, 5.1)."""

HEAD_BYTES = 5


def records_of(stream: bytes) -> list[bytes]:
    """A flight's records."""
    records = []
    while stream:
        length = HEAD_BYTES + int.from_bytes(stream[3:HEAD_BYTES], "big")
        records.append(stream[:length])
        stream = stream[length:]
    return records


def record(kind: int, content: bytes, length: int | None = None) -> bytes:
    """One that is made up, and may say that it has another length."""
    size = len(content) if length is None else length
    return bytes([kind, 3, 3]) + size.to_bytes(2, "big") + content
