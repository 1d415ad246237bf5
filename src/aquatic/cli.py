"""The command line: everything that is decided before a tracker starts."""

from __future__ import annotations

import argparse
import functools
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import aquatic
from aquatic.control.compat import RustFormat
from aquatic.control.compat_http import HTTP_FORMAT
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.compat_ws import WS_FORMAT
from aquatic.control.convert import RUST_FORMATS, convert, format_of
from aquatic.control.layout import Loaded
from aquatic.control.machine import usable_cores
from aquatic.control.model import Configuration, LogLevel
from aquatic.control.native import load_native
from aquatic.control.printing import print_loaded
from aquatic.control.setting import one_line
from aquatic.control.toml_file import ConfigurationError, Problem, TomlFile, no_file, read_toml_file

FAILED = 1
BENCH = "bench"
ENDS = "SIGTERM and SIGINT end it."
VERSION = f"aquatic {aquatic.__version__}"


class ArgumentParser(argparse.ArgumentParser):
    """Reports wrong arguments as every other error is reported."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit."""
        self.exit(FAILED, f"Error: {one_line(message)}; see {self.prog} --help\n")


@dataclass(frozen=True, slots=True)
class TrackerCommand:
    """A command that serves with a file of some format."""

    name: str
    help: str
    description: str
    load: Callable[[TomlFile, frozenset[int]], Loaded]


TRACKER_COMMANDS = (
    TrackerCommand(
        "udp",
        "serve BitTorrent clients over UDP",
        f"The UDP tracker. SIGUSR1 reads the access list again, {ENDS}",
        UDP_FORMAT.load,
    ),
    TrackerCommand(
        "http",
        "serve BitTorrent clients over HTTP",
        f"The HTTP tracker. SIGUSR1 reads the access list and the TLS certificate again, {ENDS}",
        HTTP_FORMAT.load,
    ),
    TrackerCommand(
        "ws",
        "serve WebTorrent clients over WebSocket",
        f"The WebTorrent tracker. SIGUSR1 reads the access list and the TLS certificate again, {ENDS}",
        WS_FORMAT.load,
    ),
    TrackerCommand(
        "serve",
        "serve BitTorrent clients over every protocol in one process",
        "The tracker for every protocol. SIGUSR1 reads the access list and the TLS certificates"
        f" again, {ENDS}",
        load_native,
    ),
)

# What each of them loads.
LOAD_TESTS = {"udp": "UDP", "http": "HTTP, plain or TLS", "ws": "WebSockets (WebTorrent), plain or TLS"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the process's exit code; wrong arguments raise SystemExit."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == [BENCH]:
        return _bench(words[1:])
    options = _parser().parse_args(words)
    try:
        exit_code: int = options.run(options)
    except ConfigurationError as error:
        _say("Error", error.problems)
        return FAILED
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="aquatic", description=aquatic.__doc__, allow_abbrev=False)
    _add_version(parser)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in TRACKER_COMMANDS:
        tracker = commands.add_parser(
            command.name, help=command.help, description=command.description, allow_abbrev=False
        )
        _add_version(tracker)
        tracker.set_defaults(run=functools.partial(_serve, command))
        _add_file_options(tracker)
    _add_load_test(commands)
    configuration = commands.add_parser("config", help="work with configuration files", allow_abbrev=False)
    _add_convert(configuration.add_subparsers(title="commands", required=True, metavar="COMMAND"))
    commands.add_parser(BENCH, help="measure trackers side by side on this machine")
    return parser


