"""From the Rust trackers' files to one native file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aquatic.control.compat import RustFormat
from aquatic.control.compat_http import HTTP_FORMAT
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.compat_ws import WS_FORMAT
from aquatic.control.layout import Key, Loaded, Values, check_values
from aquatic.control.model import (
    AccessList,
    Configuration,
    CpuPinning,
    Downloads,
    Listener,
    ModelField,
    Privileges,
    Protocol,
    ScrapeExports,
    Statistics,
)
from aquatic.control.native import LISTEN, NATIVE_KEYS
from aquatic.control.printing import print_configuration, spell_value
from aquatic.control.rules import Finding, contradictions
from aquatic.control.setting import setting_names
from aquatic.control.toml_file import ConfigurationError, Problem, TomlFile, no_file

RUST_FORMATS: Final = {"udp": UDP_FORMAT, "http": HTTP_FORMAT, "ws": WS_FORMAT}
ONE_BY_ONE: Final = "convert the files one by one"
ADVICE: Final = f"make them equal, or {ONE_BY_ONE}"
SWITCHED_ON: Final = 3  # the weight of a whole that is


def _fields(model_class: type, *names: str) -> tuple[ModelField, ...]:
    return tuple(ModelField(model_class, name) for name in names or setting_names(model_class))


# What only has a meaning together comes from one file: nobody asked for the mode of one with the list of another.
# The first of each switches it on by being no default.
WHOLES: Final = (
    _fields(CpuPinning),
    _fields(AccessList),
    _fields(Statistics, "html_file", "html_file_path"),
    _fields(Statistics, "prometheus", "prometheus_address"),
    _fields(Privileges),
    _fields(ScrapeExports),
    _fields(Downloads),
)
WHOLE_OF: Final = {model_field: whole for whole in WHOLES for model_field in whole}


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
    value: Any

    @property
    def file_name(self) -> str:
        return self.values.file.name

    @property
    def is_written(self) -> bool:
        return self.name in self.values.written

    def spell(self) -> str:
        written = spell_value(self.values.keys[self.name], self.value)
        return f"{self.name} = {written}" + ("" if self.is_written else " (its default)")

    def problem(self, text: str) -> Problem:
        return self.values.file.problem(self.values.path(self.name) if self.is_written else (), text)

    def contradicts(self, other: _Said) -> Problem:
        return self.problem(f"{self.spell()} contradicts {other.spell()} in {other.file_name}: {ADVICE}")

    def weight(self, whole: tuple[ModelField, ...]) -> int:
        """How much the file has to say: 3: the first is no default, 2: another is none, 1: some are written."""
        names = list(map(self.values.name_of, filter(self.values.knows, whole)))
        own = [self.values.by_name[name] != self.values.keys[name].setting.default for name in names]
        if any(own):
            return SWITCHED_ON if own[0] else 2
        return int(any(name in self.values.written for name in names))


@dataclass(frozen=True, slots=True)
class _Place:
    """What is listened on, and the file that asks for it first."""

    listener: Listener
    values: Values
    index: int  # among that file's listeners

    def says(self, name: str) -> _Said | None:
        model_field = ModelField(Listener, name, self.index)
        if not self.values.knows(model_field):
            return None
        return _Said(self.values, self.values.name_of(model_field), getattr(self.listener, name))

    @property
    def address(self) -> _Said:
        name = self.values.name_of(ModelField(Listener, "address", self.index))
        return _Said(self.values, name, self.listener.address)

    def is_at(self, other: _Place) -> bool:
        address, transports = self.listener.address, {each.transport for each in self.listener.protocols}
        is_shared = any(each.transport in transports for each in other.listener.protocols)
        return is_shared and address == other.listener.address and address.port != 0


@dataclass(frozen=True, slots=True)
class _Merged:
    """What the files say, as one."""

    values: Values
    said: dict[ModelField, _Said]
    places: list[_Place]
    warnings: list[Problem]
    problems: list[Problem]

    @property
    def listeners(self) -> tuple[Listener, ...]:
        return tuple(place.listener for place in self.places)


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
    """All of the files' listeners in one file, those of HTTP and WebSocket on one address as one.

    Of what the files share a value that is no default wins, then a written one, then the first file's; what only has a
    meaning together comes from one file. ConfigurationError when the files can't be had together.
    """
    merged = _merge(files)
    if not merged.problems:
        configuration = merged.values.build(Configuration, listeners=merged.listeners)
        findings = contradictions(configuration, usable_cores)
        merged.problems.extend(_tell(finding, merged, files) for finding in findings)
    if merged.problems:
        raise ConfigurationError(merged.problems)
    names = " and ".join(file.checked.file.name for file in files)
    heading = f"Converted from {names}."
    text = print_configuration(NATIVE_KEYS, merged.values.by_name, heading, LISTEN, merged.listeners)
    return Converted(text, tuple(merged.warnings))


def _merge(files: Sequence[Loaded]) -> _Merged:
    values = Values(no_file(), {key.name: key for key in NATIVE_KEYS})
    warnings = [warning for file in files for warning in file.warnings]
    merged = _Merged(values, {}, [], warnings, [])
    for key in NATIVE_KEYS:
        if key.target is not None and (said := list(_said_about(key.target, files))):
            _choose(key, key.target, said, merged)
    for file in files:
        for index, listener in enumerate(file.configuration.listeners):
            _listen(_Place(listener, file.checked, index), merged)
    _tell_new_root(files, merged)
    return merged


def _said_about(model_field: ModelField, files: Sequence[Loaded]) -> Iterator[_Said]:
    for file in files:
        if file.checked.knows(model_field):
            name = file.checked.name_of(model_field)
            yield _Said(file.checked, name, file.checked.by_name[name])


def _choose(key: Key, model_field: ModelField, said: Sequence[_Said], merged: _Merged) -> None:
    """The first of those with most to say. Where it is a whole, others that have it on contradict it."""
    whole = WHOLE_OF.get(model_field, (model_field,))
    chosen = max(said, key=lambda each: each.weight(whole))
    merged.said[model_field] = chosen
    merged.values.by_name[key.name] = chosen.value
    for each in said:
        if each.value == chosen.value:
            continue
        if len(whole) > 1 and each.weight(whole) == SWITCHED_ON:
            merged.problems.append(each.contradicts(chosen))
        else:
            text = f"{each.spell()} is left out, {chosen.file_name} has {chosen.spell()}"
            merged.warnings.append(each.problem(text))


def _listen(place: _Place, merged: _Merged) -> None:
    """Listen there too, or together with who does already, if both say the same about it."""
    taken = next((each for each in merged.places if each.is_at(place)), None)
    if taken is None:
        merged.places.append(place)
        return
    if set(taken.listener.protocols) & set(place.listener.protocols):
        text = (
            f"{place.address.spell()} is listened on by {taken.address.file_name} ({taken.address.name}) too"
        )
        merged.problems.append(place.address.problem(f"{text}: change one of them, or {ONE_BY_ONE}"))
        return
    own: dict[str, Any] = {}
    for name in setting_names(Listener):
        before, now = taken.says(name), place.says(name)
        if now is None or (name == "ipv6_only" and taken.listener.address.ip_version == 4):
            continue
        if before is None:
            own[name] = now.value
        elif before.value != now.value:
            merged.problems.append(now.contradicts(before))
    both = {*taken.listener.protocols, *place.listener.protocols}
    protocols = tuple(protocol for protocol in Protocol if protocol in both)
    joined = replace(taken, listener=replace(taken.listener, protocols=protocols, **own))
    merged.places[merged.places.index(taken)] = joined


def _tell_new_root(files: Sequence[Loaded], merged: _Merged) -> None:
    """Paths of a file that keeps its root mean others than before in that of another file."""
    chroot = merged.said[ModelField(Privileges, "chroot_path")]
    for file in files if merged.said[ModelField(Privileges, "drop")].value else ():
        if not file.configuration.privileges.drop:
            text = f"its paths will be seen from the new root, {chroot.file_name} has {chroot.spell()}"
            merged.warnings.append(Problem(file.checked.file.name, None, text))


def _tell(finding: Finding, merged: _Merged, files: Sequence[Loaded]) -> Problem:
    """What the files contradict each other in together, in their own words."""
    said = [_origin(model_field, merged, files) for model_field in finding.fields]
    here = said[0].file_name
    names = (each.name if each.file_name == here else f"{each.name} of {each.file_name}" for each in said)
    text = finding.text.format(*names)
    return said[0].problem(f"{text}: change one of them, or {ONE_BY_ONE}")


def _origin(model_field: ModelField, merged: _Merged, files: Sequence[Loaded]) -> _Said:
    if model_field.listener is not None:
        place = merged.places[model_field.listener]
        return place.says(model_field.name) or place.address
    if model_field in merged.said:
        return merged.said[model_field]
    # The number of listeners: with the last file's they are too many.
    return _Said(files[-1].checked, files[-1].checked.name_of(model_field), None)
