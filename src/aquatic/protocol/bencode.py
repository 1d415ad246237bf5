"""Bencode (BEP 3): integers, byte strings, lists, and dictionaries whose keys are byte strings, sorted, each once.

`decode` is strict: what has more than one form (a number with a leading zero, a dictionary out of order) is an error,
as is anything behind the value. Depth and length of numbers are bounded, so any bytes can be given to it.
"""

import re
from typing import Final, TypeAlias

Value: TypeAlias = "int | bytes | list[Value] | dict[bytes, Value]"

DEPTH_MAX: Final = 64
"""Values may lie so deep in one another."""
DIGITS_MAX: Final = 40
"""A number, or a string's length, has at most so many digits."""

_INTEGER: Final = re.compile(rb"i(0|-?[1-9][0-9]{0,%d})e" % (DIGITS_MAX - 1))
_LENGTH: Final = re.compile(rb"(0|[1-9][0-9]{0,%d}):" % (DIGITS_MAX - 1))


class BencodeError(ValueError):
    """The bytes are not bencode, or a value has no form in it."""


def encode(value: Value) -> bytes:
    """Write a value; raises BencodeError for a type that bencode does not know (booleans and text, for two)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, list):
        return b"l%be" % b"".join(map(encode, value))
    if isinstance(value, dict):
        if not all(isinstance(key, bytes) for key in value):
            raise BencodeError("a dictionary has a key that is no byte string")
        return b"d%be" % b"".join(encode(key) + encode(value[key]) for key in sorted(value))
    raise BencodeError(f"{type(value).__name__} has no form in bencode")


def decode(data: bytes) -> Value:
    """Read one value that is all of `data`; raises BencodeError where it is not."""
    value, end = _read(data, 0, 0)
    if end != len(data):
        raise BencodeError(f"{len(data) - end} bytes behind the value that ends at {end}")
    return value


def _read(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if depth > DEPTH_MAX:
        raise BencodeError(f"values more than {DEPTH_MAX} deep at {at}")
    kind = data[at : at + 1]
    if kind == b"i":
        if not (number := _INTEGER.match(data, at)):
            raise BencodeError(f"no integer at {at}")
        return int(number[1]), number.end()
    if kind == b"l":
        return _read_list(data, at + 1, depth)
    if kind == b"d":
        return _read_dictionary(data, at + 1, depth)
    return _read_string(data, at)


def _read_string(data: bytes, at: int) -> tuple[bytes, int]:
    if not (length := _LENGTH.match(data, at)):
        raise BencodeError(f"no value at {at}")
    end = length.end() + int(length[1])
    if end > len(data):
        raise BencodeError(f"a string at {at} is longer than what is left")
    return data[length.end() : end], end


def _read_list(data: bytes, at: int, depth: int) -> tuple[list[Value], int]:
    values: list[Value] = []
    while data[at : at + 1] != b"e":
        value, at = _read(data, at, depth + 1)
        values.append(value)
    return values, at + 1


def _read_dictionary(data: bytes, at: int, depth: int) -> tuple[dict[bytes, Value], int]:
    values: dict[bytes, Value] = {}
    last: bytes | None = None
    while data[at : at + 1] != b"e":
        start = at
        key, at = _read_string(data, at)
        if last is not None and key <= last:
            raise BencodeError(f"the key at {start} is not behind the one before it")
        last = key
        values[key], at = _read(data, at, depth + 1)
    return values, at + 1
