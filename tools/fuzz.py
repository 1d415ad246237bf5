"""The fuzz harnesses of fuzz/registry.toml: build them, replay their corpora, look for new faults.

A harness is a C file that includes the C which Cython made of one decoder and calls it directly, so no
interpreter runs; or a module, compiled or Python, that drives the compiled package, in a build of its own
(`tools/build fuzz`). Every build has AddressSanitizer and UndefinedBehaviorSanitizer, without recovery.
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FUZZ = ROOT / "fuzz"
BUILD = ROOT / "build" / "fuzzers"
CYTHON = [sys.executable, "-m", "cython", *(ROOT / "tools" / "cython-flags").read_text().split()]
SANITIZE = [
    "-g",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
]
# The interpreter leaks by design; a failed allocation is among what is tried. What is freed is kept for the span of
# some inputs, to see it used: at AddressSanitizer's default of 256 MB a fuzzer's memory would grow for an hour.
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=16",
    "PYTHONMALLOC": "malloc",
}
# Several times what any harness needs: more is a leak.
MEMORY_MB_MAX = 512
# The planted fault must be found in this time, or the fuzzer is of no use. It takes about a second.
PLANTED_SECONDS = 60
# Harnesses run beside each other, but may share a build.
BUILDING = threading.Lock()


class FuzzError(Exception):
    """A harness that does not build, a fault found, or a planted one not found."""


@dataclass(frozen=True)
class Harness:
    """One table of the registry."""

    name: str
    input_bytes_max: int
    source: Path | None = None
    module: str | None = None
    planted: str | None = None

    @property
    def corpus(self) -> Path:
        """The directory of the inputs that every run replays."""
        return FUZZ / "corpus" / self.name

    @property
    def directory(self) -> Path:
        """Where everything that is made for this harness goes."""
        return BUILD / self.name

    @property
    def found(self) -> Path:
        """Where the inputs that bring a fault about go."""
        return self.directory / "found"


def registry() -> list[Harness]:
    """Read the registry."""
    tables = tomllib.loads((FUZZ / "registry.toml").read_text())
    for table in tables.values():
        if "source" in table:
            table["source"] = ROOT / table["source"]
    return [Harness(name, **table) for name, table in tables.items()]


def run(command: Sequence[str | Path]) -> None:
    """Run a command that is expected to succeed."""
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise FuzzError(f"{' '.join(map(str, command))}\n{ended.stdout}{ended.stderr}")


def embedding_flags() -> list[str]:
    """Return what links a program to the interpreter's library: generated C names it, nothing calls it."""
    setting = sysconfig.get_config_vars()
    directories = [setting["LIBDIR"], setting.get("LIBPL", setting["LIBDIR"])]
    flags = [f"-L{directory}" for directory in directories] + [f"-Wl,-rpath,{setting['LIBDIR']}"]
    return [*flags, f"-lpython{setting['LDVERSION']}", *setting["LIBS"].split(), *setting["SYSLIBS"].split()]


def module_name(source: Path) -> str:
    """Return the dotted name under which the package has this body; a body outside of it is its own."""
    package = ROOT / "src"
    return ".".join(
        source.relative_to(package if source.is_relative_to(package) else FUZZ).with_suffix("").parts
    )


def build(program: Path, body: Path, compiler: str, sources: list[Path], sanitize: str = "") -> Path:
    """Compile a harness that includes the C of `body`, and what is needed to run it, into `program`."""
    program.parent.mkdir(parents=True, exist_ok=True)
    generated = program.parent / f"{body.stem}.c.inc"
    cython: list[str | Path] = [*CYTHON, "--module-name", module_name(body), "-I", ROOT / "src", body]
    run([*cython, "--output-file", generated])
    include = [f"-I{program.parent}", f"-I{sysconfig.get_path('include')}"]
    flags = [*SANITIZE, *([sanitize] if sanitize else []), "-std=gnu11", *include]
    run([compiler, *flags, *sources, "-o", program, *embedding_flags()])
    return program


