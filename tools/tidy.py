"""Tidiness that no linter knows: each check returns its faults, a line each, `path:line: what is wrong`.

The checks take what they look at as arguments: tests/unit/test_tidiness.py plants a fault for each.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "aquatic"

LINE_LENGTH_MAX = 120  # of what ruff does not look at
FUNCTION_LINES_MAX = 45  # without its docstring

# Files of recorded facts, written by programs or for them.
DATA = {"constraints.txt", "LICENSE"}
DATA_FOLDERS = {"data", "corpus"}

REGISTRY_HOSTS = re.compile(
    r"(pypi|pythonhosted|crates|npmjs|docker|ghcr|quay|anaconda|rubygems)\.(org|io|com)\b"
)
MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
C_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
C_FUNCTION = re.compile(r"^[^\n#;]*?(__pyx_f_\w+)\([^;{}]*\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
C_INTERPRETER = re.compile(r"\b_?(?:__Pyx|Py)(?!_ssize_t\b)[A-Z_]\w*")
HEADER_FUNCTION = re.compile(
    r"^cdef (?!class|extern|enum|struct)[^\n(=]*?(\w+)\([^)]*\)([^\n:]*)", re.MULTILINE
)
# What a header takes from C, under its own name or another, and constants whose value does not follow from others.
EXTERNAL_FUNCTION = re.compile(r"^    (?!static)[\w *]*?\b(\w+)(?: \"\w+\")?\([^)]*\)$", re.MULTILINE)
HEADER_CONSTANT = re.compile(
    r"^        ([A-Z][A-Z0-9_]+)$|^    ([A-Z][A-Z0-9_]+_(?:MAX|BYTES)) = ", re.MULTILINE
)
WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Build:
    """What the build makes of the sources: those it installs as they are, those it compiles with their C."""

    installed: frozenset[Path]
    compiled: dict[Path, Path]


def read_build(directory: Path) -> Build:
    """Read what meson knows of its build directory."""
    plan = json.loads((directory / "meson-info" / "intro-install_plan.json").read_text())
    compiled = {}
    for target in map(Path, plan.get("targets", {})):
        name = target.name.partition(".")[0]
        body = ROOT / target.parent.relative_to(directory) / f"{name}.py"
        compiled[body] = target.parent / f"{target.name}.p" / f"{name}.c"
    return Build(frozenset(map(Path, plan.get("python", {}))), compiled)


def written_files() -> list[Path]:
    """List the files that people write here: what git knows or would add, less data."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout.split("\0")
    files = [ROOT / name for name in listed if name]
    return [
        path
        for path in files
        if path.is_file() and path.name not in DATA and DATA_FOLDERS.isdisjoint(path.relative_to(ROOT).parts)
    ]


def with_suffix(files: Iterable[Path], *suffixes: str) -> list[Path]:
    """Pick the files with one of these suffixes."""
    return [path for path in files if path.suffix in suffixes]


def shown(path: Path) -> str:
    """Name a file as in the repository."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def long_lines(files: Iterable[Path]) -> Iterator[str]:
    """Lines too long to be read beside another file; those of Python are ruff's business."""
    for path in files:
        if path.suffix in {".py", ".pyi"}:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            unbreakable = "://" in line or (path.suffix == ".md" and line.startswith("|"))
            if len(line) > LINE_LENGTH_MAX and not unbreakable:
                yield f"{shown(path)}:{number}: {len(line)} characters, more than {LINE_LENGTH_MAX}"


