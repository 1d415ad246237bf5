"""The Rust aquatic_udp's configuration files, mapped onto the model.

Two layouts are in the field. They differ in how addresses are written (a socket for each family, or one for
both); all other keys are read in both.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from aquatic.control.layout import Key, Values, check_values, model_key
from aquatic.control.model import (
    AccessList,
    Answers,
    Configuration,
    CpuPinning,
    Downloads,
    Listener,
    ModelField,
    Privileges,
    ScrapeExports,
    Statistics,
    Swarm,
    Workers,
    contradictions,
    doubts,
)
from aquatic.control.printing import print_configuration
from aquatic.control.setting import Setting
from aquatic.control.socket_address import SocketAddress
from aquatic.control.toml_file import ConfigurationError, Problem, TomlFile, in_order, read_toml_file


class Layout(enum.Enum):
    """How the addresses are written."""

    NEWEST = "the newest layout"
    RELEASED = "the layout of aquatic 0.9.0"


def _address(text: str, comment: str) -> Setting:
    return Setting(SocketAddress, SocketAddress.parse(text), comment)


RING_SIZE: Final = 128

WORKER_KEYS: Final = (
    model_key("socket_workers", Workers, "count"),
    model_key("log_level", Configuration, "log_level"),
)
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
OTHER_KEYS: Final = (
    model_key("network.socket_recv_buffer_size", Listener, "receive_buffer_bytes"),
    model_key("network.poll_timeout_ms", Workers, "poll_timeout_ms"),
    model_key("network.resend_buffer_max_len", Workers, "resend_responses_max"),
    Key("network.use_io_uring", Setting(bool, True, "No effect: this tracker uses recvmmsg and sendmmsg.")),
    Key("network.ring_size", Setting(int, RING_SIZE, "No effect, like use_io_uring.", 0, 65_535)),
    model_key("network.reuseport_steering", Workers, "reuseport_steering", is_addition=True),
    model_key("protocol.max_scrape_torrents", Answers, "scrape_torrents_max"),
    model_key("protocol.max_response_peers", Answers, "response_peers_max"),
    model_key("protocol.peer_announce_interval", Answers, "announce_interval_seconds"),
    model_key("statistics.interval", Statistics, "interval_seconds"),
    model_key("statistics.torrent_peer_histograms", Statistics, "peers_per_torrent"),
    model_key("statistics.peer_clients", Statistics, "peer_clients"),
    model_key("statistics.print_to_stdout", Statistics, "standard_output"),
    model_key("statistics.write_html_to_file", Statistics, "html_file"),
    model_key("statistics.html_file_path", Statistics, "html_file_path"),
    model_key("statistics.run_prometheus_endpoint", Statistics, "prometheus"),
    model_key("statistics.prometheus_endpoint_address", Statistics, "prometheus_address"),
    model_key("statistics.prometheus_peer_id_prefixes", Statistics, "prometheus_peer_id_prefixes"),
    model_key("statistics.response_latency", Statistics, "response_latency", is_addition=True),
    model_key("cleaning.torrent_cleaning_interval", Swarm, "cleaning_interval_seconds"),
    model_key("cleaning.max_connection_age", Answers, "connection_age_seconds_max"),
    model_key("cleaning.max_peer_age", Swarm, "peer_age_seconds_max"),
    model_key("privileges.drop_privileges", Privileges, "drop"),
    model_key("privileges.chroot_path", Privileges, "chroot_path"),
    model_key("privileges.group", Privileges, "group"),
    model_key("privileges.user", Privileges, "user"),
    model_key("access_list.mode", AccessList, "mode"),
    model_key("access_list.path", AccessList, "path"),
    model_key("scrape_exports.enable_scrape_exports", ScrapeExports, "enabled"),
    model_key("scrape_exports.frequency", ScrapeExports, "cleanings_per_export"),
    model_key("scrape_exports.path", ScrapeExports, "path"),
    model_key("downloads.path", Downloads, "path", is_addition=True),
    model_key("downloads.interval", Downloads, "interval_seconds", is_addition=True),
    model_key("limits.max_torrents", Swarm, "torrents_max", is_addition=True),
    model_key("limits.max_peers", Swarm, "peers_max", is_addition=True),
    model_key("limits.max_memory_bytes", Swarm, "memory_bytes_max", is_addition=True),
    # The first three are as in versions of the Rust tracker before 0.9.0, which could pin.
    model_key("cpu_pinning.active", CpuPinning, "active", is_addition=True),
    model_key("cpu_pinning.direction", CpuPinning, "direction", is_addition=True),
    model_key("cpu_pinning.core_offset", CpuPinning, "core_offset", is_addition=True),
    model_key("cpu_pinning.cores", CpuPinning, "cores", is_addition=True),
)


def layout_keys(layout: Layout) -> tuple[Key, ...]:
    """Every key of a layout, in the order in which they are printed."""
    return WORKER_KEYS + ADDRESS_KEYS[layout] + OTHER_KEYS


# Those of both layouts: a file that mixes them is checked like any other.
KNOWN_KEYS: Final = WORKER_KEYS + ADDRESS_KEYS[Layout.NEWEST] + ADDRESS_KEYS[Layout.RELEASED] + OTHER_KEYS


@dataclass(frozen=True, slots=True)
class Loaded:
    """A usable configuration, what to warn of, and the values as the file's layout writes them, by key."""

    configuration: Configuration
    layout: Layout
    values: dict[str, Any]
    warnings: tuple[Problem, ...]


