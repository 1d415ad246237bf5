"""What a configuration value may be: type, default, limits and comment, stated where it is declared.

The model's classes declare their fields with `setting()`. Whatever reads, checks, prints or documents
configuration asks `setting_of()` and states none of it again.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NewType, TypeAlias, TypeVar

from aquatic.control.network import Network, parse_network
from aquatic.control.origin import Origin, parse_origin
from aquatic.control.socket_address import SocketAddress

T = TypeVar("T")
Number = TypeVar("Number", int, float)
# A path as it was written: pathlib would turn "" into "." and drop "./".
FilePath = NewType("FilePath", str)
TomlValue: TypeAlias = bool | int | float | str | list[int] | list[str]

CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
LIST_LENGTH_MAX = 1024


def setting(default: T, comment: str, *, minimum: float | None = None, maximum: float | None = None) -> T:
    """Declare a dataclass field that can be configured; limits are inclusive, in a list for each integer."""
    metadata = {"comment": comment, "minimum": minimum, "maximum": maximum}
    return dataclasses.field(default=default, metadata=metadata)


def setting_again(model_class: type, field_name: str, default: T, *, maximum: int | None = None) -> T:
    """Declare a base class's setting with another default, or maximum."""
    was = setting_of(model_class, field_name)
    return setting(default, was.comment, minimum=was.minimum, maximum=maximum or was.maximum)


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that can be configured."""

    kind: Any
    default: Any
    comment: str
    minimum: float | None = None
    maximum: float | None = None

    def read(self, raw: object) -> Any:
        """The value for what TOML gave; ValueError says what is wrong with it."""
        if self.kind is bool:
            return _instance(raw, bool)
        if self.kind is int:
            return self._within_limits(_instance(raw, int))
        if self.kind is float:
            # 1 is 1.0, as with the Rust programs.
            return float(self._within_limits(raw if type(raw) is int else _instance(raw, float)))
        if self.element is not None:
            return self._read_list(self.element, _instance(raw, list))
        text = _printable(_instance(raw, str))
        return self._read_text(text)

    def write(self, value: Any) -> TomlValue:
        """How TOML spells the value: the opposite of `read`."""
        if isinstance(value, bool | int | float):
            return value
        if self.element is not None:
            return [self.element.write(each) for each in value]  # type: ignore[return-value]
        return str(value)

    @property
    def element(self) -> Setting | None:
        """What may stand in a list; None when this is no list."""
        if typing.get_origin(self.kind) is not tuple:
            return None
        return dataclasses.replace(self, kind=typing.get_args(self.kind)[0])

    def describe(self) -> str:
        """What may be written, for readers: `integer, 0 to 256`."""
        if isinstance(self.kind, enum.EnumMeta):
            return ", ".join(f'"{choice}"' for choice in typing.cast(type[enum.StrEnum], self.kind))
        if self.element is not None and isinstance(self.element.kind, enum.EnumMeta):
            return f"list of {self.element.describe()}"
        name = KIND_NAMES[self.kind]
        return name if self.minimum is None else f"{name}, {self.minimum:,} to {self.maximum:,}"

    def _read_text(self, text: str) -> Any:
        if isinstance(self.kind, enum.EnumMeta):
            if text not in list(self.kind):
                raise ValueError(f"{quote(text)} is none of {self.describe()}")
            return self.kind(text)
        try:
            return TEXT_READERS[self.kind](text)
        except ValueError as error:
            raise ValueError(f"{quote(text)}: {error}") from None

    def _read_list(self, element: Setting, raw: list[object]) -> tuple[Any, ...]:
        if len(raw) > LIST_LENGTH_MAX:
            raise ValueError(f"has {len(raw):,} elements, at most {LIST_LENGTH_MAX:,} are possible")
        return tuple(map(element.read, raw))

    def _within_limits(self, value: Number) -> Number:
        if self.minimum is None or self.maximum is None or self.minimum <= value <= self.maximum:
            return value
        # Python refuses to spell integers of thousands of digits, which TOML can hold in hexadecimal.
        is_short = isinstance(value, float) or value.bit_length() <= 64
        text = str(value) if is_short else "an integer beyond 64 bits"
        raise ValueError(f"{text} is not within {self.minimum:,} to {self.maximum:,}")


KIND_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "integer",
    float: "number",
    str: "text",
    FilePath: "path",
    SocketAddress: "address:port",
    tuple[int, ...]: "list of integers",
    tuple[Origin, ...]: "list of sites",
    tuple[Network, ...]: "list of networks",
}
TEXT_READERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    FilePath: str,
    SocketAddress: SocketAddress.parse,
    Network: parse_network,
    Origin: parse_origin,
}
TOML_TYPE_NAMES: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "an array",
    dict: "a table",
}


def setting_of(model_class: type, field_name: str) -> Setting:
    """The declaration of a model class's field that was made with `setting()`; KeyError if there is none."""
    field = {field.name: field for field in dataclasses.fields(model_class)}[field_name]
    kind = typing.get_type_hints(model_class)[field_name]
    return Setting(kind, field.default, **field.metadata)


def setting_names(model_class: type) -> list[str]:
    """The fields of a model class that were declared with `setting()`."""
    return [field.name for field in dataclasses.fields(model_class) if field.metadata]


def part_classes(model_class: type) -> dict[str, type]:
    """The fields of a model class that hold one of another, with their class."""
    kinds = typing.get_type_hints(model_class)
    others = (field.name for field in dataclasses.fields(model_class) if not field.metadata)
    return {name: kinds[name] for name in others if dataclasses.is_dataclass(kinds[name])}


def toml_type_name(raw: object) -> str:
    """The name that TOML has for the type of a parsed value."""
    return TOML_TYPE_NAMES.get(type(raw), "a date or time")


def shorten(text: str) -> str:
    """A stranger's text may be long; a message is one line for a person."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def one_line(text: str) -> str:
    """A stranger's text without what would break the line or the terminal."""
    return CONTROL_CHARACTER.sub(lambda character: repr(character[0])[1:-1], text)


def quote(text: str) -> str:
    """A value from a file within a sentence."""
    return f'"{shorten(text)}"'


def _instance(raw: object, expected: type[T]) -> T:
    # Not isinstance: a Python bool is an int, a TOML boolean is not an integer.
    if type(raw) is not expected:
        raise ValueError(f"expected {TOML_TYPE_NAMES[expected]}, found {toml_type_name(raw)}")
    return raw


def _printable(text: str) -> str:
    if CONTROL_CHARACTER.search(text):
        raise ValueError(f"{quote(one_line(text))} contains a control character")
    return text
