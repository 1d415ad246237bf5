"""Addresses of peers for tests: global ones, each number another."""

from typing import Literal

Address = tuple[bytes, int]


def global_address(number: int, family: Literal[4, 6] = 4) -> Address:
    """Number 0 to 2**24 - 1; the port differs too, so that addresses are not told apart by one of the two."""
    port = 1024 + number % 50_000
    if family == 4:
        return b"\x08" + number.to_bytes(3, "big"), port
    return bytes.fromhex("2a001234") + number.to_bytes(12, "big"), port


def info_hash_of(number: int) -> bytes:
    return number.to_bytes(20, "big")
