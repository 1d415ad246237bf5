"""A file format for configurations: its keys, how a file is checked against them, and how they are printed.

Every key says where its value goes in the model. The checks report all that is wrong with a file at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aquatic.control.model import Finding, ModelField
from aquatic.control.setting import Setting, setting_of, toml_type_name
from aquatic.control.toml_file import KeyPath, Problem, TomlFile, spell_path

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


def model_key(name: str, model_class: type, field_name: str, *, is_addition: bool = False) -> Key:
    """The key for a field of the model."""
    setting = setting_of(model_class, field_name)
    return Key(name, setting, ModelField(model_class, field_name), is_addition)


@dataclass(slots=True)
class Values:
    """What a file says, checked: each key's value (its default where unwritten or wrong) and the problems."""

    file: TomlFile
    keys: dict[str, Key]
    by_name: dict[str, Any] = field(init=False)
    written: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)
    # The keys to name when something is said about fields of the model.
    names: dict[ModelField, str] = field(init=False)

    def __post_init__(self) -> None:
        self.by_name = {name: key.setting.default for name, key in self.keys.items()}
        self.names = {key.target: name for name, key in self.keys.items() if key.target}

    def add_problem(self, name: str, text: str) -> None:
        """Something is wrong with a known key's value: its default takes the place."""
        self.wrong.add(name)
        self.by_name[name] = self.keys[name].setting.default
        self.problems.append(self.file.problem(self.keys[name].path, f"{name}: {text}"))

    def fields_of(self, model_class: type) -> dict[str, Any]:
        """The values that go into this class of the model, by field name."""
        targets = ((key.target, self.by_name[name]) for name, key in self.keys.items() if key.target)
        return {target.name: value for target, value in targets if target.model_class is model_class}

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Turn what contradicts into problems, unless it may only come from a value that is wrong anyway."""
        for finding in findings:
            if not self.wrong.intersection(self._names(finding)):
                self.problems.append(self._tell(finding))

    def warnings(self, findings: Iterable[Finding]) -> Iterator[Problem]:
        """Turn findings into what does not end the start."""
        return map(self._tell, findings)

    def _names(self, finding: Finding) -> list[str]:
        return [self.names[model_field] for model_field in finding.fields]

    def _tell(self, finding: Finding) -> Problem:
        names = self._names(finding)
        lines = [self.file.lines[self.keys[name].path] for name in names if name in self.written]
        return Problem(self.file.name, lines[0] if lines else None, finding.text.format(*names))


def check_values(file: TomlFile, keys: Iterable[Key]) -> Values:
    """Check every key of a file: known, of the right type, within its limits."""
    values = Values(file, {key.name: key for key in keys})
    table_paths = {key.path[:length] for key in values.keys.values() for length in range(1, len(key.path))}
    for path, raw in _leaves((), file.tables, table_paths):
        name = ".".join(path)
        if path in table_paths:
            text = f"{name}: expected a table, found {toml_type_name(raw)}"
            values.problems.append(file.problem(path, text))
        elif name not in values.keys or values.keys[name].path != path:
            values.problems.append(file.problem(path, _unknown(path, raw, values.keys, table_paths)))
        else:
            _read_value(values, name, raw)
    return values


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


def _unknown(path: KeyPath, raw: object, keys: dict[str, Key], table_paths: set[tuple[str, ...]]) -> str:
    spelled = spell_path(path)
    if isinstance(raw, dict):
        what, candidates = "unknown table", [".".join(table) for table in table_paths if table != path[:-1]]
    else:
        what, candidates = "unknown key", list(keys)
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
