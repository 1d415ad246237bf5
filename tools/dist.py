"""Build the source distribution, from that the wheel as a user's pip would, and install it into a bare environment.

The wheel is built with warnings as errors: of the compiler here, not of every newer one that a user may have.
"""

import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.tidy import PACKAGE, ROOT, Build, read_build, written_files

DIST = ROOT / "dist"
CONSTRAINTS = ROOT / "constraints.txt"


def content_faults(names: Iterable[str], sources: Iterable[Path], build: Build) -> Iterator[str]:
    """Compare the names of a wheel's files with what it ought to hold: yields a sentence for each difference."""
    names = set(names)
    root = PACKAGE.parent
    expected = {str(path.relative_to(root)) for path in sources if path.suffix in {".py", ".pyi", ".typed"}}
    compiled = {str(body.relative_to(root)) for body in build.compiled}
    for missing in sorted(expected - compiled - names):
        yield f"{missing} is missing"
    for module in sorted(compiled):
        if not any(name.startswith(module.removesuffix("py")) and name.endswith(".so") for name in names):
            yield f"{module} is missing in its compiled form"
    for name in sorted(names & compiled) + sorted(
        name for name in names if name.endswith((".pxd", ".c", ".pyx"))
    ):
        yield f"{name} is source of what is compiled"


def run(*command: str | Path) -> str:
    """Run a command that is expected to succeed; return what it printed."""
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tempfile.gettempdir())
    if ended.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def installed_version(distribution: Path) -> str:
    """Install a distribution into a new environment and return what its `aquatic -v` prints."""
    with tempfile.TemporaryDirectory() as directory:
        venv.create(directory, with_pip=True)
        commands = Path(directory) / "bin"
        run(commands / "python", "-m", "pip", "install", "--quiet", "--constraint", CONSTRAINTS, distribution)
        return run(commands / "aquatic", "-v").strip()


def main() -> int:
    """Run as a program."""
    shutil.rmtree(DIST, ignore_errors=True)
    # Isolated: with what pyproject.toml asks for, and nothing else of what is here.
    flags: list[str | Path] = [
        "--outdir",
        DIST,
        "--dependency-constraints-txt",
        CONSTRAINTS,
        "-Csetup-args=-Dwerror=true",
    ]
    run(sys.executable, "-m", "build", *flags, ROOT)
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    sources = [path for path in written_files() if path.is_relative_to(PACKAGE)]
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    faults = list(content_faults(names, sources, read_build(ROOT / "build" / "dev")))
    said = installed_version(wheel)
    if said.split()[-1] not in wheel.name:
        faults.append(f"{wheel.name}: aquatic -v prints {said}")
    print("\n".join(faults) or f"{wheel.name}, made from {sdist.name}, installs and runs")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
