"""Whatever a file holds is read, or all that is wrong is told; and what is printed reads as the same."""

import enum
from dataclasses import dataclass, field, replace
from datetime import date
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

import tomlkit
from hypothesis import assume, example, given
from hypothesis import strategies as st

from aquatic.control.compat import Layout
from aquatic.control.convert import RUST_FORMATS, convert
from aquatic.control.layout import Key, Loaded, TableArray, check_values
from aquatic.control.model import Listener
from aquatic.control.native import LISTEN, NATIVE_KEYS, load_native
from aquatic.control.network import Network
from aquatic.control.origin import Origin
from aquatic.control.printing import print_configuration, print_loaded, spell_value
from aquatic.control.setting import FilePath, setting_of
from aquatic.control.socket_address import SocketAddress
from aquatic.control.toml_file import ConfigurationError, KeyPath, Problem, no_file, parse_toml
from tests.support.configurations import Load

CORES = frozenset(range(8))

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
ports = st.integers(0, 65_535)


def is_own_family(host: IPv4Address | IPv6Address) -> bool:
    return isinstance(host, IPv4Address) or host.ipv4_mapped is None


hosts = st.ip_addresses().filter(is_own_family)
addresses = st.builds(SocketAddress, hosts, ports)
networks = st.builds(
    lambda host, bits: ip_network((int(host), min(bits, host.max_prefixlen)), strict=False),
    hosts,
    st.integers(0, 128),
)


origins = st.sampled_from(["null", "https://a.example", "http://[::1]:8000"]).map(Origin)


def values_of(key: Key) -> st.SearchStrategy[Any]:
    """Every value that the key's setting allows."""
    if key.setting.element is not None:
        return st.lists(values_of(replace(key, setting=key.setting.element)), max_size=9).map(tuple)
    setting = key.setting
    if isinstance(setting.kind, enum.EnumMeta):
        return st.sampled_from(list(setting.kind))
    kinds: dict[Any, st.SearchStrategy[Any]] = {
        bool: st.booleans(),
        int: st.integers(
            *(None if limit is None else int(limit) for limit in (setting.minimum, setting.maximum))
        ),
        str: texts,
        FilePath: texts,
        SocketAddress: addresses,
        Network: networks,
        Origin: origins,
    }
    return kinds[setting.kind]


@dataclass(frozen=True)
class FileKind:
    """A kind of file, with the keys that stand in one of its layout and those that are known in any."""

    load: Load
    # Thousands of characters, of no use where a failing example is printed.
    keys: tuple[Key, ...] = field(repr=False)
    known: tuple[Key, ...] = field(repr=False)
    array: TableArray | None = None


KINDS = [
    FileKind(rust.load, rust.layout_keys(layout), rust.known_keys)
    for rust in RUST_FORMATS.values()
    for layout in Layout
]
KINDS.append(FileKind(load_native, NATIVE_KEYS, NATIVE_KEYS, LISTEN))
DEFAULT_TEXTS = {kind.load: print_loaded(kind.load(no_file(), CORES), "default") for kind in KINDS}


@dataclass(frozen=True)
class Written:
    """What a file of a kind says."""

    kind: FileKind
    settings: dict[str, Any]
    listeners: list[Listener]

    @property
    def text(self) -> str:
        kind = self.kind
        return print_configuration(kind.keys, self.settings, "heading", kind.array, self.listeners)


def written(kind: FileKind) -> st.SearchStrategy[Written]:
    settings = st.fixed_dictionaries({key.name: values_of(key) for key in kind.keys})
    fields = {key.name: values_of(key) for key in kind.array.keys} if kind.array else {}
    # Where listeners are not in tables, the keys tell them.
    listeners = st.lists(st.builds(Listener, **fields), min_size=bool(fields), max_size=3 if fields else 0)
    return st.builds(Written, st.just(kind), settings, listeners)


any_file = st.sampled_from(KINDS).flatmap(written)


def asks_for_too_much() -> Written:
    """A Rust tracker's file that allows more offers than are possible here; the rest is the default."""
    kind = next(kind for kind in KINDS if any(key.name == "protocol.max_offers" for key in kind.keys))
    return Written(
        kind, {key.name: key.setting.default for key in kind.keys} | {"protocol.max_offers": 65}, []
    )


def taken_for(key: Key, value: Any) -> Any:
    """What is made of an allowed value: never more than the model has room for."""
    most = setting_of(key.target.model_class, key.target.name).maximum if key.target else None
    return value if most is None or most == key.setting.maximum else min(value, most)


