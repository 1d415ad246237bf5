"""TOML files as nested tables that know their lines, and what is wrong with a file, for people."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from aquatic.control.setting import one_line

# Locating keys costs the square of the longest statement's lines.
FILE_BYTES_MAX = 1 << 16
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
ERROR_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

# The way to a value: keys, and indices into arrays of tables.
KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file, at a line (None: the file as a whole)."""

    file_name: str
    line: int | None
    text: str

    def __str__(self) -> str:
        place = self.file_name if self.line is None else f"{self.file_name}:{self.line}"
        return f"{place}: {self.text}"


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """As they stand in their files, one file after the other; first what concerns it as a whole. Each once.

    Several listeners may have the same from the same keys.
    """
    found = dict.fromkeys(problems)
    files = list(dict.fromkeys(problem.file_name for problem in found))
    return sorted(found, key=lambda problem: (files.index(problem.file_name), problem.line or 0))


class ConfigurationError(Exception):
    """A configuration that can't be used. `problems` has all that was found, in the order of the lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class TomlFile:
    """The parsed tables of a file and the line on which each key first appears."""

    name: str
    tables: dict[str, Any]
    lines: dict[KeyPath, int]

    def problem(self, path: KeyPath, text: str) -> Problem:
        """Something wrong at a key."""
        return Problem(self.name, self.line(path), text)

    def line(self, path: KeyPath) -> int | None:
        """Where a key is, or the nearest table around it that has a line; None: the file has neither."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def no_file() -> TomlFile:
    """What stands for a file where none was given: every key has its default."""
    return TomlFile("default configuration", {}, {})


def read_toml_file(path: Path) -> TomlFile:
    """Read and parse a file; ConfigurationError when that is impossible."""
    name = one_line(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError([Problem(name, None, f"the file can't be read: {reason}")]) from None
    if len(content) > FILE_BYTES_MAX:
        raise ConfigurationError([Problem(name, None, f"the file is larger than {FILE_BYTES_MAX:,} bytes")])
    return parse_toml(name, content)


def parse_toml(name: str, content: bytes) -> TomlFile:
    """Parse a file's content; ConfigurationError with the line of the first syntax error."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError([Problem(name, line, "the file is not UTF-8 text")]) from None
    try:
        return TomlFile(name, tomllib.loads(text), _locate_keys(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([_syntax_problem(name, text, str(error))]) from None
    except ValueError as error:
        # Python refuses to read decimal integers of thousands of digits.
        raise ConfigurationError([Problem(name, None, f"not a TOML file: {error}")]) from None
    except RecursionError:
        raise ConfigurationError([Problem(name, None, "not a TOML file: nested too deeply")]) from None


def spell_path(path: KeyPath) -> str:
    """A key as it may be written in a file: dotted, quoted where it must be."""
    keys = (key for key in path if isinstance(key, str))
    return ".".join(key if BARE_KEY.fullmatch(key) else json.dumps(key) for key in keys)


def _syntax_problem(name: str, text: str, message: str) -> Problem:
    position = ERROR_POSITION.search(message)
    if position is None:
        return Problem(name, None, f"not a TOML file: {message}")
    line = int(position[1]) if position[1] else text.rstrip("\n").count("\n") + 1
    return Problem(name, line, f"not a TOML file: {message[: position.start()]}")


def _locate_keys(text: str) -> dict[KeyPath, int]:
    """The line of every key of a valid document: its table header's, or where its statement begins.

    The parser tells no lines, but it tells where statements end: each is the shortest run of lines that
    parses alone.
    """
    lines: dict[KeyPath, int] = {}
    array_lengths: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, statement, parsed in _statements(text):
        if not statement.lstrip(" \t").startswith("["):
            for path in _paths(parsed):
                lines.setdefault(table + path, line)
            continue
        table = ()
        for key, is_array in _header(parsed):
            table += (key,)
            lines.setdefault(table, line)
            if is_array:
                array_lengths[table] = array_lengths.get(table, 0) + 1
            if table in array_lengths:
                table += (array_lengths[table] - 1,)
                lines.setdefault(table, line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    begin, statement = 1, ""
    for line, content in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        statement += content + "\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        yield begin, statement, parsed
        begin, statement = line + 1, ""


def _header(parsed: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """The keys of a table header, and whether it opens a new element of an array there."""
    while parsed:
        ((key, inner),) = parsed.items()
        yield key, isinstance(inner, list)
        parsed = inner[0] if isinstance(inner, list) else inner


def _paths(parsed: dict[str, Any]) -> Iterator[KeyPath]:
    for key, value in parsed.items():
        yield (key,)
        if isinstance(value, dict):
            for path in _paths(value):
                yield (key, *path)
