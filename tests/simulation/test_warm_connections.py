"""What HTTP requests on a warm connection allocate: in a process of its own, for every allocation to be counted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.certificates import make_certificate

COUNTER_SOURCE = Path(__file__).parent.parent / "support" / "count_allocations.c"
# OpenSSL 3.0: the buffers of a record read and one written, which idle connections give back, and what it writes the
# heads of a record with: two small blocks with TLS 1.2, four with 1.3.
OPENSSL_ALLOCATIONS_MAX = 6


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """By what is spoken: the numbers of allocations that requests came to, `OF OPENSSL+OTHERS`."""
    folder = tmp_path_factory.mktemp("warm")
    counter = folder / "counter.so"
    compiler = os.environ.get("CC", "cc")
    # Without its built-in knowledge of malloc the compiler leaves the functions as they are.
    flags = ["-O1", "-shared", "-fPIC", "-fno-builtin"]
    subprocess.run([compiler, *flags, COUNTER_SOURCE, "-o", counter], check=True)
    pair = make_certificate(folder)
    arguments = map(str, (counter, pair.certificate, pair.private_key))
    command = [sys.executable, "-m", "tests.support.warm_connections", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONMALLOC"}
    environment["LD_PRELOAD"] = str(counter)
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = (line.split() for line in ran.stdout.splitlines())
    return {spoken: numbers for spoken, *numbers in lines}


def test_a_plain_request_allocates_nothing(counted: dict[str, list[str]]) -> None:
    assert counted["plain"] == ["0+0"]


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_an_encrypted_request_allocates_what_openssl_does_always(
    version: str, counted: dict[str, list[str]]
) -> None:
    (number,) = counted[version]
    of_openssl, others = map(int, number.split("+"))
    assert others == 0
    assert 0 < of_openssl <= OPENSSL_ALLOCATIONS_MAX