def build_module_fuzzer(program: Path, module: str) -> Path:
    """Compile the interpreter with libFuzzer, to drive a module of the package's build for it."""
    run([ROOT / "tools" / "build", "fuzz"])
    program.parent.mkdir(parents=True, exist_ok=True)
    python = ROOT / "build" / "fuzz" / "venv" / "bin" / "python"
    names = [f'-DMODULE="{module}"', f'-DDIRECTORY="{ROOT}"', f'-DPYTHON="{python}"']
    # What the modules take from the program: the sanitizers, and where coverage is noted.
    flags = [*SANITIZE, "-fsanitize=fuzzer", "-rdynamic", *names, f"-I{sysconfig.get_path('include')}"]
    run(["clang", *flags, FUZZ / "module.c", "-o", program, *embedding_flags()])
    return program


def build_fuzzer(harness: Harness) -> Path:
    """Compile a harness for libFuzzer, which is clang's."""
    program = harness.directory / "fuzzer" / "run"
    if harness.module:
        return build_module_fuzzer(program, harness.module)
    assert harness.source
    return build(program, harness.source, "clang", [FUZZ / f"{harness.name}.c"], "-fsanitize=fuzzer")


def build_replay(harness: Harness, directory: Path) -> Path:
    """Compile a decoder's harness to run over files only, with any compiler, in a directory of its own."""
    assert harness.source
    sources = [FUZZ / f"{harness.name}.c", FUZZ / "replay.c"]
    return build(directory / "run", harness.source, os.environ.get("CC", "cc"), sources)


def verdict(harness: Harness, status: int, report: str) -> str:
    """Return a sentence about a fuzzer's run that went as it should, raise FuzzError about any other."""
    if harness.planted:
        if status == 0 or harness.planted not in report:
            raise FuzzError(f"{harness.name}: the planted fault was not found\n{report[-3000:]}")
        return f"{harness.name}: the planted fault was found"
    if status:
        raise FuzzError(f"{harness.name}: a fault, its input is in {harness.found}\n{report[-6000:]}")
    executed = next(line.split()[-1] for line in report.splitlines() if "number_of_executed_units" in line)
    return f"{harness.name}: {executed} inputs, no fault"


def fuzz(harness: Harness, seconds: int) -> str:
    """Replay the corpus, then look for new faults for so long. Returns a sentence about it."""
    with BUILDING:
        program = build_fuzzer(harness)
    grown = harness.directory / "corpus"
    if harness.planted:
        # What an earlier run learnt would make the proof easier.
        shutil.rmtree(grown, ignore_errors=True)
    for directory in (harness.found, grown):
        directory.mkdir(exist_ok=True)
    limit = PLANTED_SECONDS if harness.planted else seconds
    command: list[str | Path] = [program, f"-max_total_time={limit}", f"-max_len={harness.input_bytes_max}"]
    command += [
        "-print_final_stats=1",
        "-timeout=10",
        f"-rss_limit_mb={MEMORY_MB_MAX}",
        f"-artifact_prefix={harness.found}/",
        grown,
        harness.corpus,
    ]
    ended = subprocess.run(
        command, check=False, capture_output=True, text=True, errors="replace", env=os.environ | OPTIONS
    )
    return verdict(harness, ended.returncode, ended.stderr)


def outcome(harness: Harness, seconds: int) -> tuple[bool, str]:
    """Fuzz a harness; whether all is well, and what to say."""
    try:
        return True, fuzz(harness, seconds)
    except FuzzError as error:
        return False, str(error)


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=int, default=13, help="time for each harness without a planted fault"
    )
    parser.add_argument("names", nargs="*", help="only these harnesses")
    options = parser.parse_args()
    chosen = [harness for harness in registry() if not options.names or harness.name in options.names]
    is_well = True
    with ThreadPoolExecutor(int(os.environ.get("AQUATIC_JOBS", "2"))) as pool:
        for is_sound, said in pool.map(lambda harness: outcome(harness, options.seconds), chosen):
            is_well &= is_sound
            print(said, flush=True)
    return int(not is_well)


if __name__ == "__main__":
    sys.exit(main())
