"""What holds for the files of every Rust tracker: the keys that they share, and what is said about a bad file."""

from pathlib import Path

import pytest

from aquatic.control.compat import RustFormat
from aquatic.control.compat_http import HTTP_FORMAT
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.printing import print_loaded
from tests.support.configurations import (
    COMMON_MEANINGS,
    check_meaning,
    load_text,
    problems_of,
    warnings_of,
)

DATA = Path(__file__).parent / "data"
FORMATS = {"udp": UDP_FORMAT, "http": HTTP_FORMAT}

# Those that may be told of an address for each family.
BY_FAMILY = [rust for rust in FORMATS.values() if "network.use_ipv4" in {key.name for key in rust.known_keys}]

by_format = pytest.mark.parametrize("rust", FORMATS.values(), ids=FORMATS)


def files_of(rust: RustFormat) -> list[str]:
    """The recorded files of the tracker, in either layout."""
    name = next(name for name in FORMATS if FORMATS[name] is rust)
    return [path.read_text() for path in sorted(DATA.glob(f"aquatic-{name}-[0n]*.toml"))]


@pytest.mark.parametrize(
    ("rust", "name"),
    [(rust, key.name) for rust in FORMATS.values() for key in rust.known_keys if key.name in COMMON_MEANINGS],
)
def test_what_a_key_means(rust: RustFormat, name: str) -> None:
    check_meaning(rust.load, name, COMMON_MEANINGS[name])


PROBLEMS = [
    # Unknown keys and tables, with the nearest name.
    ("socket_worker = 3", ["t:1: socket_worker: unknown key; did you mean socket_workers?"]),
    ("\n[clening]\nmax_peer_age = 3", ["t:2: clening: unknown table; did you mean cleaning?"]),
    (
        "cleaning.max_per_age = 3",
        ["t:1: cleaning.max_per_age: unknown key; did you mean cleaning.max_peer_age?"],
    ),
    ("path = 3", ["t:1: path: unknown key; did you mean downloads.path?"]),
    ("zzz = 3", ["t:1: zzz: unknown key"]),
    ("zzz = {}", ["t:1: zzz: unknown table"]),
    ('"a b\\n" = 3', ['t:1: "a b\\n": unknown key']),
    (
        '"cleaning.max_peer_age" = 3',
        ['t:1: "cleaning.max_peer_age": unknown key; did you mean cleaning.max_peer_age?'],
    ),
    ("[network]\n[network.tls]", ["t:2: network.tls: unknown table"]),
    # Wrong types.
    ("log_level = 4", ["t:1: log_level: expected a string, found an integer"]),
    ("socket_workers = true", ["t:1: socket_workers: expected an integer, found a boolean"]),
    ("socket_workers = 1.0", ["t:1: socket_workers: expected an integer, found a float"]),
    (
        "socket_workers = 1979-05-27",
        ["t:1: socket_workers: expected an integer, found a date or time"],
    ),
    ("[socket_workers]", ["t:1: socket_workers: expected an integer, found a table"]),
    ("access_list.path = 1", ["t:1: access_list.path: expected a string, found an integer"]),
    ("limits.max_peers = true", ["t:1: limits.max_peers: expected an integer, found a boolean"]),
    ("network.address = 1", ["t:1: network.address: expected a string, found an integer"]),
    ("network.only_ipv6 = 1", ["t:1: network.only_ipv6: expected a boolean, found an integer"]),
    ("cpu_pinning.cores = 1", ["t:1: cpu_pinning.cores: expected an array, found an integer"]),
    ("cpu_pinning.cores = ['0']", ["t:1: cpu_pinning.cores: expected an integer, found a string"]),
    ("cleaning = 3", ["t:1: cleaning: expected a table, found an integer"]),
    ("[[cleaning]]\nmax_peer_age = 3", ["t:1: cleaning: expected a table, found an array"]),
    # Impossible values.
    ("socket_workers = -1", ["t:1: socket_workers: -1 is not within 0 to 256"]),
    ("cleaning.max_peer_age = 0", ["t:1: cleaning.max_peer_age: 0 is not within 1 to 604,800"]),
    (
        f"limits.max_torrents = 0x{'f' * 10_000}",
        ["t:1: limits.max_torrents: an integer beyond 64 bits is not within 0 to 2,147,483,647"],
    ),
    ("cpu_pinning.cores = [0, -1]", ["t:1: cpu_pinning.cores: -1 is not within 0 to 4,095"]),
    (
        f"cpu_pinning.cores = {[0] * 1025}",
        ["t:1: cpu_pinning.cores: has 1,025 elements, at most 1,024 are possible"],
    ),
    ("access_list.mode = 'on'", ['t:1: access_list.mode: "on" is none of "allow", "deny", "off"']),
    (
        'privileges.user = "a\\u0000b"',
        ['t:1: privileges.user: "a\\x00b" contains a control character'],
    ),
    # Contradictions.
    (
        "network.only_ipv6 = true",
        ['t:1: network.only_ipv6: needs an IPv6 address, network.address is "0.0.0.0:3000"'],
    ),
    (
        "[access_list]\nmode = 'allow'\npath = ''",
        ["t:3: access_list.path must not be empty while access_list.mode is on"],
    ),
    (
        "[privileges]\ndrop_privileges = true\nchroot_path = ''\ngroup = ''\nuser = ''",
        [
            "t:3: privileges.chroot_path must not be empty while privileges.drop_privileges is on",
            "t:4: privileges.group must not be empty while privileges.drop_privileges is on",
            "t:5: privileges.user must not be empty while privileges.drop_privileges is on",
        ],
    ),
    (
        "[cpu_pinning]\nactive = true\ncores = [0, 4]",
        ["t:3: cpu_pinning.cores: core 4 is not among those that this process may use (0, 1, 2, 3)"],
    ),
    # All at once, in the order of the lines.
    (
        "log_level = 'loud'\nx = 1\ncleaning.max_peer_age = 0\n"
        "[privileges]\ndrop_privileges = true\nuser = ''",
        [
            't:1: log_level: "loud" is none of "off", "error", "warn", "info", "debug", "trace"',
            "t:2: x: unknown key",
            "t:3: cleaning.max_peer_age: 0 is not within 1 to 604,800",
            "t:6: privileges.user must not be empty while privileges.drop_privileges is on",
        ],
    ),
]


