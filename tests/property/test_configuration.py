"""Whatever a file holds is read, or all that is wrong is told; and what is printed reads as the same."""

import enum
from datetime import date
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from aquatic.control.compat import Layout
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.layout import Key, check_values
from aquatic.control.printing import print_configuration, print_loaded
from aquatic.control.setting import FilePath
from aquatic.control.socket_address import SocketAddress
from aquatic.control.toml_file import ConfigurationError, KeyPath, Problem, no_file, parse_toml

CORES = frozenset(range(8))
DEFAULT_TEXT = print_loaded(UDP_FORMAT.load(no_file(), CORES), "default")

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
ports = st.integers(0, 65_535)


def is_own_family(host: IPv4Address | IPv6Address) -> bool:
    return isinstance(host, IPv4Address) or host.ipv4_mapped is None


hosts = st.ip_addresses().filter(is_own_family)
addresses = st.builds(SocketAddress, hosts, ports)


def values_of(key: Key) -> st.SearchStrategy[Any]:
    """Every value that the key's setting allows."""
    setting = key.setting
    if isinstance(setting.kind, enum.EnumMeta):
        return st.sampled_from(list(setting.kind))
    integers = st.integers(setting.minimum, setting.maximum)
    kinds: dict[Any, st.SearchStrategy[Any]] = {
        bool: st.booleans(),
        int: integers,
        str: texts,
        FilePath: texts,
        SocketAddress: addresses,
        tuple[int, ...]: st.lists(integers, max_size=9).map(tuple),
    }
    return kinds[setting.kind]


def problems_of(content: bytes) -> list[Problem]:
    try:
        UDP_FORMAT.load(parse_toml("t", content), CORES)
    except ConfigurationError as error:
        return error.problems
    return []


def settings_of(layout: Layout) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({key.name: values_of(key) for key in UDP_FORMAT.layout_keys(layout)})


@given(st.sampled_from(Layout).flatmap(lambda layout: st.tuples(st.just(layout), settings_of(layout))))
def test_what_is_printed_reads_as_the_same(printed: tuple[Layout, dict[str, Any]]) -> None:
    layout, settings = printed
    text = print_configuration(UDP_FORMAT.layout_keys(layout), settings, "heading")
    values = check_values(parse_toml("t", text.encode()), UDP_FORMAT.known_keys)
    assert values.problems == []
    assert values.written == settings.keys()
    assert {name: values.by_name[name] for name in settings} == settings


@given(st.sampled_from(Layout).flatmap(settings_of))
def test_what_contradicts_or_is_doubtful_among_allowed_values_has_a_line(settings: dict[str, Any]) -> None:
    keys = [key for key in UDP_FORMAT.known_keys if key.name in settings]
    content = print_configuration(keys, settings, "heading").encode()
    problems = problems_of(content)
    assert all(problem.line for problem in problems)
    if not problems:
        loaded = UDP_FORMAT.load(parse_toml("t", content), CORES)
        assert loaded.values == settings
        assert all(warning.line for warning in loaded.warnings)


@given(st.binary())
def test_random_bytes_are_a_problem_or_a_configuration(content: bytes) -> None:
    assert all(problem.text for problem in problems_of(content))


@given(
    st.integers(0, len(DEFAULT_TEXT)),
    st.integers(0, 40),
    st.text(max_size=9) | st.sampled_from("[]{}='\"\n.#"),
)
def test_a_damaged_file_is_a_problem_or_a_configuration(start: int, length: int, inserted: str) -> None:
    damaged = DEFAULT_TEXT[:start] + inserted + DEFAULT_TEXT[start + length :]
    for problem in problems_of(damaged.encode(errors="replace")):
        assert problem.line is not None
        assert "\n" not in str(problem)


names = st.sampled_from(sorted({part for key in UDP_FORMAT.known_keys for part in key.path})) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=9
)
scalars = st.booleans() | st.integers() | st.floats() | texts | st.just(date(2000, 1, 1)) | addresses.map(str)
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5)
)


@given(st.dictionaries(names, nested, max_size=9))
def test_any_document_is_checked_to_the_end_and_every_problem_has_a_line(tables: dict[str, Any]) -> None:
    file = parse_toml("t", tomlkit.dumps(tables).encode())
    problems = check_values(file, UDP_FORMAT.known_keys).problems
    assert all(problem.line for problem in problems)
    unknown = {name for name in tables if name not in {key.path[0] for key in UDP_FORMAT.known_keys}}
    assert sum("unknown" in problem.text for problem in problems) >= len(unknown)


@st.composite
def files_with_lines(draw: st.DrawFn) -> tuple[str, dict[KeyPath, int]]:
    """A file of tables, and the line of every key in it."""
    lines: list[str] = []
    expected: dict[KeyPath, int] = {}
    fillers = st.lists(st.sampled_from(["", "# x = 1", "   ", "\t# [x]"]), max_size=3)
    values = st.sampled_from(["1", "'''\n[x]\nx = 1'''", "[\n1,\n]", '"""a\\\n  b"""', "'x = 1 # y'"])
    for table in range(draw(st.integers(0, 4))):
        lines += draw(fillers)
        lines.append(f"[table{table}]")
        expected[(f"table{table}",)] = len(lines)
        for key in range(draw(st.integers(0, 4))):
            lines += draw(fillers)
            expected[(f"table{table}", f"key{key}")] = len(lines) + 1
            lines += f"key{key} = {draw(values)}".split("\n")
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines), expected


@given(files_with_lines())
def test_every_key_is_located(file: tuple[str, dict[KeyPath, int]]) -> None:
    text, lines = file
    assert parse_toml("t", text.encode()).lines == lines
