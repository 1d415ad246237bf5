"""tools/cython translates a module once, and again when anything changed that it is made of."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tools.tidy import ROOT

# Notes that it was called, and writes what it read.
STAND_IN = """#!/bin/sh
echo "$*" >>"$0.calls"
[ "$1" != --version ] || exit 0
for output; do :; done
cat body.py >"$output"
echo "$output: body.py" >"$output.dep"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("tools", ".venv/bin", "src", "fuzz", "tests/sanitizer", "build/one", "build/other"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "cython", tmp_path / "tools")
    stand_in = tmp_path / ".venv" / "bin" / "cython"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    (tmp_path / "src" / "a.pxd").write_text("header")
    return tmp_path


def translate(tree: Path, build: str, body: str, flag: str = "-3") -> str:
    """What is made of the body in a build, with what it depends on; nothing of an earlier run is there."""
    folder = tree / "build" / build
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "body.py").write_text(body)
    subprocess.run(
        [tree / "tools" / "cython", flag, "body.py", "--output-file", "body.c"], check=True, cwd=folder
    )
    return (folder / "body.c").read_text() + (folder / "body.c.dep").read_text()


def calls(tree: Path) -> int:
    return len((tree / ".venv" / "bin" / "cython.calls").read_text().splitlines())


def test_what_one_build_translated_another_takes(tree: Path) -> None:
    assert translate(tree, "one", "x") == translate(tree, "other", "x") == "xbody.c: body.py\n"
    assert calls(tree) == 1


def test_whatever_it_is_made_of_counts(tree: Path) -> None:
    translate(tree, "one", "x")
    assert translate(tree, "one", "y").startswith("y")
    (tree / "src" / "a.pxd").write_text("another")
    translate(tree, "one", "y")
    translate(tree, "one", "y", flag="-2")
    (tree / ".venv" / "lib" / "python3" / "site-packages" / "cython-9.dist-info").mkdir(parents=True)
    translate(tree, "one", "y", flag="-2")
    assert calls(tree) == 5
    translate(tree, "other", "x")
    assert calls(tree) == 6


def test_other_calls_are_cythons_own(tree: Path) -> None:
    subprocess.run(
        [tree / "tools" / "cython", "--version"], check=True, cwd=tree / "build" / "one", capture_output=True
    )
    assert (tree / ".venv" / "bin" / "cython.calls").read_text() == "--version\n"
