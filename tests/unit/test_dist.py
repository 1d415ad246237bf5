"""What tools/dist.py demands of a wheel."""

from pathlib import Path

from tools.dist import content_faults
from tools.tidy import PACKAGE, Build

BODY = PACKAGE / "answer.py"
SOURCES = [
    BODY,
    BODY.with_suffix(".pxd"),
    BODY.with_suffix(".pyi"),
    PACKAGE / "plain.py",
    PACKAGE / "py.typed",
]
BUILD = Build(frozenset(SOURCES[2:]), {BODY: Path("answer.c")})
WHEEL = {"aquatic/answer.cpython-311.so", "aquatic/answer.pyi", "aquatic/plain.py", "aquatic/py.typed"}


def faults(names: set[str]) -> list[str]:
    return list(content_faults(names, SOURCES, BUILD))


def test_a_whole_wheel_is_without_fault() -> None:
    assert faults(WHEEL) == []


def test_whatever_is_missing_is_named() -> None:
    for name in WHEEL:
        (fault,) = faults(WHEEL - {name})
        assert fault.startswith(name.replace(".cpython-311.so", ".py"))


def test_sources_of_compiled_modules_are_refused() -> None:
    for name in ("aquatic/answer.py", "aquatic/answer.pxd", "aquatic/answer.c"):
        assert faults(WHEEL | {name}) == [f"{name} is source of what is compiled"]
