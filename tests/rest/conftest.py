"""`rest` against real sockets: an environment without proxies, and a store with one authority."""

from pathlib import Path

import certifi
import pytest


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory):
    """A store with one certificate: reading all of the usual ones takes longer than most of these tests."""
    path = tmp_path_factory.mktemp("authorities") / "one.pem"
    first, end, _ = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
    path.write_text(first + end + "\n")
    return path


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, one_authority):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(one_authority))
