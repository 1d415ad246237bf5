"""Every input that fuzzing has kept runs again, under the sanitizers of the ordinary compiler."""

import importlib
import subprocess

import pytest

from tools.fuzz import FuzzError, Harness, build_replay, registry, verdict

HARNESSES = {harness.name: harness for harness in registry()}
COMPILED = [name for name, harness in HARNESSES.items() if not harness.interpreted]
INTERPRETED = [name for name, harness in HARNESSES.items() if harness.interpreted]
CANARY = HARNESSES["canary"]
SOUND = Harness("sound", CANARY.source, 64)


@pytest.mark.parametrize("name", COMPILED)
def test_the_corpus_brings_no_fault_about(name: str) -> None:
    harness = HARNESSES[name]
    inputs = sorted(harness.corpus.iterdir())
    assert inputs
    ended = subprocess.run([build_replay(harness), *inputs], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stderr.splitlines()) == len(inputs)


@pytest.mark.dataplane
@pytest.mark.parametrize("name", INTERPRETED)
def test_the_corpus_of_sequences_brings_no_fault_about(name: str) -> None:
    harness = HARNESSES[name]
    module = importlib.import_module(f"fuzz.{name}")
    inputs = sorted(harness.corpus.iterdir())
    assert inputs
    for path in inputs:
        module.run(path.read_bytes())


def test_the_replay_reports_a_fault(tmp_path_factory: pytest.TempPathFactory) -> None:
    fault = tmp_path_factory.mktemp("inputs") / "outside"
    fault.write_bytes(b"aqu\x40")
    ended = subprocess.run([build_replay(CANARY), fault], check=False, capture_output=True, text=True)
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
