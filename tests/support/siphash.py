"""SipHash-2-4, written from its paper (Aumasson and Bernstein, 2012) over whole messages of bytes."""

MASK = (1 << 64) - 1


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & MASK


def _round(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    a = (a + b) & MASK
    c = (c + d) & MASK
    b = _rotate(b, 13) ^ a
    d = _rotate(d, 16) ^ c
    a = _rotate(a, 32)
    c = (c + b) & MASK
    a = (a + d) & MASK
    b = _rotate(b, 17) ^ c
    d = _rotate(d, 21) ^ a
    c = _rotate(c, 32)
    return a, b, c, d


def siphash_2_4(key: bytes, message: bytes) -> int:
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    state = (
        low ^ int.from_bytes(b"somepseu"),
        high ^ int.from_bytes(b"dorandom"),
        low ^ int.from_bytes(b"lygenera"),
        high ^ int.from_bytes(b"tedbytes"),
    )
    padded = message + bytes(7 - len(message) % 8) + bytes((len(message) % 256,))
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        a, b, c, d = _round(*_round(*state[:3], state[3] ^ word))
        state = a ^ word, b, c, d
    a, b, c, d = state
    state = a, b, c ^ 0xFF, d
    for _ in range(4):
        state = _round(*state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]
