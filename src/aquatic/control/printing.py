"""A configuration as a TOML file with a comment on every key."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import tomlkit

from aquatic.control.layout import Key, Loaded

COMMENT_COLUMNS = 98


def print_loaded(loaded: Loaded, heading: str) -> str:
    """The configuration as a file of its format, which reads as the same configuration."""
    return print_configuration(loaded.keys, loaded.values, heading)


def print_configuration(keys: Iterable[Key], values: Mapping[str, Any], heading: str) -> str:
    """The text of a file with these keys and values; keys of a table must follow each other."""
    document = tomlkit.document()
    document.add(tomlkit.comment(heading))
    table_name = ""
    target: Any = document
    for key in keys:
        if key.table_name != table_name:
            table_name, target = key.table_name, tomlkit.table()
            document.add(tomlkit.nl())
            document.add(table_name, target)
        elif target is document:
            document.add(tomlkit.nl())
        for line in comment_lines(key):
            target.add(tomlkit.comment(line))
        target.add(key.path[-1], key.setting.write(values[key.name]))
    return tomlkit.dumps(document)


def comment_lines(key: Key) -> list[str]:
    """What a key means, then what it may hold, in lines that fit beside `# `."""
    addition = "; not a key of the Rust tracker" if key.is_addition else ""
    return [*textwrap.wrap(key.setting.comment, COMMENT_COLUMNS), key.setting.describe() + addition]