def problems_of(content: bytes, load: Load) -> list[Problem]:
    try:
        load(parse_toml("t", content), CORES)
    except ConfigurationError as error:
        return error.problems
    return []


@given(any_file)
def test_what_is_printed_reads_as_the_same(file: Written) -> None:
    values = check_values(parse_toml("t", file.text.encode()), file.kind.known, file.kind.array)
    assert values.problems == []
    assert {name: values.by_name[name] for name in file.settings} == file.settings
    assert [element.build(Listener) for element in values.elements] == file.listeners


@given(any_file)
@example(asks_for_too_much())
def test_what_contradicts_or_is_doubtful_among_allowed_values_has_a_line(file: Written) -> None:
    problems = problems_of(file.text.encode(), file.kind.load)
    assert all(problem.line for problem in problems)
    if not problems:
        loaded = file.kind.load(parse_toml("t", file.text.encode()), CORES)
        assert all(warning.line for warning in loaded.warnings)
        taken = {key.name: taken_for(key, file.settings[key.name]) for key in file.kind.keys}
        assert loaded.values == taken
        for name, value in taken.items():
            told = any(warning.text.startswith(f"{name}: ") for warning in loaded.warnings)
            assert told or value == file.settings[name]
        assert print_loaded(loaded, "heading") == replace(file, settings=taken).text


RUST_KINDS = [kind for kind in KINDS if kind.array is None]


@st.composite
def rust_files(draw: st.DrawFn) -> list[Loaded]:
    """A few, each with some keys written, that their trackers would start with."""
    files = []
    for index in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(RUST_KINDS))
        written = draw(st.lists(st.sampled_from(kind.keys), max_size=6, unique_by=lambda key: key.name))
        text = "".join(f"{key.name} = {spell_value(key, draw(values_of(key)))}\n" for key in written)
        try:
            files.append(kind.load(parse_toml(f"{index}", text.encode()), CORES))
        except ConfigurationError:
            assume(False)
    return files


@given(rust_files())
def test_files_of_the_rust_trackers_become_one_or_contradict_each_other(files: list[Loaded]) -> None:
    converted, problems = None, []
    try:
        converted = convert(files, CORES)
    except ConfigurationError as error:
        problems = error.problems
    if converted is None:
        assert len(files) > 1
        assert {problem.file_name for problem in problems} <= {"0", "1", "2"}
        return
    made = load_native(parse_toml("t", converted.text.encode()), CORES).configuration
    theirs = [file.configuration for file in files]
    assert made.access_list in [each.access_list for each in theirs]
    assert made.privileges in [each.privileges for each in theirs]
    assert {(each.address, protocol) for each in made.listeners for protocol in each.protocols} == {
        (each.address, protocol) for file in theirs for each in file.listeners for protocol in each.protocols
    }
    if len(files) == 1:
        assert made == theirs[0]


@given(st.binary(), st.sampled_from(KINDS))
def test_random_bytes_are_a_problem_or_a_configuration(content: bytes, kind: FileKind) -> None:
    assert all(problem.text for problem in problems_of(content, kind.load))


@given(
    st.sampled_from(KINDS),
    st.integers(0, 20_000),
    st.integers(0, 40),
    st.text(max_size=9) | st.sampled_from("[]{}='\"\n.#"),
)
def test_a_damaged_file_is_a_problem_or_a_configuration(
    kind: FileKind, position: int, length: int, inserted: str
) -> None:
    text = DEFAULT_TEXTS[kind.load]
    start = position % len(text)
    damaged = text[:start] + inserted + text[start + length :]
    for problem in problems_of(damaged.encode(errors="replace"), kind.load):
        assert problem.line is not None
        assert "\n" not in str(problem)


parts = {part for kind in KINDS for key in kind.known for part in key.path} | {LISTEN.name}
names = st.sampled_from(sorted(parts)) | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
scalars = st.booleans() | st.integers() | st.floats() | texts | st.just(date(2000, 1, 1)) | addresses.map(str)
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5)
)


@given(st.dictionaries(names, nested, max_size=9), st.sampled_from(KINDS))
def test_any_document_is_checked_to_the_end_and_every_problem_has_a_line(
    tables: dict[str, Any], kind: FileKind
) -> None:
    file = parse_toml("t", tomlkit.dumps(tables).encode())
    problems = check_values(file, kind.known, kind.array).problems
    assert all(problem.line for problem in problems)
    known = {key.path[0] for key in kind.known} | {kind.array.name if kind.array else ""}
    assert sum("unknown" in problem.text for problem in problems) >= len(tables.keys() - known)


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
