"""Every sanitizer build must report the errors that `sanitizer_canary` makes, and end the process."""

import os
import subprocess
import sys

import pytest

SANITIZER = os.environ["AQUATIC_SANITIZER"]

RACE = """
import threading
threads = [threading.Thread(target=sanitizer_canary.race, args=(2,)) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
REPORTS = {
    "asan": {
        "sanitizer_canary.read_beyond(7)": "heap-buffer-overflow",
        "sanitizer_canary.read_beyond_bytes(bytes(98))": "heap-buffer-overflow",
        "sanitizer_canary.use_freed(7)": "heap-use-after-free",
        "sanitizer_canary.overflow(2**31 - 1)": "signed integer overflow",
    },
    "tsan": {RACE: "data race"},
}


def run(statement: str) -> subprocess.CompletedProcess[str]:
    # Reports of these errors belong on stderr, not among the reports that fail the whole run.
    options = {
        name: os.environ[name].replace("log_path=", "unused_path=")
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
    }
    program = f"import sanitizer_canary\n{statement}\nprint('unnoticed')"
    return subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, env=os.environ | options
    )


@pytest.mark.dataplane
@pytest.mark.parametrize(("statement", "reported"), REPORTS[SANITIZER].items())
def test_the_error_is_reported_at_its_line_and_ends_the_process(statement: str, reported: str) -> None:
    ended = run(statement)
    assert ended.returncode != 0
    assert reported in ended.stderr
    assert "sanitizer_canary.py:" in ended.stderr


@pytest.mark.dataplane
def test_code_without_error_is_not_reported() -> None:
    ended = run("sanitizer_canary.overflow(1)")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "unnoticed\n", "")
