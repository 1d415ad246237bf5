"""The repository is tidy, and each check of tools/tidy.py finds the fault that it is there for."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tools import tidy
from tools.fuzz import FUZZ, ROOT, registry

CYTHON_FLAGS = (ROOT / "tools" / "cython-flags").read_text().split()


@pytest.mark.parametrize("check", tidy.checks())
def test_the_repository_is_tidy(check: str) -> None:
    assert list(tidy.checks()[check]()) == []


def test_every_harness_is_registered_and_has_a_corpus() -> None:
    harnesses = registry()
    decoders = {harness.name for harness in harnesses if harness.source}
    assert decoders == {path.stem for path in FUZZ.glob("*.c")} - {"replay", "module"}
    assert {harness.name for harness in harnesses} == {path.name for path in (FUZZ / "corpus").iterdir()}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package of one compiled module that packets pass through and one plain one, both without fault."""
    (tmp_path / "answer.pxd").write_text("cdef int answer(const char* packet, int length) noexcept nogil\n")
    (tmp_path / "answer.py").write_text("def answer(packet, length):\n    return packet[0] + length\n")
    (tmp_path / "plain.py").write_text("import os\n")
    return tmp_path


def build_of(tree: Path) -> tidy.Build:
    return tidy.Build(frozenset({tree / "plain.py"}), {tree / "answer.py": tree / "answer.c"})


def only(faults: Iterable[str]) -> str:
    (fault,) = faults
    return fault


def test_long_lines_are_found(tree: Path) -> None:
    path = tree / "answer.pxd"
    path.write_text("short\n" + "x" * 121 + "\n" + "see https://" + "x" * 121 + "\n")
    assert only(tidy.long_lines([path])).endswith("answer.pxd:2: 121 characters, more than 120")


def test_long_functions_are_found(tree: Path) -> None:
    docstring = '    """\n' + "    words\n" * 50 + '    """\n'
    path = tree / "plain.py"
    path.write_text(f"def documented():\n{docstring}    pass\ndef long():\n{docstring}" + "    pass\n" * 46)
    assert "long has 46 lines" in only(tidy.long_functions([path]))


def test_sources_that_are_not_built_and_bodies_that_are_installed_are_found(tree: Path) -> None:
    build = build_of(tree)
    assert list(tidy.unlisted_sources(tree.glob("*.py"), build)) == []
    (tree / "forgotten.py").touch()
    assert "forgotten.py:1: not listed" in only(tidy.unlisted_sources(tree.glob("*.py"), build))
    both = tidy.Build(build.installed | {tree / "answer.py"}, build.compiled)
    assert "answer.py:1: compiled, yet installed" in only(tidy.unlisted_sources([tree / "answer.py"], both))


def test_bodies_headers_and_stubs_that_are_alone_are_found(tree: Path) -> None:
    build = build_of(tree)
    assert list(tidy.lonely_halves(tree.iterdir(), build)) == []
    (tree / "inline.pxd").write_text("cdef inline int one() noexcept nogil:\n    return 1\n")
    assert list(tidy.lonely_halves(tree.iterdir(), build)) == []
    (tree / "gone.pxd").write_text("cdef inline int one():\n    return 1\ncdef int two(int number)\n")
    (tree / "plain.pyi").touch()
    found = list(tidy.lonely_halves(tree.iterdir(), build))
    assert sorted(fault.partition(":")[0].rpartition("/")[2] for fault in found) == ["gone.pxd", "plain.pyi"]
    (tree / "answer.pxd").unlink()
    assert any("answer.py:1: compiled, but has no header" in fault for fault in tidy.lonely_halves([], build))


@pytest.mark.parametrize("statement", ["import answer", "from answer import answer"])
def test_a_compiled_module_that_python_imports_without_stub_is_found(tree: Path, statement: str) -> None:
    build = build_of(tree)
    assert list(tidy.missing_stubs(tree.iterdir(), build, tree)) == []
    (tree / "plain.py").write_text(statement)
    assert "answer.py:1: imported by Python" in only(tidy.missing_stubs(tree.iterdir(), build, tree))
    (tree / "answer.pyi").touch()
    assert list(tidy.missing_stubs(tree.iterdir(), build, tree)) == []


