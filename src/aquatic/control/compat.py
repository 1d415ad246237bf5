"""What the Rust trackers' configuration files have in common, and how one of them becomes a configuration.

Two layouts are in the field. They differ in how addresses are written (a socket for each family, or one for
both); all other keys are read in both.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from aquatic.control.layout import Key, Loaded, Values, accept, check_values, model_key
from aquatic.control.model import (
    AccessList,
    Configuration,
    Connections,
    CpuPinning,
    Downloads,
    Listener,
    LogLevel,
    ModelField,
    Privileges,
    Statistics,
    Swarm,
    Workers,
)
from aquatic.control.setting import Setting, setting_of
from aquatic.control.socket_address import SocketAddress
from aquatic.control.toml_file import Problem, TomlFile


class Layout(enum.Enum):
    """How the addresses are written."""

    NEWEST = "the newest layout"
    RELEASED = "the layout of aquatic 0.9.0"


def _address(text: str, comment: str) -> Setting:
    return Setting(SocketAddress, SocketAddress.parse(text), comment)


ADDRESS_KEYS: Final = {
    Layout.NEWEST: (
        Key("network.use_ipv4", Setting(bool, True, "Serve IPv4 clients.")),
        Key("network.use_ipv6", Setting(bool, True, "Serve IPv6 clients.")),
        Key(
            "network.address_ipv4",
            _address(
                "0.0.0.0:3000", "IPv4 address and port: 0.0.0.0 is every interface, 127.0.0.1 loopback."
            ),
        ),
        Key(
            "network.address_ipv6",
            _address("[::]:3000", "IPv6 address and port: [::] is every interface, [::1] loopback."),
        ),
        model_key("network.set_only_ipv6", Listener, "ipv6_only"),
    ),
    Layout.RELEASED: (
        Key(
            "network.address",
            _address("0.0.0.0:3000", "Address and port of the one socket. [::] serves IPv4 clients too."),
        ),
        Key("network.only_ipv6", Setting(bool, False, "Serve IPv6 clients only. Needs an IPv6 address.")),
    ),
}
PRIVILEGES_KEYS: Final = (
    model_key("privileges.drop_privileges", Privileges, "drop"),
    model_key("privileges.chroot_path", Privileges, "chroot_path"),
    model_key("privileges.group", Privileges, "group"),
    model_key("privileges.user", Privileges, "user"),
)
ACCESS_LIST_KEYS: Final = (
    model_key("access_list.mode", AccessList, "mode"),
    model_key("access_list.path", AccessList, "path"),
)
DOWNLOADS_KEYS: Final = (
    model_key("downloads.path", Downloads, "path", is_addition=True),
    model_key("downloads.interval", Downloads, "interval_seconds", is_addition=True),
)
SWARM_LIMITS_KEYS: Final = (
    model_key("limits.max_torrents", Swarm, "torrents_max", is_addition=True),
    model_key("limits.max_peers", Swarm, "peers_max", is_addition=True),
    model_key("limits.max_memory_bytes", Swarm, "memory_bytes_max", is_addition=True),
)
CONNECTION_LIMITS_KEYS: Final = tuple(
    model_key(f"limits.{name}", Connections, field_name, is_addition=True)
    for name, field_name in (
        ("max_connections_per_worker", "per_worker_max"),
        ("max_connections_per_address", "per_address_max"),
        ("max_new_connections_per_address_per_second", "new_per_address_per_second_max"),
        ("max_handshake_seconds", "handshake_seconds_max"),
        ("max_header_seconds", "header_seconds_max"),
        ("max_header_bytes", "header_bytes_max"),
        ("max_connections_memory_bytes", "memory_bytes_max"),
    )
)
# The first three are as in versions of the Rust trackers before 0.9.0, which could pin.
CPU_PINNING_KEYS: Final = (
    model_key("cpu_pinning.active", CpuPinning, "active", is_addition=True),
    model_key("cpu_pinning.direction", CpuPinning, "direction", is_addition=True),
    model_key("cpu_pinning.core_offset", CpuPinning, "core_offset", is_addition=True),
    model_key("cpu_pinning.cores", CpuPinning, "cores", is_addition=True),
)

# Of the trackers that serve connections.
STREAM_FIRST_KEYS: Final = (
    model_key("socket_workers", Workers, "stream_count"),
    Key("swarm_workers", Setting(int, 1, "No effect: every worker serves all torrents.", 0, 65_535)),
    model_key("log_level", Configuration, "log_level", default=LogLevel.WARN),
)
STREAM_LISTENER_KEYS: Final = (
    model_key("network.tcp_backlog", Listener, "backlog_connections"),
    model_key("network.enable_tls", Listener, "tls"),
    model_key("network.tls_certificate_path", Listener, "tls_certificate_path"),
    model_key("network.tls_private_key_path", Listener, "tls_private_key_path"),
)
STREAM_METRICS_KEYS: Final = (
    model_key("metrics.run_prometheus_endpoint", Statistics, "prometheus"),
    model_key("metrics.prometheus_endpoint_address", Statistics, "prometheus_address"),
    model_key(
        "metrics.torrent_count_update_interval",
        Statistics,
        "interval_seconds",
        default=10,
        minimum=1,
        comment="Collect and put out statistics this often (seconds).",
    ),
)


def listener_fields_read(values: Values) -> dict[str, Any]:
    """What the listeners of a file have in common, by field."""
    return values.fields_of(Listener)


@dataclass(frozen=True, slots=True)
class WithoutEffect:
    """A key that is read for the old files' sake, and what to say when it asks for what does not happen."""

    name: str
    reason: str
    is_asked: Callable[[Any], bool]


