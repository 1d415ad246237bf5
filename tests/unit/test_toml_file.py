"""Reading TOML files: syntax errors, unreadable files, and the line of every key."""

from pathlib import Path

import pytest

from aquatic.control.toml_file import (
    FILE_BYTES_MAX,
    ConfigurationError,
    KeyPath,
    parse_toml,
    read_toml_file,
    spell_path,
)

LOCATIONS: list[tuple[str, dict[KeyPath, int]]] = [
    ("a = 1\nb = 2", {("a",): 1, ("b",): 2}),
    ("# a = 0\n\n  a = 1 # b = 2\r\nb = 2\r\n", {("a",): 3, ("b",): 4}),
    ("[t]\na = 1\n\n[u]\nb = 2", {("t",): 1, ("t", "a"): 2, ("u",): 4, ("u", "b"): 5}),
    ("a.b.c = 1\na.b.d = 2", {("a",): 1, ("a", "b"): 1, ("a", "b", "c"): 1, ("a", "b", "d"): 2}),
    ("\na = { b = 1, c.d = 2 }", {("a",): 2, ("a", "b"): 2, ("a", "c"): 2, ("a", "c", "d"): 2}),
    ("a = '''\n[b]\nc = 1\n'''\nd = 1", {("a",): 1, ("d",): 5}),
    ('a = """\\\n  """\nd = 1', {("a",): 1, ("d",): 3}),
    ("a = [\n  1, # [x]\n  [2],\n]\nd = 1", {("a",): 1, ("d",): 5}),
    ("[ t . 'u v' ]\n\"a\\u0062\" = 1", {("t",): 1, ("t", "u v"): 1, ("t", "u v", "ab"): 2}),
    ("[t.u]\na = 1\n[t]\nb = 1", {("t",): 1, ("t", "u"): 1, ("t", "u", "a"): 2, ("t", "b"): 4}),
    (
        "[[l]]\na = 1\n[l.t]\nb = 1\n[[l]]\na = 1\n[[l.m]]",
        {
            ("l",): 1,
            ("l", 0): 1,
            ("l", 0, "a"): 2,
            ("l", 0, "t"): 3,
            ("l", 0, "t", "b"): 4,
            ("l", 1): 5,
            ("l", 1, "a"): 6,
            ("l", 1, "m"): 7,
            ("l", 1, "m", 0): 7,
        },
    ),
    ("\ufeffa = 1", {("a",): 1}),
    ("x = 'a\u2028b'\ny = 1", {("x",): 1, ("y",): 2}),
]


@pytest.mark.parametrize(("text", "lines"), LOCATIONS)
def test_the_line_of_every_key(text: str, lines: dict[KeyPath, int]) -> None:
    assert parse_toml("a.toml", text.encode()).lines == lines


SYNTAX_ERRORS = [
    (b"a = 1\nb =", "a.toml:2: not a TOML file: Invalid value"),
    (b"a = 1\nb = [1,\n\n", "a.toml:2: not a TOML file: "),
    (b"a = 1\na = 2", "a.toml:2: not a TOML file: "),
    (b"\n\n[a", "a.toml:3: not a TOML file: "),
    (b"a = 1\n\nb = '\xff'", "a.toml:3: the file is not UTF-8 text"),
    (b"a = " + b"9" * 10_000, "a.toml: not a TOML file: "),
    (b"a = " + b"[" * 10_000, "a.toml: not a TOML file: nested too deeply"),
    (b".".join([b"a"] * 10_000) + b" = 1", "a.toml: not a TOML file: nested too deeply"),
]


@pytest.mark.parametrize(("content", "beginning"), SYNTAX_ERRORS)
def test_a_syntax_error_is_one_problem_with_its_line(content: bytes, beginning: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_toml("a.toml", content)
    (problem,) = caught.value.problems
    assert str(problem).startswith(beginning)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the file can't be read: No such file or directory"):
        read_toml_file(tmp_path / "a.toml")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the file can't be read: Is a directory"):
        read_toml_file(tmp_path)


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(ConfigurationError, match="the file can't be read: embedded null byte"):
        read_toml_file(Path("a\0b"))


def test_the_size_of_a_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"#" * FILE_BYTES_MAX)
    assert read_toml_file(path).tables == {}
    path.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(ConfigurationError, match="larger than"):
        read_toml_file(path)


def test_paths_are_spelled_as_a_file_may_write_them() -> None:
    assert spell_path(("a", 0, "b-C_1", "d.e", "")) == 'a.b-C_1."d.e".""'