@pytest.mark.parametrize("promises", ["", " noexcept", " nogil", " except -1 nogil"])
def test_functions_on_the_packet_path_that_hold_the_gil_or_raise_are_found(tree: Path, promises: str) -> None:
    bodies = [tree / "answer.py"]
    assert list(tidy.interpreter_in_headers(bodies)) == []
    (tree / "answer.pxd").write_text(f"cdef int answer(const char* packet, int length){promises}\n")
    assert "answer is not declared noexcept nogil" in only(tidy.interpreter_in_headers(bodies))


def test_python_functions_on_the_packet_path_are_found(tree: Path) -> None:
    body = tree / "answer.py"
    body.write_text(body.read_text() + "def helper(length):\n    return length\n")
    assert "answer.py:3: helper is a Python object" in only(tidy.interpreter_in_headers([body]))


def compiled(body: Path) -> str:
    """The C that Cython makes of a body."""
    command = [sys.executable, "-m", "cython", *CYTHON_FLAGS, body.name, "--output-file", "out.c"]
    subprocess.run(command, check=True, cwd=body.parent, capture_output=True)
    return (body.parent / "out.c").read_text()


@pytest.mark.parametrize(
    "bad_line",
    [
        "with gil: print(length)",
        "with gil: packets.append(length)",
        "with gil: raise ValueError",
    ],
)
def test_the_interpreter_in_a_function_without_the_gil_is_found(tree: Path, bad_line: str) -> None:
    body = tree / "answer.py"
    assert list(tidy.interpreter_in_c(body, compiled(body))) == []
    head = "from cython import gil\npackets = []\ndef answer(packet, length):\n"
    body.write_text(f"{head}    {bad_line}\n    return length\n")
    assert "answer is declared nogil, but uses" in only(tidy.interpreter_in_c(body, compiled(body)))


def test_broken_links_are_found(tree: Path) -> None:
    page = tree / "page.md"
    page.write_text(
        "# A title, here\n[1](#a-title-here) [2](answer.pxd) [3](https://example.org) [4](page.md#no)"
    )
    assert "links to page.md#no, a heading" in only(tidy.broken_links([page]))
    page.write_text("[1](nowhere.md)\n```\n[2](not-a-link.md)\n```\n")
    assert "links to nowhere.md, which" in only(tidy.broken_links([page]))


def test_scripts_that_cannot_be_run_are_found(tree: Path) -> None:
    script = tree / "script"
    script.write_text("#!/bin/sh\n")
    assert "begins with #!" in only(tidy.unrunnable_scripts([script, tree / "plain.py"]))
    script.chmod(0o755)
    assert list(tidy.unrunnable_scripts([script])) == []


def test_registry_hosts_are_found(tree: Path) -> None:
    page = tree / "page.md"
    page.write_text(f"see files.{'pythonhosted'}.org\nand example.org\n")
    assert "page.md:1: names the registry host" in only(tidy.registry_hosts([page]))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("plain.py", "def unused_function(): pass"),
        ("plain.py", "class UnusedClass: pass"),
        ("plain.py", "UNUSED = 1"),
        ("answer.pxd", "cdef int unused_function(int length) noexcept nogil"),
        ("answer.pxd", 'cdef extern from "<x.h>" nogil:\n    int unused_call "x_call"(int fd)'),
        ("answer.pxd", 'cdef extern from "<x.h>" nogil:\n    enum:\n        UNUSED_FLAG'),
        ("answer.pxd", "cdef enum:\n    UNUSED_BYTES = 1"),
    ],
)
def test_dead_code_is_found(tree: Path, name: str, source: str) -> None:
    plain = tree / "plain.py"
    plain.write_text("def used():\n    return USED\nUSED = 1\nif used(): pass\n")
    (tree / "answer.pxd").write_text("cdef int answer(int length) noexcept nogil\n")
    (tree / "user.pxd").write_text("from answer cimport answer\nanswer(1)")
    assert list(tidy.dead_code([plain, tree / "answer.pxd"], tree.iterdir())) == []
    path = tree / name
    path.write_text(f"{path.read_text()}{source}\n")
    assert "is not used" in only(tidy.dead_code([plain, tree / "answer.pxd"], tree.iterdir()))