@by_format
@pytest.mark.parametrize(("text", "problems"), PROBLEMS)
def test_what_is_wrong_with_a_file(rust: RustFormat, text: str, problems: list[str]) -> None:
    assert problems_of(rust.load, text) == problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "network.address_ipv4 = 'localhost:3000'",
            [
                't:1: network.address_ipv4: "localhost:3000": expected ADDRESS:PORT, such as "0.0.0.0:3000"'
                ' or "[::]:3000"'
            ],
        ),
        (
            "network.address_ipv4 = '[::]:3000'",
            ['t:1: network.address_ipv4: "[::]:3000" is not an IPv4 address'],
        ),
        (
            "network.address_ipv6 = '0.0.0.0:1'",
            ['t:1: network.address_ipv6: "0.0.0.0:1" is not an IPv6 address'],
        ),
        (
            "[network]\nuse_ipv4 = false\nuse_ipv6 = false",
            ["t:3: network.use_ipv6: there is nothing to listen on"],
        ),
    ],
)
@pytest.mark.parametrize("rust", BY_FAMILY)
def test_what_is_wrong_with_the_addresses(rust: RustFormat, text: str, problems: list[str]) -> None:
    assert problems_of(rust.load, text) == problems


WARNINGS = [
    ("", []),
    (
        "cpu_pinning.cores = [0]",
        ["t:1: cpu_pinning.cores has no effect because cpu_pinning.active is off"],
    ),
    (
        "cpu_pinning = { active = true, cores = [0], core_offset = 1 }",
        ["t:1: cpu_pinning.core_offset has no effect because cpu_pinning.cores lists the cores"],
    ),
]


@by_format
@pytest.mark.parametrize(("text", "warnings"), WARNINGS)
def test_what_is_warned_of(rust: RustFormat, text: str, warnings: list[str]) -> None:
    assert warnings_of(rust.load, text) == warnings


@by_format
def test_a_printed_configuration_reads_as_the_same(rust: RustFormat) -> None:
    for text in ("", *files_of(rust), "cpu_pinning.cores = [3, 1]\naccess_list.path = 'ü\"'"):
        loaded = load_text(rust.load, text)
        again = load_text(rust.load, print_loaded(loaded, "again"))
        assert (again.configuration, again.keys) == (loaded.configuration, loaded.keys)


@by_format
def test_a_printed_configuration_has_a_comment_on_every_key(rust: RustFormat) -> None:
    previous = ""
    for line in print_loaded(load_text(rust.load, ""), "heading").splitlines():
        if "=" in line and not line.startswith("#"):
            assert previous.startswith("# "), line
        previous = line


@by_format
def test_every_number_of_the_configuration_is_bounded(rust: RustFormat) -> None:
    numbers = [key.setting for key in rust.known_keys if key.setting.kind in (int, tuple[int, ...])]
    assert numbers
    assert all(setting.minimum is not None and setting.maximum is not None for setting in numbers)
