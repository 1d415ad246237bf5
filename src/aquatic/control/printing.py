"""A configuration as a TOML file with a comment on every key."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import tomlkit

from aquatic.control.layout import Key, Loaded, TableArray
from aquatic.control.model import Listener

COMMENT_COLUMNS = 98


def print_loaded(loaded: Loaded, heading: str) -> str:
    """The configuration as a file of its format, which reads as the same configuration."""
    listeners = loaded.configuration.listeners
    return print_configuration(loaded.keys, loaded.values, heading, loaded.array, listeners)


def print_configuration(
    keys: Iterable[Key],
    values: Mapping[str, Any],
    heading: str,
    array: TableArray | None = None,
    listeners: Sequence[Listener] = (),
) -> str:
    """The text of a file with these keys and values; keys of a table must follow each other."""
    lines = [f"# {heading}"]
    tables = groupby(sorted(keys, key=lambda key: key.table_name != ""), lambda key: key.table_name)
    for table_name, table_keys in tables:
        if table_name:
            lines += _array_lines(array, listeners) if array else ()
            array = None
            lines += ("", f"[{table_name}]")
        for key in table_keys:
            lines += () if table_name else ("",)
            lines += _commented(key, values[key.name])
    return "\n".join(lines) + "\n"


def spell_value(key: Key, value: Any) -> str:
    """A value as TOML writes it."""
    return tomlkit.item(key.setting.write(value)).as_string()


def _array_lines(array: TableArray, listeners: Sequence[Listener]) -> Iterator[str]:
    """The first table explains every key."""
    for index, listener in enumerate(listeners):
        yield from ("", f"[[{array.name}]]")
        for key in array.keys:
            value = getattr(listener, key.name)
            if index == 0:
                yield from _commented(key, value)
            elif key.name in array.shown or value != key.setting.default:
                yield _assignment(key, value)


def _commented(key: Key, value: Any) -> Iterator[str]:
    """What a key means, then what it may hold, in lines that fit; then the key."""
    addition = "; not a key of the Rust tracker" if key.is_addition else ""
    for line in (*textwrap.wrap(key.setting.comment, COMMENT_COLUMNS), key.setting.describe() + addition):
        yield f"# {line}"
    yield _assignment(key, value)


def _assignment(key: Key, value: Any) -> str:
    return f"{key.path[-1]} = {spell_value(key, value)}"
