"""The one internal model of a configuration: what the tracker is told, whatever file format said it.

Types, defaults, limits and comments of all settings live here. `contradictions()` and `doubts()` are the
rules between settings; they name model fields, and whoever read the file turns those into keys and lines.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from aquatic.control.setting import FilePath, setting
from aquatic.control.socket_address import SocketAddress

INT32_MAX = 2**31 - 1
WORKERS_MAX = 256
CORE_INDEX_MAX = 4095
# The store counts a peer's age in ticks, at most 4,095 of them: the longer the age, the coarser the ticks.
PEER_AGE_SECONDS_LIMIT = 7 * 86_400
# What the store can address, and the least that a peer takes there.
MEMORY_BYTES_LIMIT = 1 << 36
# A torrent of one peer takes 50 to 90 bytes. More are counted, so that the bound on torrents is reached before that on
# memory: made-up torrents then push out each other, and leave memory for the peers of the others.
TORRENT_BYTES = 128
PEER_BYTES_MIN = 8

# What fits under the path MTU with room for tunnels (BEP 15 gives the layouts): no answer is fragmented.
RESPONSE_BYTES_MAX = 1_400
ANNOUNCE_RESPONSE_HEADER_BYTES = 20
ANNOUNCE_RESPONSE_PEER_BYTES = {4: 6, 6: 18}
SCRAPE_RESPONSE_HEADER_BYTES = 8
SCRAPE_RESPONSE_TORRENT_BYTES = 12


class Protocol(enum.StrEnum):
    """What is spoken on a listener."""

    UDP = "udp"


class LogLevel(enum.StrEnum):
    """The least severe of the messages that are logged."""

    OFF = "off"
    ERROR = "error"
    WARN = "warn"
    INFO = "info"
    DEBUG = "debug"
    TRACE = "trace"


class AccessListMode(enum.StrEnum):
    """What it means for a torrent to be in the list."""

    ALLOW = "allow"
    DENY = "deny"
    OFF = "off"


class PinningDirection(enum.StrEnum):
    """Which end of the cores the first worker gets."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A bound address. An IPv6 wildcard without `ipv6_only` gets IPv4 clients too, as v4-mapped ones."""

    address: SocketAddress
    protocol: Protocol = Protocol.UDP
    ipv6_only: bool = setting(
        True,
        "Accept only IPv6 on the IPv6 socket. When off, an IPv6 wildcard socket serves IPv4 clients too.",
    )
    receive_buffer_bytes: int = setting(
        8_000_000,
        "Size of a socket's receive buffer in bytes; 0 leaves the system's default. Bursts that do not fit"
        " are dropped by the kernel. The system caps the size at net.core.rmem_max and the start says so.",
        minimum=0,
        maximum=INT32_MAX // 2,
    )

    def serves(self, ip_version: Literal[4, 6]) -> bool:
        """Whether clients of that family can arrive here."""
        if self.address.ip_version == ip_version:
            return True
        return ip_version == 4 and not self.ipv6_only and self.address.host.is_unspecified


