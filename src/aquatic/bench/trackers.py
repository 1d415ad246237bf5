"""The trackers that are measured, each a small class: how its program is found, configured and started.

A program is looked for on the path by the name that its class gives, unless the command line names another.
All are asked for the same: workers, intervals, ages, peers in an answer, and no limits by address, since all
load comes from few.
"""

import shlex
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from aquatic.bench.certificate import Certificate

Wire = Literal["udp", "http", "https", "ws", "wss"]
WIRES: tuple[Wire, ...] = get_args(Wire)
ANNOUNCE_INTERVAL_SECONDS = 900
PEERS_PER_ANSWER = 30
IDLE_SECONDS = 600
OFFERS_MAX = 10
# Where one must listen that nobody asks: chihaya serves no HTTPS without HTTP.
SOME_ADDRESS = "127.0.0.1:0"
# Ours only: the others have none.
CONNECTIONS_MAX = 1_000_000
CONNECTIONS_BYTES_MAX = 1 << 34
OUR_LIMITS = f"""\
[limits]
max_connections_per_worker = {CONNECTIONS_MAX}
max_connections_per_address = 0
max_new_connections_per_address_per_second = 0
max_connections_memory_bytes = {CONNECTIONS_BYTES_MAX}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What every tracker is asked for, as far as it can be told: the rest is as it comes."""

    wire: Wire
    port: int
    # Its own, for configuration and output.
    directory: Path
    # What is going to be announced, for trackers that serve listed torrents only.
    info_hashes: Iterable[bytes] = ()
    workers: int = 1
    peer_age_seconds_max: int = 7200
    cleaning_interval_seconds: int = 3600
    # An export at each cleaning.
    exports: bool = False
    metrics_port: int | None = None
    # With TLS.
    certificate: Certificate | None = None
    keep_alive: bool = True

    @property
    def spoken(self) -> str:
        """The protocol, whether within TLS or not."""
        return {"https": "http", "wss": "ws"}.get(self.wire, self.wire)

    @property
    def tls_paths(self) -> tuple[str, str]:
        """Of the certificate and its key; empty without TLS."""
        files = self.certificate
        return (str(files.certificate), str(files.private_key)) if files else ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracker(ABC):
    """A tracker as it can be started. One that is added says what is not as here, and `arguments`."""

    # As the command line and the reports call it.
    name: str
    wires: tuple[Wire, ...]
    # Its program is the first of these on the path, unless the command line names another.
    candidates: tuple[str, ...] = ()
    # Whether it can be told when peers and their memory go.
    expires: bool = True
    # With which its program prints its version; empty when it does not.
    version_arguments: tuple[str, ...] = ()
    # Whether a WebTorrent client's answer is answered too.
    acknowledges_answers: bool = False
    # Whether it gives peers on loopback another address, so that who they are can't be checked.
    renames_loopback: bool = False
    # The beginning of its command where none is looked for: what the command line named.
    named: tuple[str, ...] = ()

    def program(self) -> list[str] | None:
        """The beginning of its command; None when it is not here."""
        if not self.named:
            return found_programs(self.candidates)
        found = shutil.which(self.named[0])
        return [found, *self.named[1:]] if found else None

    @abstractmethod
    def arguments(self, serving: Serving) -> list[str]:
        """Writes what it needs into the directory; returns the rest of the command."""


def udp_layout(serving: Serving, *, network: str = "", statistics: str = "") -> str:
    """The file that a UDP tracker of the Rust aquatic's layout reads."""
    return f"""\
socket_workers = {serving.workers}
log_level = "error"
[network]
use_ipv6 = false
address_ipv4 = "127.0.0.1:{serving.port}"
{network}
[protocol]
max_response_peers = {PEERS_PER_ANSWER}
peer_announce_interval = {ANNOUNCE_INTERVAL_SECONDS}
[statistics]
interval = {5 if serving.metrics_port else 0}
{_prometheus(serving)}{statistics if serving.metrics_port else ""}
{_cleaning(serving)}
[scrape_exports]
enable_scrape_exports = {_toml(serving.exports)}
frequency = 1
path = "{serving.directory}/export.txt"
"""


