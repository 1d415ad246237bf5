"""The one internal model of a configuration: what the tracker is told, whatever file format said it.

Types, defaults, limits and comments of all settings live here; the rules between them are in `rules.py`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from aquatic.control.network import Network
from aquatic.control.origin import Origin
from aquatic.control.setting import FilePath, setting, setting_again
from aquatic.control.socket_address import SocketAddress

INT32_MAX = 2**31 - 1
WORKERS_MAX = 256
# Of a transport; a worker for connections has a socket of each.
LISTENERS_MAX = 16
TRUSTED_NETWORKS_MAX = 256
ORIGINS_MAX = 64
CORE_INDEX_MAX = 4095
# The store counts a peer's age in ticks, at most 2,047 of them: the longer the age, the coarser the ticks.
PEER_AGE_SECONDS_LIMIT = 7 * 86_400
# What the store can address, and the least that a peer takes there.
MEMORY_BYTES_LIMIT = 1 << 36
# A torrent of one peer takes 50 to 90 bytes. More are counted, so that the bound on torrents is reached before that on
# memory: made-up torrents then push out each other, and leave memory for the peers of the others.
TORRENT_BYTES = 128
PEER_BYTES_MIN = 8


class Protocol(enum.StrEnum):
    """What is spoken on a listener."""

    UDP = "udp"
    HTTP = "http"
    WS = "ws"

    @property
    def transport(self) -> Literal["udp", "tcp"]:
        """Protocols of one transport can't share an address, unless they share the listener."""
        return "udp" if self is Protocol.UDP else "tcp"


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


class ProxyHeaderFormat(enum.StrEnum):
    """Which of the addresses in a proxy's header is the client's."""

    LAST_ADDRESS = "last_address"


