"""A certificate for trackers under measurement: what TLS costs depends on its key, not on who signed it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files."""

    certificate: Path
    private_key: Path


def make_certificate(directory: Path) -> Certificate:
    """With a key on P-256, signed by itself. OSError, CalledProcessError where `openssl` is not or fails."""
    made = Certificate(directory / "certificate.pem", directory / "private_key.pem")
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(made.private_key), "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    made.private_key.chmod(0o644)  # some trackers read it as nobody
    return made
