"""The fuzzer's bytes as a list of steps, for harnesses that put something through a sequence of them."""

from collections.abc import Iterator
from typing import Protocol


class Sequence(Protocol):
    """What is put through steps; it checks with each, and at the end, what must hold."""

    def step(self, kind: int, which: int, rest: bytes) -> None:
        """Take one step."""

    def end(self) -> None:
        """Nothing more comes."""


def steps(data: bytes, content_bytes_max: int) -> Iterator[tuple[int, int, bytes]]:
    """Kind, whom or what place it concerns, and content of each step; its length is a byte before it."""
    place = 0
    while place + 3 <= len(data):
        kind, which, length = data[place : place + 3]
        content_end = place + 3 + length % (content_bytes_max + 1)
        yield kind, which, data[place + 3 : content_end]
        place = content_end


def take_all(sequence: Sequence, data: bytes, content_bytes_max: int = 63) -> None:
    """Take all steps in the fuzzer's bytes. What must not be ends in an AssertionError or a crash."""
    for step in steps(data, content_bytes_max):
        sequence.step(*step)
    sequence.end()
