"""The vulnerability audit, fed with recorded answers of pip-audit."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import audit

DATA = Path(__file__).parent / "data"


def run(answer: str, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "tools.audit", "--answer", str(DATA / answer), *options]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=DATA.parents[2])
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("audit-vulnerable.json", "bad 2.3: PYSEC-2018-28, fixed in 2.20.0"),
        ("audit-unknown.json", "nowhere: "),
    ],
)
@pytest.mark.parametrize("options", [[], ["--strict"]])
def test_a_bad_and_an_unknown_dependency_fail_the_audit(answer: str, said: str, options: list[str]) -> None:
    status, printed = run(answer, *options)
    assert status == 1
    assert said in printed
    assert "sound" not in printed


def test_sound_dependencies_pass() -> None:
    assert run("audit-clean.json", "--strict") == (0, "audit: 1 packages, no known vulnerability\n")


@pytest.mark.parametrize(("options", "expected"), [([], 0), (["--strict"], 1)])
def test_an_audit_that_could_not_run_says_so_and_fails_only_when_strict(
    options: list[str], expected: int
) -> None:
    status, printed = run("audit-unreachable.json", *options)
    assert status == expected
    assert "NOT RUN" in printed


@pytest.mark.parametrize("answer", ["", "Traceback (most recent call last):", "[]", "{}"])
def test_an_answer_that_is_none_is_an_audit_that_did_not_run(answer: str) -> None:
    assert not audit.read_answer(answer).ran
