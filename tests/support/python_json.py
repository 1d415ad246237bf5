"""Whether a text is JSON as we take it, by Python's own reader."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

DEPTH_MAX = 32


def refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


@contextmanager
def integers_of_any_length() -> Iterator[None]:
    """Python refuses those of more than some thousand digits, which is no matter of JSON."""
    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(digits)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def members(pairs: list[tuple[str, Any]]) -> list[Any]:
    """Keep members that come twice, as their depth counts."""
    return [value for _, value in pairs]


def is_python_json(text: str) -> bool:
    with integers_of_any_length():
        try:
            value = json.loads(text, parse_constant=refuse, object_pairs_hook=members)
        except (ValueError, RecursionError):
            return False
    return depth_of(value) <= DEPTH_MAX
