"""Every input that fuzzing has kept runs again, under the sanitizers of the ordinary compiler."""

import importlib
import subprocess
from pathlib import Path

import pytest

from tools.fuzz import FuzzError, Harness, build_replay, registry, verdict

HARNESSES = {harness.name: harness for harness in registry()}
DECODERS = [name for name, harness in HARNESSES.items() if harness.source]
MODULES = [name for name, harness in HARNESSES.items() if harness.module]
CANARY = HARNESSES["canary"]
SOUND = Harness("sound", 64, CANARY.source)


@pytest.mark.parametrize("name", DECODERS)
def test_the_corpus_brings_no_fault_about(name: str, tmp_path: Path) -> None:
    harness = HARNESSES[name]
    inputs = sorted(harness.corpus.iterdir())
    assert inputs
    program = build_replay(harness, tmp_path)
    ended = subprocess.run([program, *inputs], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stderr.splitlines()) == len(inputs)


@pytest.mark.dataplane
@pytest.mark.parametrize("name", MODULES)
def test_the_corpus_of_a_module_brings_no_fault_about(name: str) -> None:
    harness = HARNESSES[name]
    assert harness.module
    module = importlib.import_module(harness.module)
    inputs = sorted(harness.corpus.iterdir())
    assert inputs
    for path in inputs:
        assert module.run(path.read_bytes()) is None, path


def test_the_replay_reports_a_fault(tmp_path: Path) -> None:
    fault = tmp_path / "outside"
    fault.write_bytes(b"aqu\x40")
    program = build_replay(CANARY, tmp_path)
    ended = subprocess.run([program, fault], check=False, capture_output=True, text=True)
    assert ended.returncode != 0
    assert "heap-buffer-overflow" in ended.stderr
    assert "canary.py:8" in ended.stderr


@pytest.mark.parametrize(
    ("status", "report"),
    [(0, "stat::number_of_executed_units: 5"), (77, "ERROR: libFuzzer: timeout"), (127, "")],
)
def test_a_planted_fault_that_is_not_found_fails_the_run(status: int, report: str) -> None:
    with pytest.raises(FuzzError, match="not found"):
        verdict(CANARY, status, report)


def test_any_other_fault_fails_the_run() -> None:
    with pytest.raises(FuzzError, match="a fault"):
        verdict(SOUND, 77, "ERROR: AddressSanitizer: heap-buffer-overflow")
    assert verdict(SOUND, 0, "stat::number_of_executed_units: 5\n") == "sound: 5 inputs, no fault"
