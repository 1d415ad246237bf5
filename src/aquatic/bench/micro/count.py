"""Instructions per operation, counted by callgrind (valgrind) in a process of its own: the same each time.

Callgrind writes down what it has counted whenever a loop marks its beginning and its end: a file for what came before a
mark, so every other file is a loop's.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from aquatic.bench.micro.cases import Case, cases
from aquatic.bench.micro.measure import WrongError, check, prepared

MARK = "getppid"


class CountError(Exception):
    """Callgrind is not there, or has not done what it should."""


def count(chosen: Sequence[Case]) -> dict[str, float]:
    """Instructions of one operation, by name. CountError."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CountError("valgrind is not on the path")
    with TemporaryDirectory() as directory:
        out = Path(directory) / "counts"
        command = [valgrind, "--tool=callgrind", f"--dump-before={MARK}", f"--callgrind-out-file={out}"]
        command += [sys.executable, "-m", __name__, *(case.name for case in chosen)]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if ended.returncode:
            raise CountError(f"callgrind ended with {ended.returncode}: {ended.stderr.strip()[-2000:]}")
        try:
            return {
                case.name: total(Path(f"{out}.{2 * place}").read_text()) / operations(case)
                for place, case in enumerate(chosen, 1)
            }
        except OSError as error:
            raise CountError(f"callgrind has not seen all loops: {error}") from error


def operations(case: Case) -> int:
    """Of a round."""
    return case.calls * case.make().operations


def total(profile: str) -> int:
    """What a file of callgrind's says that was executed. CountError."""
    for line in profile.splitlines():
        if line.startswith("totals:"):
            return int(line.split()[1])
    raise CountError("a profile of callgrind's has no total")


def main() -> None:
    """Run as a program, under callgrind: each loop once, between marks."""
    for name in sys.argv[1:]:
        case = cases()[name]
        done = prepared(case).run_marked(case.calls)
        check(case, case.warm_up, case.warm_up + case.calls, done)


if __name__ == "__main__":
    try:
        main()
    except WrongError as error:
        sys.exit(str(error))
