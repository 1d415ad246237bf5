"""The native configuration file, `aquatic.toml`: the model as it is.

`[[listen]]` tables for its listeners, then a table for each other part; keys are called as the model's fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from aquatic.control.layout import Key, Loaded, TableArray, accept, check_values, model_key
from aquatic.control.model import Configuration, Listener, ModelField, Protocol
from aquatic.control.setting import part_classes, setting_names
from aquatic.control.socket_address import SocketAddress
from aquatic.control.toml_file import TomlFile


def _keys(model_class: type, table: str = "") -> Iterator[Key]:
    for name in setting_names(model_class):
        yield model_key(f"{table}{name}", model_class, name)
    for name, part_class in part_classes(model_class).items():
        yield from _keys(part_class, f"{table}{name}.")


NATIVE_KEYS: Final = tuple(_keys(Configuration))
LISTEN: Final = TableArray("listen", tuple(_keys(Listener)), shown=("address", "protocols"))
# Where a file has no `[[listen]]`.
DEFAULT_LISTENERS: Final = tuple(
    Listener(address=SocketAddress.parse(address), protocols=protocols)
    for protocols in ((Protocol.UDP,), (Protocol.HTTP, Protocol.WS))
    for address in ("0.0.0.0:3000", "[::]:3000")
)


def load_native(file: TomlFile, usable_cores: frozenset[int]) -> Loaded:
    """Check a file's tables and make the model of them; ConfigurationError tells all that is wrong."""
    values = check_values(file, NATIVE_KEYS, LISTEN)
    values.names[ModelField(Configuration, "listeners")] = LISTEN.name
    # Where there is no such table.
    values.names[ModelField(Listener, "address")] = LISTEN.name
    listeners = DEFAULT_LISTENERS
    if LISTEN.name in values.written:
        listeners = tuple(element.build(Listener) for element in values.elements)
    configuration = values.build(Configuration, listeners=listeners)
    return accept(values, configuration, usable_cores, NATIVE_KEYS, LISTEN)
