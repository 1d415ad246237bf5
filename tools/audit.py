"""Known vulnerabilities in the pinned dependencies, as pip-audit's database has them.

The database is not reachable from every machine. Without it the audit says so and passes; with `--strict`
it fails.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

COMMAND = [
    sys.executable,
    "-m",
    "pip_audit",
    "--requirement",
    "constraints.txt",
    "--no-deps",
    "--disable-pip",
]
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Audit:
    """What one run found: packages looked at, sentences about the vulnerable and about the unknown ones."""

    looked_at: int = 0
    vulnerable: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def ran(self) -> bool:
        """Whether the database answered for any package at all."""
        return self.looked_at > 0


def read_answer(answer: str) -> Audit:
    """Read pip-audit's JSON answer; text that is none is an audit that did not run.

    Without its database pip-audit reports every dependency as unknown: then, too, the audit did not run.
    """
    try:
        dependencies = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Audit()
    audit = Audit(sum("skip_reason" not in dependency for dependency in dependencies))
    for dependency in dependencies:
        if reason := dependency.get("skip_reason"):
            audit.unknown.append(f"{dependency['name']}: {reason}")
        for found in dependency.get("vulns", []):
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            audit.vulnerable.append(
                f"{dependency['name']} {dependency['version']}: {found['id']}, fixed in {fixed}"
            )
    return audit


def report(audit: Audit, strict: bool) -> tuple[list[str], int]:
    """Return the lines to print and the exit code."""
    if not audit.ran:
        return ["audit: NOT RUN, the vulnerability database could not be reached"], int(strict)
    lines = audit.vulnerable + audit.unknown
    if not lines:
        lines = [f"audit: {audit.looked_at} packages, no known vulnerability"]
    return lines, int(bool(audit.vulnerable or audit.unknown))


def ask() -> str:
    """Run pip-audit and return what it printed, nothing when it took too long."""
    command = [*COMMAND, "--format", "json", "--progress-spinner", "off"]
    try:
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
        ).stdout
    except subprocess.TimeoutExpired:
        return ""


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true", help="fail when the audit could not run")
    parser.add_argument(
        "--answer", type=Path, help="read pip-audit's answer from this file instead of asking"
    )
    options = parser.parse_args()
    audit = read_answer(options.answer.read_text() if options.answer else ask())
    lines, status = report(audit, options.strict)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
