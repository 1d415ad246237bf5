"""Certificates and keys as an operator may write them."""

import subprocess
from pathlib import Path

import pytest

from aquatic.dataplane.stream.tls_context import TlsContext, TlsError, TlsTicketKeys
from tests.support.certificates import Certificate, make_certificate


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("pair"))


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_pair_is_read(tmp_path: Path, kind: str) -> None:
    pair = make_certificate(tmp_path, kind=kind)
    keys = TlsTicketKeys()
    assert TlsContext(pair.certificate, str(pair.private_key), keys).ticket_keys is keys


def test_a_missing_file_is_named(pair: Certificate, tmp_path: Path) -> None:
    for certificate, key in ((tmp_path / "none", pair.private_key), (pair.certificate, tmp_path / "none")):
        with pytest.raises(FileNotFoundError) as caught:
            TlsContext(certificate, key, TlsTicketKeys())
        assert caught.value.filename == str(tmp_path / "none")


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_pem_is_refused_by_name(pair: Certificate, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_bytes(content)
    with pytest.raises(TlsError, match=f"^certificate {bad}: .+$"):
        TlsContext(bad, pair.private_key, TlsTicketKeys())
    with pytest.raises(TlsError, match=f"^private key {bad}: .+$"):
        TlsContext(pair.certificate, bad, TlsTicketKeys())


def test_a_key_of_another_certificate_is_refused(pair: Certificate, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "other")
    with pytest.raises(TlsError, match="key values mismatch"):
        TlsContext(pair.certificate, other.private_key, TlsTicketKeys())


def test_a_sealed_key_is_refused_without_asking(pair: Certificate, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed.key"
    command = [
        "openssl",
        "ec",
        "-aes256",
        "-passout",
        "pass:secret",
        "-in",
        str(pair.private_key),
        "-out",
        str(sealed),
    ]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(TlsError, match="private key"):
        TlsContext(pair.certificate, sealed, TlsTicketKeys())