def long_functions(files: Iterable[Path]) -> Iterator[str]:
    """Functions that cannot be seen whole."""
    for path in with_suffix(files, ".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            first = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]
            lines = (node.end_lineno or node.lineno) - first.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                said = f"{node.name} has {lines} lines, more than {FUNCTION_LINES_MAX}"
                yield f"{shown(path)}:{node.lineno}: {said}"


def unlisted_sources(files: Iterable[Path], build: Build) -> Iterator[str]:
    """Sources that no meson.build installs or compiles, and bodies that are also installed as source."""
    for path in with_suffix(files, ".py", ".pyi"):
        if path not in build.installed and path not in build.compiled:
            yield f"{shown(path)}:1: not listed in the meson.build of its folder"
        if path in build.installed and path in build.compiled:
            yield f"{shown(path)}:1: compiled, yet installed as source too"


def lonely_halves(files: Iterable[Path], build: Build) -> Iterator[str]:
    """Compiled bodies without header, headers without body, stubs of what is not compiled."""
    files = set(files)
    for body in build.compiled:
        if body.with_suffix(".pxd") not in files:
            yield f"{shown(body)}:1: compiled, but has no header (.pxd)"
    for path in with_suffix(files, ".pxd", ".pyi"):
        if not needs_no_body(path) and path.with_suffix(".py") not in build.compiled:
            yield f"{shown(path)}:1: its body is not compiled"


def needs_no_body(path: Path) -> bool:
    """Whether a file is a header of nothing but types and inline functions."""
    declared = re.findall(r"^cdef (?!inline|extern|enum|struct)[^\n(=]*\(", path.read_text(), re.MULTILINE)
    return path.suffix == ".pxd" and not declared


def imported_modules(path: Path) -> set[str]:
    """Return the dotted names that a Python file imports, packages, modules or what is in them."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def missing_stubs(files: Iterable[Path], build: Build, source_root: Path) -> Iterator[str]:
    """Compiled modules that Python imports, without a stub (.pyi): type checkers could not see into them."""
    imported = set()
    for path in with_suffix(files, ".py"):
        if path not in build.compiled:
            imported |= imported_modules(path)
    for body in build.compiled:
        name = ".".join(body.relative_to(source_root).with_suffix("").parts)
        if name in imported and not body.with_suffix(".pyi").exists():
            yield f"{shown(body)}:1: imported by Python, but has no stub (.pyi)"


def header_functions(header: Path) -> dict[str, str]:
    """Return the C functions that a header declares, each with what follows its parameters."""
    return {match[1]: match[2] for match in HEADER_FUNCTION.finditer(header.read_text())}


def interpreter_in_headers(bodies: Iterable[Path]) -> Iterator[str]:
    """Functions of packet-path modules that need the interpreter: they hold the GIL or can raise."""
    for body in bodies:
        functions = header_functions(body.with_suffix(".pxd"))
        for name, promises in functions.items():
            if promises.split() != ["noexcept", "nogil"]:
                yield f"{shown(body.with_suffix('.pxd'))}:1: {name} is not declared noexcept nogil"
        for node in ast.parse(body.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name not in functions:
                yield f"{shown(body)}:{node.lineno}: {node.name} is a Python object: not in the header"


def interpreter_in_c(body: Path, generated: str) -> Iterator[str]:
    """Uses of the interpreter in the C of the functions that the header declares nogil."""
    functions = header_functions(body.with_suffix(".pxd"))
    without_gil = [name for name, promises in functions.items() if "nogil" in promises.split()]
    for match in C_FUNCTION.finditer(C_COMMENT.sub("", generated)):
        used = C_INTERPRETER.search(match[2])
        name = next(
            (name for name in without_gil if match[1].endswith(f"{len(body.stem)}{body.stem}_{name}")), None
        )
        if used and name:
            yield f"{shown(body)}:1: {name} is declared nogil, but uses the interpreter: {used[0]}"


def broken_links(files: Iterable[Path]) -> Iterator[str]:
    """Links in Markdown to files or headings that are not there."""
    for path in with_suffix(files, ".md"):
        for target in MARKDOWN_LINK.findall(FENCED.sub("", path.read_text())):
            if "://" in target or target.startswith("mailto:"):
                continue
            name, _, heading = target.partition("#")
            linked = (path.parent / name) if name else path
            if not linked.exists():
                yield f"{shown(path)}:1: links to {target}, which is not there"
            elif heading and heading not in headings(linked):
                yield f"{shown(path)}:1: links to {target}, a heading that is not there"


def headings(path: Path) -> set[str]:
    """Return the anchors of a Markdown file's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ +(.*?) *$", FENCED.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def unrunnable_scripts(files: Iterable[Path]) -> Iterator[str]:
    """Scripts that name their interpreter and may not be run."""
    for path in files:
        if path.read_bytes().startswith(b"#!") and not os.access(path, os.X_OK):
            yield f"{shown(path)}:1: begins with #!, but is not executable"


def registry_hosts(files: Iterable[Path]) -> Iterator[str]:
    """Hosts of package registries: which one is used is for pip's configuration to say."""
    for path in files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if found := REGISTRY_HOSTS.search(line):
                yield f"{shown(path)}:{number}: names the registry host {found[0]}"


def definitions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the functions, classes and constants that a body or header defines, each with its line."""
    if path.suffix == ".pxd":
        text = path.read_text()
        for pattern in (HEADER_FUNCTION, EXTERNAL_FUNCTION, HEADER_CONSTANT):
            for match in pattern.finditer(text):
                yield next(filter(None, match.groups())), text.count("\n", 0, match.start()) + 1
        return
    tree = ast.parse(path.read_text())
    # A method of a derived class may be called by its base.
    derived = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.bases]
    inherited = {method for node in derived for method in node.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node not in inherited:
            yield node.name, node.lineno
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            yield statement.targets[0].id, statement.lineno


def words_used(path: Path) -> Counter[str]:
    """Count the words of a file without its comments, its imports and the names of what it defines."""
    text = re.sub(r"^ *(from [^\n]* c?import (\([^)]*\)|[^\n]*))", "", path.read_text(), flags=re.MULTILINE)
    text = re.sub(r"#[^\n]*", "", text)
    if path.suffix == ".pxd":
        text = HEADER_FUNCTION.sub("", text)
    return Counter(WORD.findall(re.sub(r"\b(def|class) \w+", "", text)))


def dead_code(files: Iterable[Path], users: Iterable[Path]) -> Iterator[str]:
    """Names defined in `files` that nothing in `users` (which are to include `files`) uses.

    A name that another thing of the package shares escapes; a name that only tests use does not, unless it is
    compiled code's window for tests.
    """
    used: Counter[str] = sum(
        (words_used(path) for path in with_suffix(users, ".py", ".pxd", ".c")), Counter()
    )
    for path in with_suffix(files, ".py", ".pxd"):
        for name, line in definitions(path):
            own = 0 if defines_callable(path, name) else 1
            if used[name] <= own and not name.startswith("__"):
                yield f"{shown(path)}:{line}: {name} is not used"


def defines_callable(path: Path, name: str) -> bool:
    """Tell a function or class, whose definition `words_used` leaves out, from a constant."""
    if path.suffix == ".pxd":
        return any(match[1] == name for match in HEADER_FUNCTION.finditer(path.read_text()))
    return bool(re.search(rf"\b(def|class) {name}\b", path.read_text()))


def library(path: Path) -> bool:
    """Whether a file is a documented API for others, who may use what the tracker does not."""
    return path.is_relative_to(PACKAGE / "protocol") or path.name in {"peer_id.py", "cli.py", "__init__.py"}


def checks() -> dict[str, Callable[[], Iterator[str]]]:
    """Return every check, bound to this repository and its dev build."""
    build = read_build(ROOT / "build" / "dev")
    files = written_files()
    sources = [path for path in files if path.is_relative_to(PACKAGE)]
    tests = [
        path for path in files if path.is_relative_to(ROOT / "tests") or path.is_relative_to(ROOT / "fuzz")
    ]
    borders = {body for body in build.compiled if body.with_suffix(".pyi").exists()}
    tracker = [path for path in sources if path not in borders and not library(path)]
    packet_path = [
        body for body in build.compiled if body.is_relative_to(PACKAGE / "dataplane") and body not in borders
    ]

    def interpreter_on_packet_path() -> Iterator[str]:
        yield from interpreter_in_headers(packet_path)
        for body, generated in build.compiled.items():
            yield from interpreter_in_c(body, generated.read_text())

    def unused() -> Iterator[str]:
        yield from dead_code(tracker, sources)
        yield from dead_code(borders, [*sources, *tests])

    return {
        "long lines": lambda: long_lines(files),
        "long functions": lambda: long_functions(files),
        "unlisted sources": lambda: unlisted_sources(sources, build),
        "lonely halves": lambda: lonely_halves(sources, build),
        "missing stubs": lambda: missing_stubs([*sources, *tests], build, ROOT / "src"),
        "interpreter on the packet path": interpreter_on_packet_path,
        "broken links": lambda: broken_links(files),
        "unrunnable scripts": lambda: unrunnable_scripts(files),
        "registry hosts": lambda: registry_hosts(files),
        "dead code": unused,
    }


def main() -> int:
    """Run as a program."""
    faults = [fault for check in checks().values() for fault in check()]
    print("\n".join(faults) or "tidy")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
