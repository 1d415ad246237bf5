"""Configuration files given as text: what they say, and what is said about them."""

from collections.abc import Callable
from typing import Any

import pytest

from aquatic.control.layout import Loaded
from aquatic.control.model import AccessListMode, Configuration, Listener, LogLevel, PinningDirection
from aquatic.control.socket_address import SocketAddress
from aquatic.control.toml_file import ConfigurationError, TomlFile, parse_toml

CORES = frozenset({0, 1, 2, 3})

Load = Callable[[TomlFile, frozenset[int]], Loaded]


# A key's value in a file, where the model has it, and what it is there.
Meaning = tuple[str, Callable[[Configuration], object], object]


def load_text(load: Load, text: str) -> Loaded:
    return load(parse_toml("t", text.encode()), CORES)


def problems_of(load: Load, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_text(load, text)
    return [str(problem) for problem in caught.value.problems]


def warnings_of(load: Load, text: str) -> list[str]:
    return [str(warning) for warning in load_text(load, text).warnings]


def dotted(tables: dict[str, object], prefix: str = "") -> dict[str, object]:
    """The values of nested tables by dotted key."""
    found: dict[str, object] = {}
    for key, value in tables.items():
        found |= dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def listener(address: str, **changes: Any) -> Listener:
    return Listener(address=SocketAddress.parse(address), **changes)


def check_meaning(load: Load, name: str, meaning: Meaning) -> None:
    written, of, expected = meaning
    assert of(load_text(load, "").configuration) != expected
    assert of(load_text(load, f"{name} = {written}").configuration) == expected


def addresses(configuration: Configuration) -> list[tuple[str, bool]]:
    """What is listened on, and whether that is IPv6 only."""
    return [(str(each.address), each.ipv6_only) for each in configuration.listeners]


# The keys that the files of all Rust trackers share.
COMMON_MEANINGS: dict[str, Meaning] = {
    "log_level": ('"trace"', lambda c: c.log_level, LogLevel.TRACE),
    "network.use_ipv4": ("false", addresses, [("[::]:3000", True)]),
    "network.use_ipv6": ("false", addresses, [("0.0.0.0:3000", True)]),
    "network.address_ipv4": ('"127.0.0.1:0"', lambda c: str(c.listeners[0].address), "127.0.0.1:0"),
    "network.address_ipv6": (
        '"[fe80::1%2]:65535"',
        lambda c: str(c.listeners[1].address),
        "[fe80::1%2]:65535",
    ),
    "network.set_only_ipv6": ("false", lambda c: c.listeners[1].ipv6_only, False),
    "network.address": ('"[::1]:1"', addresses, [("[::1]:1", False)]),
    "network.only_ipv6": ('true\nnetwork.address = "[::]:1"', addresses, [("[::]:1", True)]),
    "privileges.drop_privileges": ("true", lambda c: c.privileges.drop, True),
    "privileges.chroot_path": ('"/a"', lambda c: c.privileges.chroot_path, "/a"),
    "privileges.group": ('"a"', lambda c: c.privileges.group, "a"),
    "privileges.user": ('"a"', lambda c: c.privileges.user, "a"),
    "access_list.mode": ('"deny"', lambda c: c.access_list.mode, AccessListMode.DENY),
    "access_list.path": ('"a"', lambda c: c.access_list.path, "a"),
    "downloads.path": ('"a"', lambda c: c.downloads.path, "a"),
    "downloads.interval": ("60", lambda c: c.downloads.interval_seconds, 60),
    "limits.max_torrents": ("9", lambda c: c.swarm.torrents_max, 9),
    "limits.max_peers": ("9", lambda c: c.swarm.peers_max, 9),
    "limits.max_memory_bytes": ("9", lambda c: c.swarm.memory_bytes_max, 9),
    "cpu_pinning.active": ("true", lambda c: c.workers.cpu_pinning.active, True),
    "cpu_pinning.direction": (
        '"descending"',
        lambda c: c.workers.cpu_pinning.direction,
        PinningDirection.DESCENDING,
    ),
    "cpu_pinning.core_offset": ("9", lambda c: c.workers.cpu_pinning.core_offset, 9),
    "cpu_pinning.cores": ("[2, 0]", lambda c: c.workers.cpu_pinning.cores, (2, 0)),
}
