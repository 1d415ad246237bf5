"""What every test folder shares."""

import os
import signal
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes, or takes to be made, says something about the machine only.
settings.register_profile(
    "aquatic", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("aquatic")

# Whoever was started in the background ignores it, and so would every process that is interrupted here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

collect_ignore = [] if "AQUATIC_SANITIZER" in os.environ else ["sanitizer"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of every file that imports compiled code."""
    compiled = ("aquatic.bench.micro", "aquatic.dataplane", "aquatic.loadtest", "aquatic.testing")
    uses_compiled: dict[os.PathLike[str], bool] = {}
    for item in items:
        if item.path not in uses_compiled:
            source = item.path.read_text()
            uses_compiled[item.path] = any(package in source for package in compiled)
        if uses_compiled[item.path]:
            item.add_marker(pytest.mark.dataplane)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests of each folder passed, so that an empty or skipped folder shows."""
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "skipped", "xfailed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            folder = report.nodeid.split("/")[1] if report.nodeid.count("/") > 1 else report.nodeid
            counts.setdefault(folder, Counter())[outcome] += 1
    for folder, outcomes in sorted(counts.items()):
        terminalreporter.write_line(f"{folder}: " + ", ".join(f"{n} {word}" for word, n in outcomes.items()))