class PinningDirection(enum.StrEnum):
    """Which end of the cores the first worker gets."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A bound address. An IPv6 wildcard without `ipv6_only` gets IPv4 clients too, as v4-mapped ones."""

    address: SocketAddress = setting(
        SocketAddress.parse("0.0.0.0:3000"),
        "Address and port: 0.0.0.0 is every IPv4 interface, [::] every IPv6 one. Port 0: the system chooses.",
    )
    protocols: tuple[Protocol, ...] = setting(
        (Protocol.UDP,), "What is spoken here. UDP stands alone, HTTP and WebSocket (WebTorrent) go together."
    )
    ipv6_only: bool = setting(
        True,
        "Accept only IPv6 on the IPv6 socket. When off, an IPv6 wildcard socket serves IPv4 clients too.",
    )
    receive_buffer_bytes: int = setting(
        8_000_000,
        "Size of a UDP socket's receive buffer in bytes; 0 leaves the system's default. Bursts that do not fit"
        " are dropped by the kernel. The system caps the size at net.core.rmem_max and the start says so.",
        minimum=0,
        maximum=INT32_MAX // 2,
    )
    backlog_connections: int = setting(
        1_024,
        "Most new connections that may wait for a worker. The system caps it at net.core.somaxconn.",
        minimum=1,
        maximum=INT32_MAX,
    )
    tls: bool = setting(False, "Encrypt connections (TLS 1.2 and up).")
    tls_certificate_path: FilePath = setting(
        FilePath(""),
        "PEM file with the certificate and those that lead to its authority, read at start (a bad one ends it)"
        " and again on SIGUSR1 (a bad one is reported and the old pair stays). Seen from the new root after"
        " chroot.",
    )
    tls_private_key_path: FilePath = setting(
        FilePath(""),
        "PEM file with the certificate's private key, read when the certificate is. Seen from the new root"
        " after chroot.",
    )
    keep_alive: bool = setting(True, "Leave connections open for further requests.")
    health_page: bool = setting(False, "Answer GET /health with status 200, for load balancers.")
    proxy_header: bool = setting(
        False,
        "Take the client's address from a header of each request, as reverse proxies add it; a request"
        " without a valid one fails.",
    )
    proxy_header_name: str = setting("X-Forwarded-For", "The name of that header, in any case.")
    proxy_header_format: ProxyHeaderFormat = setting(
        ProxyHeaderFormat.LAST_ADDRESS, "The client's address is the last in the last header of that name."
    )
    proxy_protocol: bool = setting(
        False,
        "Take the client's address from the PROXY protocol (version 1 or 2), with which connections must begin.",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        (), "The networks of the proxies that are believed; others are clients like any."
    )
    allowed_origins: tuple[Origin, ...] = setting(
        (),
        "Accept WebSocket connections from pages of these sites only, as browsers name them"
        ' ("https://example.org", with a port that is not the usual one); empty: from any. Programs name none, and'
        " are accepted.",
    )

    def serves(self, ip_version: Literal[4, 6]) -> bool:
        """Whether clients of that family can arrive here."""
        # A proxy brings whoever arrives at it.
        is_behind_proxy = Protocol.UDP not in self.protocols and (self.proxy_header or self.proxy_protocol)
        if is_behind_proxy or self.address.ip_version == ip_version:
            return True
        return ip_version == 4 and not self.ipv6_only and self.address.host.is_unspecified

    def covers(self, address: SocketAddress) -> bool:
        """Whether a socket bound here, to the same port, is asked by who asks that address."""
        if self.address.ip_version == address.ip_version:
            return self.address.host.is_unspecified or self.address.host == address.host
        return self.address.ip_version == 6 and self.address.host.is_unspecified and not self.ipv6_only


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
    """What clients are told, whatever protocol they speak. Each protocol has its own."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpAnswers(Answers):
    """What clients are told over UDP."""

    connection_age_seconds_max: int = setting(
        2 * 60,
        "Accept a connection id for this long (seconds).",
        minimum=1,
        maximum=86_400,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswers(Answers):
    """What clients are told over HTTP. No datagram bounds these answers, so they may be longer."""

    response_peers_max: int = setting_again(Answers, "response_peers_max", 50)
    scrape_torrents_max: int = setting_again(Answers, "scrape_torrents_max", 100, maximum=INT32_MAX)
    announce_interval_seconds_min: int = setting(
        0,
        "Ask clients not to announce more often than this (seconds), which some take for the interval; 0: than at"
        " the interval that they are told.",
        minimum=0,
        maximum=INT32_MAX,
    )
    announce_interval_jitter_seconds: int = setting(
        0,
        "Add a random time of at most this (seconds) to each interval, so that clients that came together"
        " do not return together.",
        minimum=0,
        maximum=86_400,
    )
    large_swarm_peers_min: int = setting(
        0,
        "Torrents with this many peers are large: their clients have peers enough and may announce less"
        " often; 0: none is.",
        minimum=0,
        maximum=INT32_MAX,
    )
    large_swarm_announce_interval_seconds: int = setting(
        18 * 60,
        "Ask clients of large torrents to announce this often (seconds).",
        minimum=1,
        maximum=INT32_MAX,
    )
    not_allowed_retry_minutes: int = setting(
        60,
        "Ask clients of torrents that the access list forbids to come back after this time (minutes, BEP 31);"
        " 0: they are not asked.",
        minimum=0,
        maximum=7 * 1_440,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WsAnswers:
    """The WebTorrent tracker. Its peers are behind connections, not addresses: their swarms are apart from others."""

    announce_interval_seconds: int = setting_again(Answers, "announce_interval_seconds", 2 * 60)
    scrape_torrents_max: int = setting_again(Answers, "scrape_torrents_max", 255)
    offers_max: int = setting(
        10,
        "Most offers of an announce that are passed on, each to another peer; further ones are ignored.",
        minimum=0,
        maximum=64,
    )
    offer_age_seconds_max: int = setting(
        2 * 60,
        "Refuse answers to offers that were made longer ago (seconds).",
        minimum=1,
        maximum=86_400,
    )
    peer_age_seconds_max: int = setting_again(Swarm, "peer_age_seconds_max", 3 * 60)
    torrents_per_connection_max: int = setting(
        512,
        "Most torrents (and peer ids in them) of a connection; further ones are refused.",
        minimum=1,
        maximum=1_024,
    )
    # Unless its client announces, an idle connection says nothing, so this is longer than the interval.
    idle_seconds_max: int = setting(
        3 * 60,
        "Close WebSocket connections without a valid request, or that do not take what is sent, for this long"
        " (seconds).",
        minimum=1,
        maximum=86_400,
    )
    cleaning_interval_seconds: int = setting(
        30,
        "Look after each connection once in this time (seconds): what of its peers and offers is too old, and"
        " whether it may stay.",
        minimum=1,
        maximum=3_600,
    )
    tls_grace_seconds: int = setting(
        60 * 60 * 60,
        "Close WebSocket connections that began with another certificate so long after it was replaced"
        " (seconds).",
        minimum=0,
        maximum=INT32_MAX,
    )
    # Ten offers of a browser take 10 to 20 KB.
    message_bytes_max: int = setting(
        65_536,
        "Longest message of a client, of all its frames (bytes); longer ones end the connection.",
        minimum=1_024,
        maximum=65_536,
    )
    # What a worker reads at once must hold a frame with its header.
    frame_bytes_max: int = setting(
        65_512,
        "Longest frame of a client without its header (bytes); longer ones end the connection.",
        minimum=1_024,
        maximum=65_512,
    )
    # A burst of offers for a popular peer; an answer to a scrape of 255 torrents has up to 52,000.
    output_bytes_max: int = setting(
        65_536,
        "Most bytes of messages that wait for a client to read them; further ones for it are dropped.",
        minimum=4_096,
        maximum=65_536,
    )
    memory_bytes_max: int = setting(
        0,
        "Most memory for torrents, peers and offers (bytes); 0: a quarter of the machine's, or of what the"
        " control group may use.",
        minimum=0,
        maximum=MEMORY_BYTES_LIMIT,
    )

    def memory_bytes(self, usable_memory_bytes: int) -> int:
        """The bound on a machine with this memory."""
        return self.memory_bytes_max or min(usable_memory_bytes // 4, MEMORY_BYTES_LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """How many connections strangers may open, how long they may take, and what each may hold."""

    # An idle connection takes 2 KiB, with TLS 16 KiB: 64 MiB or half a gigabyte for a worker of which all are taken.
    # At a minute of keep-alive this is 500 new clients a second.
    per_worker_max: int = setting(
        32_768,
        "Most connections of a worker; a further one takes the place of an idle one of HTTP, or is closed at once."
        " Each needs a file descriptor.",
        minimum=1,
        maximum=1 << 20,
    )
    # One libtorrent client has up to 50 announces under way, and several share an address behind a carrier's NAT.
    per_address_max: int = setting(
        256,
        "Most connections of an IPv4 address, or of an IPv6 /64, to each worker, with four workers four times as"
        " many in all; 0: as many as they like. Trusted proxies are not counted.",
        minimum=0,
        maximum=1 << 20,
    )
    # A TLS handshake costs a third of a millisecond: one address can take 3 % of a core with them.
    new_per_address_per_second_max: int = setting(
        100,
        "Most new connections of an IPv4 address, or of an IPv6 /64, to each worker in a second, with four workers four"
        " times as many in all; 0: as many as they like. Trusted proxies are not counted.",
        minimum=0,
        maximum=1_000_000,
    )
    # Three round trips and a lost packet or two of a slow mobile client; what keeps a connection longer is an attack.
    handshake_seconds_max: int = setting(
        10,
        "Close connections that take longer for the PROXY header and the TLS handshake (seconds).",
        minimum=1,
        maximum=3_600,
    )
    header_seconds_max: int = setting(
        10,
        "Close connections that take longer to send a request, from its first byte on (seconds).",
        minimum=1,
        maximum=3_600,
    )
    # Clients that announce several torrents do so within seconds and then come back after the interval, far too late
    # to hold memory for; with TLS they resume at little cost.
    idle_seconds_max: int = setting(
        60,
        "Close connections without a valid request, or that do not take what is sent, for this long (seconds);"
        " those of WebSocket have their own.",
        minimum=1,
        maximum=86_400,
    )
    # Most requests have 300 to 800 bytes, but a scrape of 100 percent-encoded info hashes has 7,100.
    header_bytes_max: int = setting(
        8_192,
        "Longest request with its headers (bytes); longer ones are refused.",
        minimum=1_024,
        maximum=65_536,
    )
    # A scrape of 100 torrents takes up to 13,600, an announce of 50 IPv6 peers in their long form 3,900.
    output_bytes_max: int = setting(
        16_384,
        "Most bytes of responses that wait for a client to read them; its further requests wait with them.",
        minimum=4_096,
        maximum=65_536,
    )
    # 8 KiB for each connection, while only those that wait for the rest of a request or response have any.
    memory_bytes_max: int = setting(
        256 << 20,
        "Most memory of a worker for connections and what waits in them, without TLS (bytes).",
        minimum=1 << 20,
        maximum=MEMORY_BYTES_LIMIT,
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

    udp_count: int = setting(
        1,
        "Number of UDP workers; 0: one for each core that the process may use.",
        minimum=0,
        maximum=WORKERS_MAX,
    )
    stream_count: int = setting(
        1,
        "Number of workers for connections; 0: one for each core that the process may use.",
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
    udp: UdpAnswers = field(default_factory=UdpAnswers)
    http: HttpAnswers = field(default_factory=HttpAnswers)
    ws: WsAnswers = field(default_factory=WsAnswers)
    workers: Workers = field(default_factory=Workers)
    connections: Connections = field(default_factory=Connections)
    access_list: AccessList = field(default_factory=AccessList)
    statistics: Statistics = field(default_factory=Statistics)
    privileges: Privileges = field(default_factory=Privileges)
    scrape_exports: ScrapeExports = field(default_factory=ScrapeExports)
    downloads: Downloads = field(default_factory=Downloads)
    log_level: LogLevel = setting(LogLevel.ERROR, "How much is logged to standard error.")

    def speaks(self, protocol: Protocol) -> bool:
        """Whether any listener serves clients of that protocol."""
        return any(protocol in listener.protocols for listener in self.listeners)


@dataclass(frozen=True, slots=True)
class ModelField:
    """A field of one of the model's classes."""

    model_class: type
    name: str
    # Which of the listeners it is of; None: of all of them, or of no listener.
    listener: int | None = None

    def __post_init__(self) -> None:
        if self.name not in {known.name for known in fields(self.model_class)}:
            raise AttributeError(f"{self.model_class.__name__} has no field {self.name}")


def workers_on(count: int, usable_cores: frozenset[int]) -> int:
    """How many workers of a kind to start on a machine with these cores; `count` is what was configured."""
    return count or min(len(usable_cores), WORKERS_MAX)
