"""What simulations of TLS share."""

import pytest

from aquatic.dataplane.stream.tls_context import TlsContext, TlsTicketKeys
from tests.support.certificates import Certificate, make_certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def ticket_keys() -> TlsTicketKeys:
    return TlsTicketKeys()


@pytest.fixture(scope="module")
def context(certificate: Certificate, ticket_keys: TlsTicketKeys) -> TlsContext:
    return TlsContext(certificate.certificate, certificate.private_key, ticket_keys)
