"""Configuration files given as text: what they say, and what is said about them."""

from collections.abc import Callable
from typing import Any

import pytest

from aquatic.control.layout import Loaded
from aquatic.control.model import Listener
from aquatic.control.socket_address import SocketAddress
from aquatic.control.toml_file import ConfigurationError, TomlFile, parse_toml

CORES = frozenset({0, 1, 2, 3})

Load = Callable[[TomlFile, frozenset[int]], Loaded]


def load_text(load: Load, text: str) -> Loaded:
    return load(parse_toml("t", text.encode()), CORES)


def problems_of(load: Load, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_text(load, text)
    return [str(problem) for problem in caught.value.problems]


def warnings_of(load: Load, text: str) -> list[str]:
    return [str(warning) for warning in load_text(load, text).warnings]


def dotted(tables: dict[str, object], prefix: str = "") -> dict[str, object]:
    """The values of nested tables by dotted key."""
    found: dict[str, object] = {}
    for key, value in tables.items():
        found |= dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def listener(address: str, **changes: Any) -> Listener:
    return Listener(address=SocketAddress.parse(address), **changes)
