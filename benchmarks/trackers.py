"""The trackers that are measured, each a small class: how its program is found, configured and started.

A program is looked for on the path by the name that its class gives, unless the command line names another.
"""

import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What every tracker is asked for, as far as it can be told: the rest is as it comes."""

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


class Tracker(Protocol):
    """A tracker as it can be started."""

    @property
    def name(self) -> str:
        """As the command line and the reports call it."""

    @property
    def expires(self) -> bool:
        """Whether it can be told when peers and their memory go."""

    def program(self) -> list[str] | None:
        """The beginning of its command; None when it is not here."""

    def arguments(self, serving: Serving) -> list[str]:
        """Writes what it needs into the directory; returns the rest of the command."""


@dataclass(frozen=True, slots=True)
class Aquatic:
    """Ours and the Rust aquatic: they read the same file."""

    name: str
    candidates: tuple[str, ...]
    program_arguments: tuple[str, ...] = ()
    network: str = ""
    statistics: str = ""  # where metrics are asked for
    expires: bool = True

    def program(self) -> list[str] | None:
        """The first candidate that is there."""
        found = next(filter(None, map(_find, self.candidates)), None)
        return [found, *self.program_arguments] if found else None

    def arguments(self, serving: Serving) -> list[str]:
        """Configured by a file in the layout of the Rust tracker."""
        path = serving.directory / "aquatic.toml"
        metrics = serving.metrics_port
        path.write_text(f"""\
socket_workers = {serving.workers}
log_level = "error"
[network]
use_ipv6 = false
address_ipv4 = "127.0.0.1:{serving.port}"
{self.network}
[statistics]
interval = {5 if metrics else 0}
run_prometheus_endpoint = {_toml(metrics is not None)}
prometheus_endpoint_address = "127.0.0.1:{metrics or 1}"
{self.statistics if metrics else ""}
[cleaning]
torrent_cleaning_interval = {serving.cleaning_interval_seconds}
max_peer_age = {serving.peer_age_seconds_max}
[scrape_exports]
enable_scrape_exports = {_toml(serving.exports)}
frequency = 1
path = "{serving.directory}/export.txt"
""")
        return ["-c", str(path)]


@dataclass(frozen=True, slots=True)
class Opentracker:
    """Debian's package: built to serve listed torrents only, so each request pays for a look-up."""

    name: str = "opentracker"
    expires: bool = False

    def program(self) -> list[str] | None:
        """On the path."""
        found = _find("opentracker")
        return [found] if found else None

    def arguments(self, serving: Serving) -> list[str]:
        """Configured by a file and a list of the torrents; it changes into its directory as nobody."""
        serving.directory.chmod(0o755)
        with (serving.directory / "whitelist.txt").open("w") as whitelist:
            whitelist.writelines(f"{info_hash.hex()}\n" for info_hash in serving.info_hashes)
        path = serving.directory / "opentracker.conf"
        path.write_text(f"""\
listen.udp.workers {serving.workers}
listen.udp 127.0.0.1:{serving.port}
access.whitelist whitelist.txt
tracker.rootdir {serving.directory}
tracker.user nobody
""")
        return ["-f", str(path)]


@dataclass(frozen=True, slots=True)
class Named:
    """A tracker whose program the command line names."""

    tracker: Tracker
    command: tuple[str, ...]

    @property
    def name(self) -> str:
        """As without the name."""
        return self.tracker.name

    @property
    def expires(self) -> bool:
        """As without the name."""
        return self.tracker.expires

    def program(self) -> list[str] | None:
        """What was named, if it is there."""
        found = shutil.which(self.command[0])
        return [found, *self.command[1:]] if found else None

    def arguments(self, serving: Serving) -> list[str]:
        """As without the name."""
        return self.tracker.arguments(serving)


TRACKERS: tuple[Tracker, ...] = (
    Aquatic("ours", ("aquatic",), ("udp",), statistics="response_latency = true"),
    Aquatic("aquatic-mio", ("aquatic_udp_mio", "aquatic_udp")),
    Aquatic("aquatic-io-uring", ("aquatic_udp_uring",), network="use_io_uring = true"),
    Opentracker(),
)


def choose(names: Sequence[str], commands: Sequence[str]) -> tuple[list[Tracker], list[str]]:
    """The named trackers that are here, and a line for each that is not.

    `commands`: `NAME=COMMAND`, a shell-like command line in place of the program on the path. ValueError.
    """
    by_name = {tracker.name: tracker for tracker in TRACKERS}
    for text in commands:
        name, equals, command = text.partition("=")
        if not equals or not command or name not in by_name:
            raise ValueError(f"{text!r} is not NAME=COMMAND with one of {', '.join(by_name)}")
        by_name[name] = Named(by_name[name], tuple(shlex.split(command)))
    if unknown := set(names) - set(by_name):
        raise ValueError(f"no such tracker: {', '.join(sorted(unknown))}; there are {', '.join(by_name)}")
    found = [by_name[name] for name in names if by_name[name].program()]
    missing = [f"{name} is not here and was skipped" for name in names if not by_name[name].program()]
    return found, missing


def _find(program: str) -> str | None:
    """On the path, or beside this interpreter in a virtual environment that is not."""
    return shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))


def _toml(value: bool) -> str:
    return "true" if value else "false"