def _add_load_test(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    parser = commands.add_parser(
        "load-test",
        help="load a tracker of yours with requests, and see that every answer can be right",
        description="Asks a tracker as its clients would, many of them, checks what it answers and reports.",
        allow_abbrev=False,
    )
    protocols = parser.add_subparsers(title="protocols", required=True, metavar="PROTOCOL")
    for name, transport in LOAD_TESTS.items():
        test = protocols.add_parser(
            name,
            help=f"over {transport}",
            description="Load until the configured end or SIGINT, then a report. Exit code 1: there was no load;"
            " 2: an answer was wrong or is missing.",
            allow_abbrev=False,
        )
        _add_version(test)
        _add_file_options(test)
        test.add_argument(
            "--json", type=Path, metavar="FILE", help="write the result and the whole configuration there too"
        )
        test.add_argument(
            "--target-is-mine",
            action="store_true",
            help="allow a target that is not this machine's loopback",
        )
        test.set_defaults(run=functools.partial(_load_test, name))


def _load_test(name: str, options: argparse.Namespace) -> int:
    # As with a tracker: help does not need what loads.
    from aquatic.loadtest import command  # noqa: PLC0415

    return command.run(name, options)


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-c", "--config-file", type=Path, metavar="FILE", help="configuration to run with")
    add("-p", "--print-config", action="store_true", help="print the default configuration")
    add("-P", dest="print_parsed", action="store_true", help="print the configuration, then run")


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-v", "--version", action="version", version=VERSION, help="print the version")


def _add_convert(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    parser = commands.add_parser(
        "convert",
        help="make one native file of the Rust trackers' files",
        description="Prints one native file with the listeners of all files; HTTP and WebSocket on one address share"
        " one. Of what the files say differently a value that is no default wins, then a written one, then the first"
        " file's, and what is left out is reported. The access list, privileges, files and the Prometheus endpoint"
        " come whole from one file; files that contradict each other there are refused.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=functools.partial(_convert, parser))
    for name in RUST_FORMATS:
        text = f"a file of aquatic_{name}, where its keys do not tell"
        parser.add_argument(f"--{name}", action="append", default=[], type=Path, metavar="FILE", help=text)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a file of any of them")


def _serve(command: TrackerCommand, options: argparse.Namespace) -> int:
    """Serve, or print the default configuration."""
    cores = usable_cores()
    if options.print_config:
        default = command.load(no_file(), cores)
        print(print_loaded(default, f"The default configuration of aquatic {command.name}."), end="")
        return 0
    file = read_toml_file(options.config_file) if options.config_file else no_file()
    loaded = command.load(file, cores)
    if loaded.configuration.log_level is not LogLevel.OFF:
        _say("Warning", loaded.warnings)
    if options.print_parsed:
        print(print_loaded(loaded, "Running with this configuration."), flush=True)
    return _run(loaded.configuration)


def _run(configuration: Configuration) -> int:
    # Only here: a file is checked, and help printed, without loading what serves.
    from aquatic.control.supervisor import run  # noqa: PLC0415

    return run(configuration)


def _bench(words: Sequence[str]) -> int:
    # Only here: nothing else loads the generators, and it has a parser of its own.
    from aquatic.bench.command import main as bench  # noqa: PLC0415

    # The trackers that it starts end with it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return bench(words, ArgumentParser(prog=f"aquatic {BENCH}", allow_abbrev=False))


def _convert(parser: ArgumentParser, options: argparse.Namespace) -> int:
    """Print a native file made of the Rust trackers'."""
    cores = usable_cores()
    named = [(path, rust) for name, rust in RUST_FORMATS.items() for path in getattr(options, name)]
    paths = [*named, *((path, None) for path in options.files)]
    if not paths:
        parser.error("there is no file to convert")
    files = _load_all(paths, cores)
    converted = convert(files, cores)
    _say("Warning", converted.warnings)
    print(converted.text, end="")
    return 0


def _load_all(paths: Iterable[tuple[Path, RustFormat | None]], cores: frozenset[int]) -> list[Loaded]:
    """All of the files, or what is wrong with all of them."""
    loaded: list[Loaded] = []
    problems: list[Problem] = []
    for path, rust in paths:
        try:
            file = read_toml_file(path)
            loaded.append((rust or format_of(file)).load(file, cores))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return loaded


def _say(kind: str, problems: Iterable[Problem]) -> None:
    for problem in problems:
        print(f"{kind}: {problem}", file=sys.stderr)