NO_SWARM_WORKERS: Final = WithoutEffect(
    "swarm_workers", "every worker serves all torrents", lambda count: count != 1
)


@dataclass(frozen=True, slots=True)
class RustFormat:
    """One of the Rust trackers' files."""

    first_keys: tuple[Key, ...]
    # After those of the addresses.
    other_keys: tuple[Key, ...]
    without_effect: tuple[WithoutEffect, ...]
    listener_fields: Callable[[Values], dict[str, Any]] = listener_fields_read
    # Of a file that has no address.
    default_layout: Layout = Layout.NEWEST

    def layout_keys(self, layout: Layout) -> tuple[Key, ...]:
        """Every key of a layout, in the order in which they are printed."""
        return self.first_keys + ADDRESS_KEYS[layout] + self.other_keys

    @property
    def known_keys(self) -> tuple[Key, ...]:
        """Those of both layouts: a file that mixes them is checked like any other."""
        return self.first_keys + ADDRESS_KEYS[Layout.NEWEST] + ADDRESS_KEYS[Layout.RELEASED] + self.other_keys

    def load(self, file: TomlFile, usable_cores: frozenset[int]) -> Loaded:
        """Check a file's tables and map them onto the model; ConfigurationError tells all that is wrong."""
        values = check_values(file, self.known_keys)
        layout = self._layout(values)
        read_listeners = _newest_listeners if layout is Layout.NEWEST else _released_listeners
        listeners = read_listeners(values, self.listener_fields(values))
        warnings = [*self._warnings(values), *_lower(values)]
        configuration = values.build(Configuration, listeners=tuple(listeners))
        return accept(values, configuration, usable_cores, self.layout_keys(layout), warnings=warnings)

    def _layout(self, values: Values) -> Layout:
        """The layout that the file is written in; a mixture is a problem."""
        newest, released = (
            [key.name for key in ADDRESS_KEYS[layout] if key.name in values.written]
            for layout in (Layout.NEWEST, Layout.RELEASED)
        )
        if not newest and not released:
            return self.default_layout
        if newest:
            for name in released:
                line = values.file.line(values.path(newest[0]))
                text = f"is of {Layout.RELEASED.value}, but {newest[0]} on line {line} is of"
                values.add_problem(name, f"{text} {Layout.NEWEST.value}: use the keys of one of them")
        return Layout.NEWEST if newest else Layout.RELEASED

    def _warnings(self, values: Values) -> Iterable[Problem]:
        for key in self.without_effect:
            if key.name in values.written and key.is_asked(values.by_name[key.name]):
                yield values.file.problem(values.path(key.name), f"{key.name} has no effect: {key.reason}")


def _lower(values: Values) -> Iterator[Problem]:
    """Bring down to what is possible here what is beyond it, where the Rust tracker has no such bound."""
    for name, key in values.keys.items():
        most = _most_possible(key)
        if most is None or values.by_name[name] <= most:
            continue
        text = f"{name}: {values.by_name[name]:,} is taken for {most:,}, the most that is possible"
        values.by_name[name] = most
        yield values.file.problem(values.path(name), text)


def _most_possible(key: Key) -> float | None:
    """The model's bound on a key that may be written with more; None for others."""
    if key.target is None:
        return None
    most = setting_of(key.target.model_class, key.target.name).maximum
    return most if most != key.setting.maximum else None


def _newest_listeners(values: Values, fields: dict[str, Any]) -> Iterable[Listener]:
    values.names[ModelField(Configuration, "listeners")] = "network.use_ipv6"
    for ip_version in (4, 6):
        name = f"network.address_ipv{ip_version}"
        if values.by_name[name].ip_version != ip_version:
            values.add_problem(name, f'"{values.by_name[name]}" is not an IPv{ip_version} address')
    served = [version for version in (4, 6) if values.by_name[f"network.use_ipv{version}"]]
    for index, name in enumerate(f"network.address_ipv{version}" for version in served):
        values.names[ModelField(Listener, "address", index)] = name
        yield Listener(**fields, address=values.by_name[name])


def _released_listeners(values: Values, fields: dict[str, Any]) -> Iterable[Listener]:
    values.names[ModelField(Configuration, "listeners")] = "network.address"
    values.names[ModelField(Listener, "address")] = "network.address"
    values.names[ModelField(Listener, "ipv6_only")] = "network.only_ipv6"
    address, only_ipv6 = values.by_name["network.address"], values.by_name["network.only_ipv6"]
    if only_ipv6 and address.ip_version == 4:
        values.add_problem("network.only_ipv6", f'needs an IPv6 address, network.address is "{address}"')
    yield Listener(**fields | {"address": address, "ipv6_only": only_ipv6})