def load_file(path: Path, usable_cores: frozenset[int]) -> Loaded:
    """Read a file of either layout; ConfigurationError tells all that is wrong with it."""
    return load(read_toml_file(path), usable_cores)


def load_default(usable_cores: frozenset[int]) -> Loaded:
    """The configuration without a file."""
    return load(TomlFile("default configuration", {}, {}), usable_cores)


def load(file: TomlFile, usable_cores: frozenset[int]) -> Loaded:
    """Check a file's tables and map them onto the model; ConfigurationError tells all that is wrong."""
    values = check_values(file, KNOWN_KEYS)
    layout = _layout(values)
    configuration = _configuration(values, layout)
    values.add_findings(contradictions(configuration, usable_cores))
    if values.problems:
        raise ConfigurationError(values.problems)
    warnings = in_order([*values.warnings(doubts(configuration)), *_without_effect(values)])
    used = {key.name: values.by_name[key.name] for key in layout_keys(layout)}
    return Loaded(configuration, layout, used, tuple(warnings))


def print_loaded(loaded: Loaded, heading: str) -> str:
    """The configuration as a file of its layout, which reads as the same configuration."""
    return print_configuration(layout_keys(loaded.layout), loaded.values, heading)


def _layout(values: Values) -> Layout:
    """The layout that the file is written in; a mixture is a problem."""
    newest, released = (
        [key.name for key in ADDRESS_KEYS[layout] if key.name in values.written]
        for layout in (Layout.NEWEST, Layout.RELEASED)
    )
    if newest:
        for name in released:
            line = values.file.lines[values.keys[newest[0]].path]
            text = (
                f"is of {Layout.RELEASED.value}, but {newest[0]} on line {line} is of {Layout.NEWEST.value}"
            )
            values.add_problem(name, f"{text}: use the keys of one of them")
    return Layout.RELEASED if released and not newest else Layout.NEWEST


def _configuration(values: Values, layout: Layout) -> Configuration:
    read_listeners = _newest_listeners if layout is Layout.NEWEST else _released_listeners
    pinning = CpuPinning(**values.fields_of(CpuPinning))
    return Configuration(
        listeners=read_listeners(values),
        swarm=Swarm(**values.fields_of(Swarm)),
        answers=Answers(**values.fields_of(Answers)),
        workers=Workers(**values.fields_of(Workers), cpu_pinning=pinning),
        access_list=AccessList(**values.fields_of(AccessList)),
        statistics=Statistics(**values.fields_of(Statistics)),
        privileges=Privileges(**values.fields_of(Privileges)),
        scrape_exports=ScrapeExports(**values.fields_of(ScrapeExports)),
        downloads=Downloads(**values.fields_of(Downloads)),
        **values.fields_of(Configuration),
    )


def _newest_listeners(values: Values) -> tuple[Listener, ...]:
    values.names[ModelField(Configuration, "listeners")] = "network.use_ipv6"
    shared = values.fields_of(Listener)
    listeners = []
    versions: tuple[Literal[4, 6], ...] = (4, 6)
    for ip_version in versions:
        name = f"network.address_ipv{ip_version}"
        if values.by_name[name].ip_version != ip_version:
            values.add_problem(name, f'"{values.by_name[name]}" is not an IPv{ip_version} address')
        if values.by_name[f"network.use_ipv{ip_version}"]:
            listeners.append(Listener(**shared, address=values.by_name[name]))
    return tuple(listeners)


def _released_listeners(values: Values) -> tuple[Listener, ...]:
    values.names[ModelField(Configuration, "listeners")] = "network.address"
    address, only_ipv6 = values.by_name["network.address"], values.by_name["network.only_ipv6"]
    if only_ipv6 and address.ip_version == 4:
        values.add_problem("network.only_ipv6", f'needs an IPv6 address, network.address is "{address}"')
    return (Listener(**values.fields_of(Listener) | {"address": address, "ipv6_only": only_ipv6}),)


def _without_effect(values: Values) -> Iterator[Problem]:
    """Keys that are read for the old files' sake, where they ask for something that does not happen."""
    asked = {
        "network.use_io_uring": values.by_name["network.use_io_uring"],
        "network.ring_size": values.by_name["network.ring_size"] != RING_SIZE,
    }
    for name, is_asked in asked.items():
        if name in values.written and is_asked:
            text = f"{name} has no effect: there is no io_uring here"
            yield values.file.problem(values.keys[name].path, text)