def stream_layout(serving: Serving, *, limits: str = "") -> str:
    """The same of a tracker over HTTP or WebSocket."""
    certificate, private_key = serving.tls_paths
    address = f'"127.0.0.1:{serving.port}"'
    if serving.spoken == "http":
        network = f"use_ipv6 = false\naddress_ipv4 = {address}\nkeep_alive = {_toml(serving.keep_alive)}"
        protocol = f"max_peers = {PEERS_PER_ANSWER}"
    else:
        network = f"address = {address}"
        protocol = f"max_offers = {OFFERS_MAX}"
    return f"""\
socket_workers = {serving.workers}
swarm_workers = 1
log_level = "error"
[network]
{network}
enable_tls = {_toml(serving.certificate is not None)}
tls_certificate_path = "{certificate}"
tls_private_key_path = "{private_key}"
[protocol]
{protocol}
peer_announce_interval = {ANNOUNCE_INTERVAL_SECONDS}
[metrics]
{_prometheus(serving)}{_cleaning(serving)}max_connection_idle = {IDLE_SECONDS}
{limits}"""


def _prometheus(serving: Serving) -> str:
    return f"""\
run_prometheus_endpoint = {_toml(serving.metrics_port is not None)}
prometheus_endpoint_address = "127.0.0.1:{serving.metrics_port or 1}"
"""


