"""Certificates and keys of the listeners that encrypt: read at start and again on request."""

from __future__ import annotations

from collections.abc import Sequence

from aquatic.control.border import StreamBorder
from aquatic.control.errors import UnusableFileError, reason
from aquatic.control.model import Listener
from aquatic.dataplane.stream.tls_context import TlsContext, TlsError, TlsTicketKeys


class CertificateError(UnusableFileError):
    """Why a listener's certificate or key cannot be used, naming the file. Its cause is an OSError or a TlsError."""


class ServedCertificates:
    """What new connections of each listener are encrypted with."""

    def __init__(self, listeners: Sequence[Listener], stream: StreamBorder) -> None:
        """`listeners` are the stream workers', in their order."""
        self._listeners = [(place, listener) for place, listener in enumerate(listeners) if listener.tls]
        self._stream = stream
        self._ticket_keys = TlsTicketKeys()

    @property
    def count(self) -> int:
        """How many listeners encrypt."""
        return len(self._listeners)

    def read(self) -> list[TlsContext]:
        """Return what the files say now, for `serve`. CertificateError."""
        return [self._read(listener) for _, listener in self._listeners]

    def serve(self, contexts: Sequence[TlsContext]) -> None:
        """Encrypt new connections with these; those that are open keep theirs."""
        for (place, _), context in zip(self._listeners, contexts, strict=True):
            self._stream.set_tls(place, context)

    def load(self) -> None:
        """Serve what the files say now. CertificateError, and then all of the old ones stay."""
        self.serve(self.read())

    def _read(self, listener: Listener) -> TlsContext:
        certificate, private_key = listener.tls_certificate_path, listener.tls_private_key_path
        try:
            return TlsContext(certificate, private_key, self._ticket_keys)
        except OSError as error:
            raise CertificateError(f"cannot read {error.filename}: {reason(error)}") from error
        except (TlsError, MemoryError) as error:
            raise CertificateError(str(error)) from error
