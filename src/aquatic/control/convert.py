"""From the Rust trackers' files to one native file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aquatic.control.compat import RustFormat
from aquatic.control.compat_http import HTTP_FORMAT
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.compat_ws import WS_FORMAT
from aquatic.control.layout import Key, Loaded, Values, check_values
from aquatic.control.native import LISTEN, NATIVE_KEYS, load_native
from aquatic.control.printing import print_configuration, spell_value
from aquatic.control.toml_file import ConfigurationError, Problem, TomlFile, parse_toml

RUST_FORMATS: Final = {"udp": UDP_FORMAT, "http": HTTP_FORMAT, "ws": WS_FORMAT}
CONVERTED: Final = "the converted file"


@dataclass(frozen=True, slots=True)
class Converted:
    """A native file's text, and what is not in it as the files had it."""

    text: str
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a file says about a field of the model."""

    values: Values
    name: str

    @property
    def value(self) -> Any:
        return self.values.by_name[self.name]

    @property
    def is_written(self) -> bool:
        return self.name in self.values.written

    def spell(self) -> str:
        written = spell_value(self.values.keys[self.name], self.value)
        return f"{self.name} = {written}" + ("" if self.is_written else " (its default)")


def format_of(file: TomlFile) -> RustFormat:
    """The tracker whose file it is: that which knows most of its keys. ConfigurationError when that is not one."""
    known = {name: len(check_values(file, rust.known_keys).written) for name, rust in RUST_FORMATS.items()}
    best = [name for name, count in known.items() if count == max(known.values())]
    if len(best) > 1:
        *others, last = (f"--{name}" for name in best)
        options = f"{', '.join(others)} or {last}"
        text = f"its keys do not tell which tracker it is for; name it after {options}"
        raise ConfigurationError([Problem(file.name, None, text)])
    return RUST_FORMATS[best[0]]


def convert(files: Sequence[Loaded], usable_cores: frozenset[int]) -> Converted:
    """All of the files' listeners in one file. Of what they share a written value wins, and then the first file's.

    ConfigurationError when they can't be had together.
    """
    merged = {key.name: key.setting.default for key in NATIVE_KEYS}
    warnings = [warning for file in files for warning in file.warnings]
    for key in NATIVE_KEYS:
        said = list(_said_about(key, files))
        if said:
            chosen = next((each for each in said if each.is_written), said[0])
            merged[key.name] = chosen.value
            warnings.extend(_left_out(said, chosen))
    listeners = [listener for file in files for listener in file.configuration.listeners]
    names = " and ".join(file.checked.file.name for file in files)
    text = print_configuration(NATIVE_KEYS, merged, f"Converted from {names}.", LISTEN, listeners)
    load_native(parse_toml(CONVERTED, text.encode()), usable_cores)
    return Converted(text, tuple(warnings))


def _said_about(key: Key, files: Sequence[Loaded]) -> Iterator[_Said]:
    for file in files:
        name = file.checked.names.get(key.target) if key.target else None
        if name is not None:
            yield _Said(file.checked, name)


def _left_out(said: Sequence[_Said], chosen: _Said) -> Iterator[Problem]:
    for each in said:
        if each.value != chosen.value:
            path = each.values.path(each.name) if each.is_written else ()
            text = f"{each.spell()} is left out, {chosen.values.file.name} has {chosen.spell()}"
            yield each.values.file.problem(path, text)
