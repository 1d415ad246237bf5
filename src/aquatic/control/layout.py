"""A file format for configurations: its keys, and how a file is checked against them.

Every key says where its value goes in the model. The checks report all that is wrong with a file at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from aquatic.control.model import Configuration, ModelField
from aquatic.control.rules import Finding, contradictions, doubts
from aquatic.control.setting import Setting, part_classes, setting_of, toml_type_name
from aquatic.control.toml_file import ConfigurationError, KeyPath, Problem, TomlFile, in_order, spell_path

Part = TypeVar("Part")
# Names less alike than this are not worth suggesting.
NAME_LIKENESS_MIN = 0.6


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a file, by its dotted name. Without `target` the format's module gives it a meaning."""

    name: str
    setting: Setting
    target: ModelField | None = None
    # Ours, and unknown to the tracker whose format this is.
    is_addition: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """The keys of the tables that lead to it, and its own."""
        return tuple(self.name.split("."))

    @property
    def table_name(self) -> str:
        """The table that it is in; empty: none."""
        return self.name.rpartition(".")[0]


def model_key(
    name: str, model_class: type, field_name: str, *, is_addition: bool = False, **changes: Any
) -> Key:
    """The key for a field of the model. `changes`: what this format has otherwise, such as `default=180`."""
    setting = replace(setting_of(model_class, field_name), **changes)
    return Key(name, setting, ModelField(model_class, field_name), is_addition)


@dataclass(frozen=True, slots=True)
class TableArray:
    """An array of tables, `[[name]]`: one for each listener, all with the same keys, which are named within it."""

    name: str
    keys: tuple[Key, ...]
    # Printed of every table; of all but the first, other keys only where they differ from their defaults.
    shown: tuple[str, ...]


