"""Certificates and keys for listeners, as OpenSSL has them."""

from os import PathLike

class TlsError(Exception):
    """A certificate or key that cannot be used; the text says which and why, in one line."""

class TlsTicketKeys:
    """The keys of session tickets, for all contexts and workers of a process. To live as long as any worker."""

    def __init__(self, rotation_seconds: float = 3600) -> None:
        """Draw a new key after so long; sessions can be resumed for up to twice as long."""

class TlsContext:
    """A certificate chain and its private key. Listeners swap it; connections keep what they began with."""

    ticket_keys: TlsTicketKeys
    def __init__(
        self,
        certificate_path: str | PathLike[str],
        private_key_path: str | PathLike[str],
        ticket_keys: TlsTicketKeys,
    ) -> None:
        """Read both from PEM files.

        OSError: a file cannot be read. TlsError: it does not hold what it should, or they do not belong together.
        """
