"""Certificates for tests, and the other end of a TLS connection."""

import _ssl
import contextlib
import ctypes
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    private_key: Path

    def client_context(self) -> ssl.SSLContext:
        """A client that trusts this certificate only."""
        return ssl.create_default_context(cafile=str(self.certificate))


def make_certificate(folder: Path, name: str = "localhost", kind: str = "ec") -> Certificate:
    """A self-signed certificate for a name, in PEM files."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    key = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["rsa:2048"]}[kind]
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-newkey", *key]
    command += ["-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1,IP:::1"]
    command += ["-keyout", str(made.private_key), "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return made


class TlsPeer:
    """A client's TLS without a socket: bytes to send come out of it, bytes received go in."""

    def __init__(
        self, context: ssl.SSLContext, name: str = "localhost", session: ssl.SSLSession | None = None
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name, session=session)
        self.is_open = False

    def shake_hands(self, received: bytes = b"") -> bytes:
        """Go on with the handshake; returns what is to be sent."""
        self._incoming.write(received)
        try:
            self.tls.do_handshake()
            self.is_open = True
        except ssl.SSLWantReadError:
            pass
        return self._outgoing.read()

    def update_keys(self) -> None:
        """Begin what is written next with a demand for new keys in both directions (RFC 8446, 4.6.3).

        Python has no call for it: what its object has of OpenSSL is the second pointer after the object's head.
        """
        libssl = ctypes.CDLL(_ssl.__file__)
        inner = id(self.tls._sslobj)  # type: ignore[attr-defined]
        handle = ctypes.c_void_p.from_address(inner + object.__basicsize__ + ctypes.sizeof(ctypes.c_void_p))
        assert libssl.SSL_key_update(handle, 1) == 1

    def seal(self, content: bytes) -> bytes:
        """Encrypt what is to be sent."""
        self.tls.write(content)
        return self._outgoing.read()

    def open(self, received: bytes) -> bytes:
        """Decrypt what has been received: all of it that is whole, up to a proper end."""
        self._incoming.write(received)
        content = b""
        while True:
            try:
                piece = self.tls.read(1 << 16)
            except ssl.SSLWantReadError:
                return content
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                self.is_open = False
                return content
            content += piece

    def end(self) -> bytes:
        """Our close_notify."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._outgoing.read()