@dataclass(slots=True)
class Values:
    """What a file says, checked: each key's value (its default where unwritten or wrong) and the problems."""

    file: TomlFile
    keys: dict[str, Key]
    # Where in the file the keys are looked for: at its top, or in a table of its array.
    place: KeyPath = ()
    problems: list[Problem] = field(default_factory=list)
    # The tables of its array. Their problems are found in `problems` here.
    elements: list[Values] = field(default_factory=list)
    by_name: dict[str, Any] = field(init=False)
    written: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    # The keys to name when something is said about fields of the model, of all listeners or of one.
    names: dict[ModelField, str] = field(init=False)

    def __post_init__(self) -> None:
        self.by_name = {name: key.setting.default for name, key in self.keys.items()}
        self.names = {key.target: name for name, key in self.keys.items() if key.target}

    def path(self, name: str) -> KeyPath:
        """The way to a key from the top of the file."""
        return (*self.place, *name.split("."))

    def spell(self, name: str) -> str:
        """A key as people call it."""
        return spell_path(self.path(name))

    def knows(self, model_field: ModelField) -> bool:
        """Whether any key stands for the field."""
        return model_field in self.names or replace(model_field, listener=None) in self.names

    def name_of(self, model_field: ModelField) -> str:
        """The key to name; KeyError when there is none."""
        return self.names.get(model_field) or self.names[replace(model_field, listener=None)]

    def add_problem(self, name: str, text: str) -> None:
        """Something is wrong with a known key's value: its default takes the place."""
        self.wrong.add(name)
        self.by_name[name] = self.keys[name].setting.default
        self.problems.append(self.file.problem(self.path(name), f"{self.spell(name)}: {text}"))

    def fields_of(self, model_class: type) -> dict[str, Any]:
        """The values that go into this class of the model, by field name."""
        targets = ((key.target, self.by_name[name]) for name, key in self.keys.items() if key.target)
        return {target.name: value for target, value in targets if target.model_class is model_class}

    def build(self, model_class: type[Part], **given: Any) -> Part:
        """A part of the model with these values, and its own parts likewise; `given` goes before them."""
        parts: dict[str, Any] = {
            name: self.build(part_class) for name, part_class in part_classes(model_class).items()
        }
        return model_class(**parts | self.fields_of(model_class) | given)

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Turn what contradicts into problems, unless it may only come from a value that is wrong anyway."""
        for finding in findings:
            if not any(name in values.wrong for values, name in self._find_all(finding)):
                self.problems.append(self._tell(finding))

    def warnings(self, findings: Iterable[Finding]) -> Iterator[Problem]:
        """Turn findings into what does not end the start."""
        return map(self._tell, findings)

    def _find_all(self, finding: Finding) -> list[tuple[Values, str]]:
        """The keys that stand for the fields."""
        return [self._find(model_field) for model_field in finding.fields]

    def _find(self, model_field: ModelField) -> tuple[Values, str]:
        if model_field.listener is None or not self.elements:
            return self, self.name_of(model_field)
        element = self.elements[model_field.listener]
        return element, element.name_of(model_field)

    def _tell(self, finding: Finding) -> Problem:
        found = self._find_all(finding)
        text = finding.text.format(*(values.spell(name) for values, name in found))
        written = [values.path(name) for values, name in found if name in values.written]
        # Of what is not written, the table that lacks it has a line at least.
        paths = written or [values.place for values, _name in found if values.place]
        return Problem(self.file.name, self.file.line(paths[0]) if paths else None, text)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A usable configuration, what to warn of, and what the file says."""

    configuration: Configuration
    warnings: tuple[Problem, ...]
    checked: Values
    # Those of the layout that the file is written in, outside of arrays.
    keys: tuple[Key, ...]
    array: TableArray | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What each of the keys is set to."""
        return {key.name: self.checked.by_name[key.name] for key in self.keys}


def accept(
    values: Values,
    configuration: Configuration,
    usable_cores: frozenset[int],
    keys: tuple[Key, ...],
    array: TableArray | None = None,
    warnings: Iterable[Problem] = (),
) -> Loaded:
    """What a file without fault makes; ConfigurationError tells all that is wrong, rules between keys included."""
    values.add_findings(contradictions(configuration, usable_cores))
    if values.problems:
        raise ConfigurationError(values.problems)
    ordered = in_order([*values.warnings(doubts(configuration)), *warnings])
    return Loaded(configuration, tuple(ordered), values, keys, array)


@dataclass(frozen=True, slots=True)
class _KnownNames:
    """Every key and table of a format, as people write them."""

    keys: list[str]
    tables: list[str]


def check_values(file: TomlFile, keys: Iterable[Key], array: TableArray | None = None) -> Values:
    """Check every key of a file: known, of the right type, within its limits."""
    values = Values(file, {key.name: key for key in keys})
    known = _KnownNames(list(values.keys), sorted(map(".".join, _table_paths(values.keys))))
    if array is not None:
        known.keys.extend(f"{array.name}.{key.name}" for key in array.keys)
        known.tables.append(array.name)
    _check_table(values, file.tables, array, known)
    return values


def _check_table(
    values: Values, tables: dict[str, Any], array: TableArray | None, known: _KnownNames
) -> None:
    table_paths = _table_paths(values.keys)
    for path, raw in _leaves((), tables, table_paths):
        name = ".".join(path)
        whole_path = (*values.place, *path)
        if array is not None and path == (array.name,):
            _check_array(values, array, raw, known)
        elif path in table_paths:
            text = f"{values.spell(name)}: expected a table, found {toml_type_name(raw)}"
            values.problems.append(values.file.problem(whole_path, text))
        elif name not in values.keys or values.keys[name].path != path:
            values.problems.append(values.file.problem(whole_path, _unknown(whole_path, raw, known)))
        else:
            _read_value(values, name, raw)


def _check_array(values: Values, array: TableArray, raw: object, known: _KnownNames) -> None:
    values.written.add(array.name)
    if not isinstance(raw, list):
        _refuse_element(values, array, (array.name,), raw)
        return
    for index, table in enumerate(raw):
        place = (array.name, index)
        if isinstance(table, dict):
            element = Values(values.file, {key.name: key for key in array.keys}, place, values.problems)
            values.elements.append(element)
            _check_table(element, table, None, known)
        else:
            _refuse_element(values, array, place, table)


def _refuse_element(values: Values, array: TableArray, place: KeyPath, raw: object) -> None:
    values.wrong.add(array.name)
    text = f"{array.name}: expected tables, each below a line [[{array.name}]], found {toml_type_name(raw)}"
    values.problems.append(values.file.problem(place, text))


def _table_paths(keys: Iterable[str]) -> set[tuple[str, ...]]:
    """Every table that leads to one of the keys."""
    paths = [tuple(name.split(".")) for name in keys]
    return {path[:length] for path in paths for length in range(1, len(path))}


def _leaves(
    parent: tuple[str, ...], table: dict[str, Any], table_paths: set[tuple[str, ...]]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every key with its value, going into the tables that the format has."""
    for key, raw in table.items():
        path = (*parent, key)
        if path in table_paths and isinstance(raw, dict):
            yield from _leaves(path, raw, table_paths)
        else:
            yield path, raw


def _read_value(values: Values, name: str, raw: object) -> None:
    values.written.add(name)
    try:
        values.by_name[name] = values.keys[name].setting.read(raw)
    except ValueError as error:
        values.add_problem(name, str(error))


def _unknown(path: KeyPath, raw: object, known: _KnownNames) -> str:
    spelled = spell_path(path)
    if isinstance(raw, dict) or (isinstance(raw, list) and raw and isinstance(raw[0], dict)):
        parent = spell_path(path[:-1])
        what, candidates = "unknown table", [table for table in known.tables if table != parent]
    else:
        what, candidates = "unknown key", known.keys
    nearest = _nearest(spelled, candidates)
    return f"{spelled}: {what}" + (f"; did you mean {nearest}?" if nearest else "")


def _nearest(name: str, candidates: list[str]) -> str | None:
    """The most similar name: one that only stands in another table before one that is spelled alike."""
    last = name.rpartition(".")[2]
    displaced = [candidate for candidate in candidates if candidate.rpartition(".")[2] == last]
    if displaced:
        return difflib.get_close_matches(name, displaced, n=1, cutoff=0)[0]
    alike = difflib.get_close_matches(name, candidates, n=1, cutoff=NAME_LIKENESS_MIN)
    return alike[0] if alike else None
