"""The command line, mostly as processes: what is printed where, and the exit codes."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import aquatic
from aquatic import cli
from aquatic.control.machine import usable_cores
from aquatic.control.model import Configuration
from aquatic.control.native import load_native
from aquatic.control.reference import reference
from aquatic.control.toml_file import no_file, parse_toml

ROOT = Path(__file__).parents[2]
LOADS = {command.name: command.load for command in cli.TRACKER_COMMANDS}
DEFAULTS = {name: load(no_file(), usable_cores()).configuration for name, load in LOADS.items()}


def run(*arguments: str | Path) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "aquatic", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Configuration]:
    """What would have been run, by a supervisor that ends at once with exit code 7."""
    configurations: list[Configuration] = []
    supervisor = ModuleType("aquatic.control.supervisor")

    def run(configuration: Configuration) -> int:
        configurations.append(configuration)
        return 7

    vars(supervisor)["run"] = run
    monkeypatch.setitem(sys.modules, supervisor.__name__, supervisor)
    return configurations


@pytest.mark.parametrize(
    "arguments",
    [
        ["-v"],
        ["--version"],
        ["udp", "-v"],
        ["http", "--version", "-p"],
        ["serve", "-v"],
        ["load-test", "udp", "-v"],
    ],
)
def test_the_version(arguments: list[str]) -> None:
    assert run(*arguments) == (0, f"aquatic {aquatic.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-h"],
        ["--help"],
        ["udp", "-h"],
        ["http", "-h"],
        ["ws", "-h"],
        ["serve", "-h"],
        ["load-test", "-h"],
        ["load-test", "udp", "-h"],
        ["load-test", "http", "-h"],
        ["config", "-h"],
        ["config", "convert", "-h"],
    ],
)
def test_help(arguments: list[str]) -> None:
    status, output, errors = run(*arguments)
    assert (status, errors) == (0, "")
    assert output.startswith("usage: aquatic")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "the following arguments are required: COMMAND; see aquatic --help"),
        (
            ["tcp"],
            "argument COMMAND: invalid choice: 'tcp' (choose from 'udp', 'http', 'ws', 'serve', 'load-test',"
            " 'config', 'bench'); see aquatic --help",
        ),
        (["udp", "-x"], "unrecognized arguments: -x; see aquatic --help"),
        (["udp", "--print"], "unrecognized arguments: --print; see aquatic --help"),
        (["udp", "a\nb"], "unrecognized arguments: a\\nb; see aquatic --help"),
        (["config"], "the following arguments are required: COMMAND; see aquatic config --help"),
        (["config", "convert"], "there is no file to convert; see aquatic config convert --help"),
        (["udp", "-c"], "argument -c/--config-file: expected one argument; see aquatic udp --help"),
    ],
)
def test_wrong_arguments(arguments: list[str], error: str) -> None:
    status, output, errors = run(*arguments)
    assert (status, output) == (1, "")
    # Later versions of Python leave out the quotes around choices.
    assert errors.replace("'", "") == f"Error: {error}\n".replace("'", "")


@pytest.mark.parametrize("command", LOADS)
def test_the_printed_default_reads_as_the_default(
    command: str, tmp_path: Path, started: list[Configuration]
) -> None:
    status, output, errors = run(command, "-p")
    assert (status, errors) == (0, "")
    assert output.startswith(f"# The default configuration of aquatic {command}.\n")
    path = tmp_path / "default.toml"
    path.write_text(output)
    assert cli.main([command, "-c", str(path)]) == 7
    assert started == [DEFAULTS[command]]


def test_a_bad_file_is_told_on_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("socket_worker = 1\nlog_level = 4\n")
    assert run("udp", "-c", path) == (
        1,
        "",
        f"Error: {path}:1: socket_worker: unknown key; did you mean socket_workers?\n"
        f"Error: {path}:2: log_level: expected a string, found an integer\n",
    )


@pytest.mark.parametrize("name", ["missing.toml", "line\nbreak\udcff.toml", ""])
def test_an_unreadable_file(name: str, tmp_path: Path) -> None:
    status, output, errors = run("udp", "--config-file", tmp_path / name)
    assert (status, output) == (1, "")
    assert errors.startswith(f"Error: {tmp_path}")
    assert "the file can't be read: " in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("command", LOADS)
def test_without_a_file_the_default_is_run(command: str, started: list[Configuration]) -> None:
    assert cli.main([command]) == 7
    assert started == [DEFAULTS[command]]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("udp", "cleaning.max_peer_age = 4000"),
        ("http", "cleaning.max_peer_age = 4000"),
        ("ws", "cleaning.max_peer_age = 4000"),
        ("serve", "swarm.peer_age_seconds_max = 4000"),
    ],
)
def test_the_parsed_configuration_is_printed_before_the_run(
    command: str,
    line: str,
    tmp_path: Path,
    started: list[Configuration],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "a.toml"
    path.write_text(line)
    assert cli.main([command, "-P", "-c", str(path)]) == 7
    printed = capsys.readouterr().out
    assert LOADS[command](parse_toml("t", printed.encode()), usable_cores()).configuration == started[0]
    part = started[0].ws if command == "ws" else started[0].swarm
    assert part.peer_age_seconds_max == 4000
    assert line.partition(".")[2] in printed


@pytest.mark.parametrize(("log_level", "is_said"), [("error", True), ("off", False)])
def test_warnings_are_said_at_start(
    log_level: str,
    is_said: bool,
    tmp_path: Path,
    started: list[Configuration],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "a.toml"
    path.write_text(f"log_level = '{log_level}'\nnetwork.ring_size = 1\n")
    assert cli.main(["udp", "-c", str(path)]) == 7
    warning = f"Warning: {path}:2: network.ring_size has no effect: there is no io_uring here\n"
    assert capsys.readouterr().err == (warning if is_said else "")
    assert len(started) == 1


def test_the_documented_configuration_is_that_of_the_code() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference(), "write it anew with: make docs"


@pytest.fixture
def rust_files(tmp_path: Path) -> tuple[Path, Path]:
    """One of aquatic_udp and one of aquatic_http, of which only the first can be told by its keys."""
    paths = tmp_path / "udp.toml", tmp_path / "http.toml"
    paths[0].write_text("log_level = 'info'\nnetwork.address = '127.0.0.1:1'\nnetwork.ring_size = 1\n")
    paths[1].write_text("log_level = 'info'\nnetwork.address = '127.0.0.1:2'\n")
    return paths


def test_conversion_prints_a_native_file_and_says_what_is_lost(rust_files: tuple[Path, Path]) -> None:
    udp, http = rust_files
    status, output, errors = run("config", "convert", udp, "--http", http)
    assert status == 0
    listeners = load_native(parse_toml("t", output.encode()), usable_cores()).configuration.listeners
    # Files that were named with their tracker go first.
    assert [str(listener.address) for listener in listeners] == ["127.0.0.1:2", "127.0.0.1:1"]
    assert output.startswith(f"# Converted from {http} and {udp}.\n")
    assert all(line.startswith("Warning: ") for line in errors.splitlines())
    assert f"Warning: {udp}:3: network.ring_size has no effect: there is no io_uring here\n" in errors


def test_conversion_tells_what_is_wrong_with_all_files(rust_files: tuple[Path, Path], tmp_path: Path) -> None:
    udp, http = rust_files
    udp.write_text("network.ring_size = 'a'")
    assert run("config", "convert", udp, http, tmp_path / "none") == (
        1,
        "",
        f"Error: {udp}:1: network.ring_size: expected an integer, found a string\n"
        f"Error: {http}: its keys do not tell which tracker it is for; name it after --udp, --http or --ws\n"
        f"Error: {tmp_path}/none: the file can't be read: No such file or directory\n",
    )
