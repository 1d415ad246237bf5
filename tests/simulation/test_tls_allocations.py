"""OpenSSL without memory: in a process of its own, since its allocator can be replaced before its first use only.

Blocks are compared with the client's session at hand: Python 3.11 loses one (85 blocks) whenever `session` is read.
"""

import subprocess
import sys
from pathlib import Path

from tests.support.certificates import make_certificate


def test_any_allocation_of_openssl_may_fail(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    command = [sys.executable, "-m", "tests.support.tls_allocation_failures"]
    command += [str(certificate.certificate), str(certificate.private_key)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert all(int(line.split()[1]) > 100 for line in ran.stdout.splitlines())
    assert len(ran.stdout.splitlines()) == 4
