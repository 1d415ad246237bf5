"""Writes docs/configuration.md: `python -m aquatic.control.reference > docs/configuration.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import tomlkit

from aquatic.control.compat import ADDRESS_KEYS, Layout
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.layout import Key

UDP_INTRODUCTION = """\
# Configuration

Written by `make docs` from the code; a test fails when it is out of date.

## aquatic udp

`aquatic udp -c FILE` reads the files of the Rust `aquatic_udp`, of its newest layout and of 0.9.0's. Keys
that are not written have their defaults; `aquatic udp -p` prints a file with all of them. Everything wrong
with a file is reported at once, by line, and ends the start; settings that work otherwise than one may think
only earn a warning.

Keys marked + are not of the Rust tracker.
"""
RELEASED_INTRODUCTION = """\
### Addresses in the layout of aquatic 0.9.0

These stand in `[network]` in the place of `use_ipv4`, `use_ipv6`, `address_ipv4`, `address_ipv6` and
`set_only_ipv6`. A file has the keys of one layout or of the other.
"""


def reference() -> str:
    """The text of docs/configuration.md."""
    newest = groupby(UDP_FORMAT.layout_keys(Layout.NEWEST), lambda key: key.table_name)
    sections = [UDP_INTRODUCTION]
    for table_name, keys in newest:
        heading = f"[{table_name}]" if table_name else "Before the first table"
        sections.append(f"### {heading}\n\n" + "".join(_table(keys)))
    sections.append(f"{RELEASED_INTRODUCTION}\n" + "".join(_table(ADDRESS_KEYS[Layout.RELEASED])))
    return "\n".join(sections)


def _table(keys: Iterable[Key]) -> Iterator[str]:
    yield "| key | default | may be | meaning |\n|---|---|---|---|\n"
    for key in keys:
        default = tomlkit.item(key.setting.write(key.setting.default)).as_string()
        name = f"`{key.path[-1]}`" + (" +" if key.is_addition else "")
        yield f"| {name} | `{default}` | {key.setting.describe()} | {key.setting.comment} |\n"


if __name__ == "__main__":
    print(reference(), end="")
