"""The command line: everything that is decided before a tracker starts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import aquatic
from aquatic.control.compat_udp import UDP_FORMAT
from aquatic.control.machine import usable_cores
from aquatic.control.model import Configuration, LogLevel
from aquatic.control.printing import print_loaded
from aquatic.control.setting import one_line
from aquatic.control.toml_file import ConfigurationError, no_file, read_toml_file

FAILED = 1


class ArgumentParser(argparse.ArgumentParser):
    """Reports wrong arguments as every other error is reported."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit."""
        self.exit(FAILED, f"Error: {one_line(message)}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the process's exit code; wrong arguments raise SystemExit."""
    options = _parser().parse_args(arguments)
    exit_code: int = options.run(options)
    return exit_code


def _parser() -> argparse.ArgumentParser:
    version = f"aquatic {aquatic.__version__}"
    parser = ArgumentParser(prog="aquatic", description=aquatic.__doc__, allow_abbrev=False)
    parser.add_argument("-v", "--version", action="version", version=version, help="print the version")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    udp = commands.add_parser(
        "udp",
        help="serve BitTorrent clients over UDP",
        description="The UDP tracker. SIGUSR1 reads the access list again, SIGTERM and SIGINT end it.",
        allow_abbrev=False,
    )
    udp.set_defaults(run=_udp)
    udp.add_argument("-v", "--version", action="version", version=version, help="print the version")
    udp.add_argument("-c", "--config-file", type=Path, metavar="FILE", help="configuration to run with")
    udp.add_argument("-p", "--print-config", action="store_true", help="print the default configuration")
    udp.add_argument("-P", dest="print_parsed", action="store_true", help="print the configuration, then run")
    return parser


def _udp(options: argparse.Namespace) -> int:
    """Serve over UDP, or print the default configuration."""
    cores = usable_cores()
    if options.print_config:
        default = UDP_FORMAT.load(no_file(), cores)
        print(print_loaded(default, "The default configuration of aquatic udp."), end="")
        return 0
    try:
        file = read_toml_file(options.config_file) if options.config_file else no_file()
        loaded = UDP_FORMAT.load(file, cores)
    except ConfigurationError as error:
        print(*(f"Error: {problem}" for problem in error.problems), sep="\n", file=sys.stderr)
        return FAILED
    if loaded.configuration.log_level is not LogLevel.OFF:
        for warning in loaded.warnings:
            print(f"Warning: {warning}", file=sys.stderr)
    if options.print_parsed:
        print(print_loaded(loaded, "Running with this configuration."), flush=True)
    return _run_udp(loaded.configuration)


def _run_udp(configuration: Configuration) -> int:
    # Only here: a file is checked, and help printed, without loading what serves.
    from aquatic.control.supervisor import run_udp  # noqa: PLC0415

    return run_udp(configuration)