def _cleaning(serving: Serving) -> str:
    return f"""\
[cleaning]
torrent_cleaning_interval = {serving.cleaning_interval_seconds}
max_peer_age = {serving.peer_age_seconds_max}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aquatic(Tracker):
    """Ours, as a replacement for the Rust trackers: each protocol's command reads their file."""

    name: str = "ours"
    wires: tuple[Wire, ...] = WIRES
    candidates: tuple[str, ...] = ("aquatic",)
    version_arguments: tuple[str, ...] = ("-v",)

    def arguments(self, serving: Serving) -> list[str]:
        """The command of the protocol, and its file."""
        path = serving.directory / "aquatic.toml"
        if serving.wire == "udp":
            path.write_text(udp_layout(serving, statistics="response_latency = true"))
        else:
            path.write_text(stream_layout(serving, limits=OUR_LIMITS))
        return [serving.spoken, "-c", str(path)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AquaticServe(Tracker):
    """Ours, with every protocol's machinery in one process and the file of its own."""

    name: str = "ours-serve"
    wires: tuple[Wire, ...] = WIRES
    candidates: tuple[str, ...] = ("aquatic",)
    version_arguments: tuple[str, ...] = ("-v",)

    def arguments(self, serving: Serving) -> list[str]:
        """One listener."""
        certificate, private_key = serving.tls_paths
        path = serving.directory / "aquatic.toml"
        path.write_text(f"""\
[[listen]]
address = "127.0.0.1:{serving.port}"
protocols = ["{serving.spoken}"]
tls = {_toml(serving.certificate is not None)}
tls_certificate_path = "{certificate}"
tls_private_key_path = "{private_key}"
keep_alive = {_toml(serving.keep_alive)}
[swarm]
peer_age_seconds_max = {serving.peer_age_seconds_max}
cleaning_interval_seconds = {serving.cleaning_interval_seconds}
[udp]
announce_interval_seconds = {ANNOUNCE_INTERVAL_SECONDS}
response_peers_max = {PEERS_PER_ANSWER}
[http]
announce_interval_seconds = {ANNOUNCE_INTERVAL_SECONDS}
response_peers_max = {PEERS_PER_ANSWER}
[workers]
udp_count = {serving.workers}
stream_count = {serving.workers}
[connections]
per_worker_max = {CONNECTIONS_MAX}
per_address_max = 0
new_per_address_per_second_max = 0
idle_seconds_max = {IDLE_SECONDS}
memory_bytes_max = {CONNECTIONS_BYTES_MAX}
[statistics]
interval_seconds = {5 if serving.metrics_port else 0}
prometheus = {_toml(serving.metrics_port is not None)}
prometheus_address = "127.0.0.1:{serving.metrics_port or 1}"
""")
        return ["serve", "-c", str(path)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RustAquatic(Tracker):
    """One of the Rust aquatic's programs."""

    network: str = ""
    version_arguments: tuple[str, ...] = ("-v",)

    def arguments(self, serving: Serving) -> list[str]:
        """Its file."""
        path = serving.directory / "aquatic.toml"
        is_udp = serving.wire == "udp"
        path.write_text(udp_layout(serving, network=self.network) if is_udp else stream_layout(serving))
        return ["-c", str(path)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opentracker(Tracker):
    """As Debian packages it, serving listed torrents only, so that each request pays for a look-up; or open."""

    name: str = "opentracker"
    candidates: tuple[str, ...] = ("opentracker",)
    is_listed: bool = True
    # It closes every connection after its answer.
    wires: tuple[Wire, ...] = ("udp", "http")
    expires: bool = False

    def arguments(self, serving: Serving) -> list[str]:
        """Configured by a file and a list of the torrents; it changes into its directory as nobody."""
        serving.directory.chmod(0o755)
        if serving.wire == "udp":
            listen = f"listen.udp.workers {serving.workers}\nlisten.udp 127.0.0.1:{serving.port}\n"
        else:
            listen = f"listen.tcp 127.0.0.1:{serving.port}\n"
        if self.is_listed:
            with (serving.directory / "whitelist.txt").open("w") as whitelist:
                whitelist.writelines(f"{info_hash.hex()}\n" for info_hash in serving.info_hashes)
            listen += "access.whitelist whitelist.txt\n"
        path = serving.directory / "opentracker.conf"
        path.write_text(f"{listen}tracker.rootdir {serving.directory}\ntracker.user nobody\n")
        return ["-f", str(path)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chihaya(Tracker):
    """It has as many threads as it has cores."""

    name: str = "chihaya"
    wires: tuple[Wire, ...] = ("udp", "http", "https")
    candidates: tuple[str, ...] = ("chihaya",)

    def arguments(self, serving: Serving) -> list[str]:
        """Configured by a file in which what is missing is off."""
        certificate, private_key = serving.tls_paths
        address = f"127.0.0.1:{serving.port}"
        numbers = f"""
    max_numwant: {PEERS_PER_ANSWER}
    default_numwant: {PEERS_PER_ANSWER}
    max_scrape_infohashes: 100
"""
        http = f"""
  http:
    addr: "{address if serving.wire == "http" else SOME_ADDRESS}"
    https_addr: "{address if serving.wire == "https" else ""}"
    tls_cert_path: "{certificate}"
    tls_key_path: "{private_key}"
    read_timeout: "{IDLE_SECONDS}s"
    write_timeout: "{IDLE_SECONDS}s"
    idle_timeout: "{IDLE_SECONDS}s"
    enable_keepalive: {_toml(serving.keep_alive)}
    announce_routes: ["/announce"]
    scrape_routes: ["/scrape"]{numbers}"""
        udp = f"""
  udp:
    addr: "{address}"
    max_clock_skew: "10s"
    private_key: "for measurements only"{numbers}"""
        path = serving.directory / "chihaya.yaml"
        path.write_text(f"""\
chihaya:
  announce_interval: "{ANNOUNCE_INTERVAL_SECONDS}s"
  min_announce_interval: "{ANNOUNCE_INTERVAL_SECONDS}s"
  metrics_addr: "{SOME_ADDRESS}"{udp if serving.wire == "udp" else http}
  storage:
    name: memory
    config:
      gc_interval: "{serving.cleaning_interval_seconds}s"
      peer_lifetime: "{serving.peer_age_seconds_max}s"
      shard_count: 1024
      prometheus_reporting_interval: "600s"
""")
        return ["--config", str(path)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Torrust(Tracker):
    """It has as many threads as it has cores, and a database that stays empty."""

    name: str = "torrust"
    wires: tuple[Wire, ...] = ("udp", "http", "https")
    candidates: tuple[str, ...] = ("torrust-tracker",)
    # It has them all at one address, and takes one with the asker's port for the asker: its answers are short.
    renames_loopback: bool = True

    def arguments(self, serving: Serving) -> list[str]:
        """Its file lies where it looks for one if it is told nothing."""
        certificate, private_key = serving.tls_paths
        tls = f"""
[http_trackers.tsl_config]
ssl_cert_path = "{certificate}"
ssl_key_path = "{private_key}"
"""
        kind = "udp_trackers" if serving.wire == "udp" else "http_trackers"
        path = serving.directory / "share/default/config/tracker.development.sqlite3.toml"
        path.parent.mkdir(parents=True)
        path.write_text(f"""\
[metadata]
app = "torrust-tracker"
purpose = "configuration"
schema_version = "2.0.0"
[logging]
threshold = "error"
[core]
listed = false
private = false
tracker_usage_statistics = false
inactive_peer_cleanup_interval = {serving.cleaning_interval_seconds}
[core.announce_policy]
interval = {ANNOUNCE_INTERVAL_SECONDS}
interval_min = {ANNOUNCE_INTERVAL_SECONDS}
[core.database]
path = "{serving.directory}/database"
[core.tracker_policy]
max_peer_timeout = {serving.peer_age_seconds_max}
persistent_torrent_completed_stat = false
remove_peerless_torrents = true
[[{kind}]]
bind_address = "127.0.0.1:{serving.port}"
{tls if serving.certificate else ""}
""")
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Npm(Tracker):
    """The tracker of WebTorrent's authors; how long peers live is not to be told."""

    name: str = "npm"
    wires: tuple[Wire, ...] = ("udp", "http", "ws")
    candidates: tuple[str, ...] = ("bittorrent-tracker",)
    expires: bool = False

    def arguments(self, serving: Serving) -> list[str]:
        """By arguments alone."""
        hosts = ["--http-hostname", "127.0.0.1", "--udp-hostname", "127.0.0.1", "--udp6-hostname", "::1"]
        interval = str(ANNOUNCE_INTERVAL_SECONDS * 1000)
        return [
            f"--{serving.wire}", "--port", str(serving.port), *hosts, "--interval", interval, "--no-stats", "--quiet",
        ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder(Tracker):
    """No tracker: what the kernel alone costs, with one answer for everybody."""

    name: str = "responder"
    wires: tuple[Wire, ...] = ("http",)
    named: tuple[str, ...] = (sys.executable, "-m", "aquatic.bench.respond")
    expires: bool = False

    def arguments(self, serving: Serving) -> list[str]:
        """It needs no file."""
        return [str(serving.port), *([] if serving.keep_alive else ["--close"])]


TRACKERS: Mapping[str, Tracker] = {
    tracker.name: tracker
    for tracker in (
        Aquatic(),
        AquaticServe(),
        RustAquatic(name="aquatic-mio", wires=("udp",), candidates=("aquatic_udp_mio", "aquatic_udp")),
        RustAquatic(
            name="aquatic-io-uring",
            wires=("udp",),
            candidates=("aquatic_udp_uring",),
            network="use_io_uring = true",
        ),
        RustAquatic(name="aquatic-http", wires=("http", "https"), candidates=("aquatic_http",)),
        RustAquatic(
            name="aquatic-ws", wires=("ws", "wss"), candidates=("aquatic_ws",), acknowledges_answers=True
        ),
        Opentracker(),
        Opentracker(name="opentracker-open", candidates=("opentracker_open",), is_listed=False),
        Chihaya(),
        Torrust(),
        Npm(),
        Responder(),
    )
}


def choose(names: Sequence[str], programs: Sequence[str], wire: Wire) -> tuple[list[Tracker], list[str]]:
    """The named trackers that are here and speak this, and a line for each that is not or does not.

    `programs`: `NAME=COMMAND`, a shell-like command line in place of the program on the path. ValueError.
    """
    by_name = dict(TRACKERS)
    for text in programs:
        name, equals, command = text.partition("=")
        if not equals or not command or name not in by_name:
            raise ValueError(f"{text!r} is not NAME=COMMAND with one of {', '.join(by_name)}")
        by_name[name] = replace(by_name[name], named=tuple(shlex.split(command)))
    if unknown := set(names) - set(by_name):
        raise ValueError(f"no such tracker: {', '.join(sorted(unknown))}; there are {', '.join(by_name)}")
    found, missing = [], []
    for tracker in (by_name[name] for name in names):
        if wire not in tracker.wires:
            missing.append(f"{tracker.name} does not speak {wire} and was skipped")
        elif tracker.program() is None:
            missing.append(f"{tracker.name} is not here and was skipped")
        else:
            found.append(tracker)
    return found, missing


def found_programs(candidates: Sequence[str]) -> list[str] | None:
    """The first that is on the path, or beside this interpreter in a virtual environment that is not."""
    beside = str(Path(sys.executable).parent)
    for program in candidates:
        if found := shutil.which(program) or shutil.which(program, path=beside):
            return [found]
    return None


def _toml(value: bool) -> str:
    return "true" if value else "false"
