"""What every test folder shares."""

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests of each folder passed, so that an empty or skipped folder shows."""
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "skipped", "xfailed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            folder = report.nodeid.split("/")[1] if report.nodeid.count("/") > 1 else report.nodeid
            counts.setdefault(folder, Counter())[outcome] += 1
    for folder, outcomes in sorted(counts.items()):
        terminalreporter.write_line(f"{folder}: " + ", ".join(f"{n} {word}" for word, n in outcomes.items()))
