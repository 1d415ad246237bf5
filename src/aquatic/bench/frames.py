"""A WebSocket client's frames."""


def masked_frame(payload: bytes, mask: bytes = bytes(4)) -> bytes:
    """A text of less than 65,536 bytes (RFC 6455, 5.2). Without a mask one that changes nothing, which is allowed."""
    size = len(payload)
    keys = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x81" + length + mask + masked