@dataclass(frozen=True, slots=True, kw_only=True)
class Swarm:
    """The store of torrents and peers."""

    peer_age_seconds_max: int = setting(
        20 * 60,
        "Forget peers that have not announced for this long (seconds).",
        minimum=1,
        maximum=PEER_AGE_SECONDS_LIMIT,
    )
    cleaning_interval_seconds: int = setting(
        2 * 60,
        "Sweep expired peers and empty torrents out of the store once in this time (seconds).",
        minimum=1,
        maximum=86_400,
    )
    torrents_max: int = setting(
        0,
        "Most torrents to keep; 0: as many as fit the memory bound. At a bound the emptiest make room.",
        minimum=0,
        maximum=INT32_MAX,
    )
    peers_max: int = setting(
        0,
        "Most peers to keep, over all torrents; 0: as many as fit the memory bound.",
        minimum=0,
        maximum=INT32_MAX,
    )
    memory_bytes_max: int = setting(
        0,
        "Most memory for torrents and peers (bytes); 0: half of the machine's, or of what the control group"
        " may use. Strangers fill this store, so there is always a bound.",
        minimum=0,
        maximum=MEMORY_BYTES_LIMIT,
    )

    def bounded(self, usable_memory_bytes: int) -> Swarm:
        """The same with every 0 replaced by the bound that it stands for on a machine with this memory."""
        memory_bytes_max = self.memory_bytes_max or min(usable_memory_bytes // 2, MEMORY_BYTES_LIMIT)
        return replace(
            self,
            memory_bytes_max=memory_bytes_max,
            torrents_max=self.torrents_max or memory_bytes_max // TORRENT_BYTES,
            peers_max=self.peers_max or memory_bytes_max // PEER_BYTES_MIN,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What clients are told."""

    announce_interval_seconds: int = setting(
        15 * 60,
        "Ask clients to announce this often (seconds).",
        minimum=1,
        maximum=INT32_MAX,
    )
    response_peers_max: int = setting(
        30,
        "Most peers in an announce response, also the number when the client names none.",
        minimum=0,
        maximum=INT32_MAX,
    )
    scrape_torrents_max: int = setting(
        70,
        "Most torrents that one scrape request is answered for; further info hashes are ignored.",
        minimum=0,
        maximum=255,
    )
    connection_age_seconds_max: int = setting(
        2 * 60,
        "Accept a connection id for this long (seconds).",
        minimum=1,
        maximum=86_400,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuPinning:
    """Which core each worker runs on. Cores are counted among those that the process may use (its cpuset)."""

    active: bool = setting(False, "Pin each worker to a core.")
    direction: PinningDirection = setting(
        PinningDirection.ASCENDING,
        "Give out cores from the first up (ascending) or from the last down (descending).",
    )
    core_offset: int = setting(
        0,
        "Leave out this many cores before the first worker's.",
        minimum=0,
        maximum=CORE_INDEX_MAX,
    )
    cores: tuple[int, ...] = setting(
        (),
        "Pin to these cores in this order, whatever the direction and offset; numbered as the system does.",
        minimum=0,
        maximum=CORE_INDEX_MAX,
    )

    def worker_cores(self, workers_count: int, usable_cores: frozenset[int]) -> tuple[int, ...] | None:
        """The core of each worker, None when not pinned. More workers than cores start over with the first.

        `usable_cores` is the process's cpuset; ValueError when a listed core is not in it.
        """
        if not self.active:
            return None
        unusable = sorted(set(self.cores) - usable_cores)
        if unusable:
            usable = ", ".join(map(str, sorted(usable_cores)))
            raise ValueError(f"core {unusable[0]} is not among those that this process may use ({usable})")
        order = self.cores or self._ordered(usable_cores)
        return tuple(order[worker % len(order)] for worker in range(workers_count))

    def _ordered(self, usable_cores: frozenset[int]) -> tuple[int, ...]:
        order = sorted(usable_cores, reverse=self.direction is PinningDirection.DESCENDING)
        offset = self.core_offset % len(order)
        return tuple(order[offset:] + order[:offset])


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """The data plane's threads."""

    count: int = setting(
        1,
        "Number of workers; 0: one for each core that the process may use.",
        minimum=0,
        maximum=WORKERS_MAX,
    )
    poll_timeout_ms: int = setting(
        50,
        "Longest wait for requests before a worker sees to its other duties (milliseconds); 0 never sleeps.",
        minimum=0,
        maximum=10_000,
    )
    resend_responses_max: int = setting(
        0,
        "Keep at most this many responses that could not be sent, and try them once more; 0: none.",
        minimum=0,
        maximum=65_536,
    )
    reuseport_steering: bool = setting(
        False,
        "Choose the worker for each request by a program in the kernel: a client always meets the same one.",
    )
    cpu_pinning: CpuPinning = CpuPinning()

    def count_on(self, usable_cores: frozenset[int]) -> int:
        """How many workers to start on a machine with these cores."""
        return self.count or min(len(usable_cores), WORKERS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessList:
    """Which torrents are served."""

    mode: AccessListMode = setting(
        AccessListMode.OFF,
        "Serve only torrents in the file (allow), only torrents not in it (deny) or all (off).",
    )
    path: FilePath = setting(
        FilePath("./access-list.txt"),
        "File with one hexadecimal info hash a line, read at start (a bad one ends it) and again on SIGUSR1"
        " (a bad one is reported and the old list stays). Seen from the new root after chroot.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What is counted and who is shown it."""

    interval_seconds: int = setting(
        5,
        "Collect and put out statistics this often (seconds); 0: no statistics.",
        minimum=0,
        maximum=86_400,
    )
    peers_per_torrent: bool = setting(False, "Show how many peers torrents have (percentiles).")
    peer_clients: bool = setting(False, "Show how many peers use which client. Costs memory for every peer.")
    standard_output: bool = setting(False, "Print statistics to standard output.")
    html_file: bool = setting(False, "Write statistics to an HTML file.")
    html_file_path: FilePath = setting(
        FilePath("tmp/statistics.html"), "Path of the HTML file. Seen from the new root after chroot."
    )
    prometheus: bool = setting(False, "Serve statistics to Prometheus over HTTP.")
    prometheus_address: SocketAddress = setting(
        SocketAddress.parse("0.0.0.0:9000"), "Address and port to serve Prometheus on."
    )
    prometheus_peer_id_prefixes: bool = setting(
        False, "Serve the number of peers of every peer id prefix to Prometheus too. Needs peer_clients."
    )
    response_latency: bool = setting(
        False,
        "Measure the time from a request's arrival to its response. Off: no clock is read for it.",
    )

    @property
    def outputs(self) -> bool:
        """Whether anybody is shown statistics."""
        return self.interval_seconds > 0 and (self.standard_output or self.html_file or self.prometheus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Privileges:
    """What is given up once every socket is bound: root directory, then group, then user."""

    drop: bool = setting(False, "Change root directory, group and user once all sockets are bound.")
    chroot_path: FilePath = setting(FilePath("."), "The new root directory.")
    group: str = setting("nogroup", "The group to change to.")
    user: str = setting("nobody", "The user to change to.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeExports:
    """Files that tell the seeders and leechers of every torrent."""

    enabled: bool = setting(
        False, "Write every torrent's number of seeders and leechers to a file now and then."
    )
    cleanings_per_export: int = setting(
        10,
        "Write it after every so many cleanings (0 counts as 1).",
        minimum=0,
        maximum=INT32_MAX,
    )
    path: FilePath = setting(
        FilePath("./udp-scrape-export.txt"),
        "The file to write, by way of the same path with the extension tmp. Each line has 4 or 6 for the IP"
        " version, the info hash in hexadecimal, seeders and leechers, separated by spaces. Seen from the new"
        " root after chroot.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloads:
    """How often each torrent was downloaded completely."""

    path: FilePath = setting(
        FilePath(""),
        "Keep the counts of completed downloads in this file over restarts; empty: while the tracker runs."
        " Seen from the new root after chroot.",
    )
    interval_seconds: int = setting(
        10 * 60,
        "Write that file this often (seconds), and at the end.",
        minimum=1,
        maximum=86_400,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All that the tracker is told."""

    listeners: tuple[Listener, ...]
    swarm: Swarm = field(default_factory=Swarm)
    answers: Answers = field(default_factory=Answers)
    workers: Workers = field(default_factory=Workers)
    access_list: AccessList = field(default_factory=AccessList)
    statistics: Statistics = field(default_factory=Statistics)
    privileges: Privileges = field(default_factory=Privileges)
    scrape_exports: ScrapeExports = field(default_factory=ScrapeExports)
    downloads: Downloads = field(default_factory=Downloads)
    log_level: LogLevel = setting(LogLevel.ERROR, "How much is logged to standard error.")


@dataclass(frozen=True, slots=True)
class ModelField:
    """A field of one of the model's classes."""

    model_class: type
    name: str

    def __post_init__(self) -> None:
        if self.name not in {known.name for known in fields(self.model_class)}:
            raise AttributeError(f"{self.model_class.__name__} has no field {self.name}")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about settings together. `text` refers to them as {0}, {1} ..., the one to change first."""

    text: str
    fields: tuple[ModelField, ...]


def announce_peers_fitting(ip_version: Literal[4, 6]) -> int:
    """Most peers that an announce response of that family carries within RESPONSE_BYTES_MAX."""
    return (RESPONSE_BYTES_MAX - ANNOUNCE_RESPONSE_HEADER_BYTES) // ANNOUNCE_RESPONSE_PEER_BYTES[ip_version]


def scrape_torrents_fitting() -> int:
    """Most torrents that a scrape response carries within RESPONSE_BYTES_MAX."""
    return (RESPONSE_BYTES_MAX - SCRAPE_RESPONSE_HEADER_BYTES) // SCRAPE_RESPONSE_TORRENT_BYTES


def contradictions(configuration: Configuration, usable_cores: frozenset[int]) -> Iterator[Finding]:
    """Settings that can't be had together: no start with any of them."""
    yield from _contradicting_listeners(configuration.listeners)
    yield from _contradicting_statistics(configuration.statistics)
    yield from _missing_names(configuration)
    exports = configuration.scrape_exports
    if exports.enabled and exports.path.endswith(".tmp"):
        text = "{0} must not end in .tmp, the name that the file has while incomplete"
        yield Finding(text, (_field(exports, "path"),))
    pinning = configuration.workers.cpu_pinning
    try:
        pinning.worker_cores(1, usable_cores)
    except ValueError as error:
        yield Finding(f"{{0}}: {error}", (_field(pinning, "cores"),))


def doubts(configuration: Configuration) -> Iterator[Finding]:
    """Settings that work otherwise than one may think: said at start."""
    yield from _answers_too_long(configuration)
    answers, swarm = configuration.answers, configuration.swarm
    if answers.announce_interval_seconds >= swarm.peer_age_seconds_max:
        text = "{0} is not below {1}: peers are forgotten before they announce again"
        interval = _field(answers, "announce_interval_seconds")
        yield Finding(text, (interval, _field(swarm, "peer_age_seconds_max")))
    yield from _doubtful_statistics(configuration.statistics)
    yield from _doubtful_pinning(configuration.workers.cpu_pinning)


def _doubtful_statistics(statistics: Statistics) -> Iterator[Finding]:
    for name in ("standard_output", "html_file", "prometheus"):
        if getattr(statistics, name) and statistics.interval_seconds == 0:
            text = "{0} has no effect because {1} is 0"
            yield Finding(text, (_field(statistics, name), _field(statistics, "interval_seconds")))
    for name in ("peers_per_torrent", "peer_clients", "response_latency"):
        if getattr(statistics, name) and not statistics.outputs:
            text = "{0} has no effect because nothing puts out statistics"
            yield Finding(text, (_field(statistics, name),))


def _doubtful_pinning(pinning: CpuPinning) -> Iterator[Finding]:
    if pinning.cores and not pinning.active:
        text = "{0} has no effect because {1} is off"
        yield Finding(text, (_field(pinning, "cores"), _field(pinning, "active")))
    elif pinning.cores and pinning.core_offset:
        text = "{0} has no effect because {1} lists the cores"
        yield Finding(text, (_field(pinning, "core_offset"), _field(pinning, "cores")))


def _contradicting_listeners(listeners: tuple[Listener, ...]) -> Iterator[Finding]:
    of_listeners = (ModelField(Configuration, "listeners"),)
    if not listeners:
        yield Finding("{0}: there is nothing to listen on", of_listeners)
    chosen = (listener for listener in listeners if listener.address.port != 0)
    places = Counter((listener.protocol, listener.address) for listener in chosen)
    for (protocol, address), count in places.items():
        if count > 1:
            yield Finding(f"{{0}}: {protocol} {address} is listened on more than once", of_listeners)


def _contradicting_statistics(statistics: Statistics) -> Iterator[Finding]:
    if statistics.prometheus_peer_id_prefixes and not statistics.peer_clients:
        prefixes = _field(statistics, "prometheus_peer_id_prefixes")
        yield Finding("{0} needs {1} to be on", (prefixes, _field(statistics, "peer_clients")))


def _missing_names(configuration: Configuration) -> Iterator[Finding]:
    access_list, statistics = configuration.access_list, configuration.statistics
    privileges, exports = configuration.privileges, configuration.scrape_exports
    needed = (
        (access_list.mode is not AccessListMode.OFF, access_list, "mode", ("path",)),
        (statistics.html_file, statistics, "html_file", ("html_file_path",)),
        (privileges.drop, privileges, "drop", ("chroot_path", "group", "user")),
        (exports.enabled, exports, "enabled", ("path",)),
    )
    for is_on, part, switch, names in needed:
        for name in names:
            if is_on and not getattr(part, name):
                text = "{0} must not be empty while {1} is on"
                yield Finding(text, (_field(part, name), _field(part, switch)))


def _answers_too_long(configuration: Configuration) -> Iterator[Finding]:
    answers = configuration.answers
    for ip_version in (4, 6):
        fitting = announce_peers_fitting(ip_version)
        served = any(listener.serves(ip_version) for listener in configuration.listeners)
        if served and answers.response_peers_max > fitting:
            text = f"{{0}}: {answers.response_peers_max} peers do not fit {RESPONSE_BYTES_MAX} bytes,"
            text += f" responses to IPv{ip_version} clients carry at most {fitting}"
            yield Finding(text, (_field(answers, "response_peers_max"),))
    if answers.scrape_torrents_max > scrape_torrents_fitting():
        text = f"{{0}}: {answers.scrape_torrents_max} torrents do not fit {RESPONSE_BYTES_MAX} bytes,"
        text += f" scrape responses carry at most {scrape_torrents_fitting()}"
        yield Finding(text, (_field(answers, "scrape_torrents_max"),))


def _field(part: object, name: str) -> ModelField:
    return ModelField(type(part), name)
