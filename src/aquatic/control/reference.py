"""Writes docs/configuration.md: `python -m aquatic.control.reference > docs/configuration.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from aquatic.control.compat import ADDRESS_KEYS, Layout
from aquatic.control.compat_http import HTTP_FORMAT
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.compat_ws import WS_FORMAT
from aquatic.control.layout import Key
from aquatic.control.native import LISTEN, NATIVE_KEYS
from aquatic.control.printing import spell_value

INTRODUCTION = """\
# Configuration

Written by `make docs` from the code; a test fails when it is out of date.

Keys that are not written have their defaults. Everything wrong with a file is reported at once, by line, and
ends the start; settings that work otherwise than one may think only earn a warning.
"""
NATIVE_INTRODUCTION = """\
## aquatic.toml

`aquatic serve -c FILE` reads the native file, for every protocol; `aquatic serve -p` prints one with all keys, and
`-P` the one that it runs with.

`aquatic config convert FILE...` makes one of the files of the Rust trackers, with all of their listeners; HTTP and
WebSocket on one address share one. Where the files say different things, a value that is not the default wins, then one
that is written, then the first file's; what is left out is reported. Each of access list, privileges, Prometheus
endpoint, page, exports, download counts and core pinning comes whole from one file, one that has it on if any has.
Files that have one of them on in different ways, or do not agree about an address, are refused.
"""
LISTEN_INTRODUCTION = """\
### [[listen]]

One table for each address. A file without any listens with every protocol on port 3000 of all interfaces.
"""
UDP_INTRODUCTION = """\
## aquatic udp

`aquatic udp -c FILE` reads the files of the Rust `aquatic_udp`, of its newest layout and of 0.9.0's.
`aquatic udp -p` prints a file with all keys. Those marked + are not of the Rust tracker.
"""
HTTP_INTRODUCTION = """\
## aquatic http

`aquatic http -c FILE` reads the files of the Rust `aquatic_http`, of its newest layout and of 0.9.0's.
`aquatic http -p` prints a file with all keys. Those marked + are not of the Rust tracker.
"""
WS_INTRODUCTION = """\
## aquatic ws

`aquatic ws -c FILE` reads the files of the Rust `aquatic_ws`. `aquatic ws -p` prints a file with all keys. Those marked
+ are not of the Rust tracker.
"""
RELEASED_INTRODUCTION = """\
## Addresses in the layout of aquatic 0.9.0

In the Rust trackers' files of 0.9.0, and in those of aquatic_ws to this day, these stand in `[network]` in the place of
`use_ipv4`, `use_ipv6`, `address_ipv4`, `address_ipv6` and `set_only_ipv6`. A file has the keys of one layout or of the
other.
"""


def reference() -> str:
    """The text of docs/configuration.md."""
    top, *tables = _sections(NATIVE_KEYS)
    return "\n".join(
        [
            INTRODUCTION,
            NATIVE_INTRODUCTION,
            top,
            f"{LISTEN_INTRODUCTION}\n{_table(LISTEN.keys)}",
            *tables,
            UDP_INTRODUCTION,
            *_sections(UDP_FORMAT.layout_keys(Layout.NEWEST)),
            HTTP_INTRODUCTION,
            *_sections(HTTP_FORMAT.layout_keys(Layout.NEWEST)),
            WS_INTRODUCTION,
            *_sections(WS_FORMAT.layout_keys(WS_FORMAT.default_layout)),
            f"{RELEASED_INTRODUCTION}\n{_table(ADDRESS_KEYS[Layout.RELEASED])}",
        ]
    )


def _sections(keys: Iterable[Key]) -> Iterator[str]:
    for table_name, table_keys in groupby(keys, lambda key: key.table_name):
        heading = f"[{table_name}]" if table_name else "Before the first table"
        yield f"### {heading}\n\n{_table(table_keys)}"


def _table(keys: Iterable[Key]) -> str:
    rows = ["| key | default | may be | meaning |\n|---|---|---|---|\n"]
    for key in keys:
        name = f"`{key.path[-1]}`" + (" +" if key.is_addition else "")
        default = spell_value(key, key.setting.default)
        rows.append(f"| {name} | `{default}` | {key.setting.describe()} | {key.setting.comment} |\n")
    return "".join(rows)


if __name__ == "__main__":
    print(reference(), end="")
