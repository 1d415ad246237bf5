"""What OpenSSL itself can do here: the limit of everything that is encrypted.

By `openssl speed`, and by whole handshakes in memory, of which the server's half is timed: no sockets, no requests.
"""

import contextlib
import re
import shutil
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from aquatic.bench.certificate import Certificate, make_certificate
from aquatic.bench.result import Result, Spread
from aquatic.bench.runs import Conditions

# Of a TLS 1.3 handshake with a key on P-256, and of the older kind of certificate.
PUBLIC_KEY = ("ecdsap256", "ecdhx25519", "rsa2048")
CIPHER = "aes-256-gcm"
# About that of a request or an answer.
RECORD_BYTES = 512
SECONDS = 2
HANDSHAKES = 400
ROUNDS = 5
# The lines of `openssl speed -mr`.
_SIGNATURE = re.compile(r"^\+F(?P<kind>[24]):\d+:(?P<bits>\d+):(?P<signed>[\d.]+):(?P<checked>[\d.]+)$", re.M)
_EXCHANGE = re.compile(r"^\+F5:\d+:(?P<bits>\d+):(?P<derived>[\d.]+):", re.M)
_CIPHER = re.compile(r"^\+F:\d+:(?P<name>[^:]+):(?P<bytes>[\d.]+)$", re.M)


@dataclass(frozen=True, slots=True)
class OpensslRun:
    """No tracker, on the generator's core."""

    name: str
    title: str

    @property
    def estimated_seconds(self) -> float:
        """Signing and checking for two keys, and the rest."""
        return SECONDS * 6 + 4

    def measure(self, conditions: Conditions) -> Result:
        """One table. ValueError without the program."""
        if shutil.which("openssl") is None:
            raise ValueError("openssl is not on the path")
        result = Result(self.name, self.title, conditions.command)
        told = _openssl("speed", "-seconds", str(SECONDS), "-mr", *PUBLIC_KEY)
        told += _openssl(
            "speed", "-seconds", str(SECONDS), "-mr", "-evp", CIPHER, "-bytes", str(RECORD_BYTES)
        )
        operations = parse_speed(told)
        with tempfile.TemporaryDirectory(prefix="aquatic-bench-") as directory:
            certificate = make_certificate(Path(directory))
            for name, resumes in (("TLS 1.3 handshake, P-256", False), ("TLS 1.3 handshake, resumed", True)):
                rounds = [handshake_us(certificate, resumes=resumes) for _ in range(ROUNDS)]
                operations.append((f"the server's half of a {name}", Spread.of(rounds).show(1)))
        result.versions["openssl"] = _openssl("version").strip()
        result.data["operations"] = dict(operations)
        result.table("One core, microseconds each", ["operation", "us"], [list(each) for each in operations])
        return result


def _openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True).stdout


def parse_speed(told: str) -> list[tuple[str, str]]:
    """Operations and what they take, of what `openssl speed -mr` printed."""
    names = {"2": "RSA", "4": "ECDSA"}
    found = []
    for line in _SIGNATURE.finditer(told):
        key = f"{names[line['kind']]} {line['bits']}"
        found.append((f"{key} signature", _each_us(line["signed"])))
        found.append((f"{key} check", _each_us(line["checked"])))
    found += [
        (f"X25519 exchange ({line['bits']} bits)", _each_us(line["derived"]))
        for line in _EXCHANGE.finditer(told)
    ]
    for line in _CIPHER.finditer(told):
        found.append(
            (f"{line['name']}, {RECORD_BYTES} bytes", f"{RECORD_BYTES / float(line['bytes']) * 1e6:.2f}")
        )
    return found


def _each_us(per_second: str) -> str:
    return f"{1e6 / float(per_second):.1f}"


class _End:
    """One side of a connection in memory."""

    def __init__(
        self, context: ssl.SSLContext, *, is_server: bool, session: ssl.SSLSession | None = None
    ) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=is_server, session=session)

    def go_on(self, received: bytes) -> bytes:
        """As far as it gets; returns what is to be sent."""
        self.incoming.write(received)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()


def handshake_us(certificate: Certificate, *, resumes: bool, count: int = HANDSHAKES) -> float:
    """CPU time of the server's half, the mean of many."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate.certificate, certificate.private_key)
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    asking.verify_mode = ssl.CERT_NONE
    session = None
    total_ns = 0
    for index in range(count + 1):
        client = _End(asking, is_server=False, session=session if resumes else None)
        server = _End(serving, is_server=True)
        first, second = client.go_on(b""), b""
        spent = [_timed(server, first)]
        second = client.go_on(spent[0][0])
        spent.append(_timed(server, second))
        # The session comes after the handshake.
        client.incoming.write(spent[1][0])
        _read_nothing(client.tls)
        session = client.tls.session
        if index:
            total_ns += sum(each[1] for each in spent)
            assert client.tls.session_reused == resumes, "resumption is not as it should be"
    return total_ns / count / 1000


def _timed(server: _End, received: bytes) -> tuple[bytes, int]:
    """What it sends, and the CPU time that it took in nanoseconds."""
    begin = time.thread_time_ns()
    sent = server.go_on(received)
    return sent, time.thread_time_ns() - begin


def _read_nothing(tls: ssl.SSLObject) -> None:
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.read(1)
