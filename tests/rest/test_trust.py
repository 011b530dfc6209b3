"""Whom a device trusts: what its system trusts, and the operator's authority beside it."""

import subprocess

import pytest
from rigging.authority import Authority
from rigging.web_server import ask, listening, refused, says

from edgemeet.errors import NetworkError
from edgemeet.rest import trusting


@pytest.fixture
def system(tmp_path):
    """An authority that the system trusts."""
    (tmp_path / "system").mkdir()
    return Authority(tmp_path / "system")


@pytest.fixture
def own(tmp_path):
    """An authority of the operator's own."""
    (tmp_path / "own").mkdir()
    return Authority(tmp_path / "own", "the operator's authority")


@pytest.fixture(params=["file", "directory"])
def system_store(request, system, monkeypatch, tmp_path):
    """As OpenSSL finds it: one file, or a directory with names that `openssl rehash` made."""
    directory = tmp_path / "hashed"
    directory.mkdir()
    if request.param == "file":
        monkeypatch.setenv("SSL_CERT_FILE", str(system.ca_file))
        monkeypatch.setenv("SSL_CERT_DIR", str(directory))
    else:
        (directory / "authority.pem").write_bytes(system.ca_file.read_bytes())
        subprocess.run(["openssl", "rehash", directory], check=True, timeout=20)
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.setenv("SSL_CERT_DIR", str(directory))


@pytest.mark.usefixtures("system_store")
async def test_what_the_system_trusts_is_trusted(system):
    async with listening(says({"a": 1}), tls=system.server()) as url:
        assert (await ask(url)).body == {"a": 1}


@pytest.mark.usefixtures("system_store")
async def test_an_authority_of_ones_own_comes_beside_the_systems(system, own):
    for authority in (system, own):
        async with listening(says({"a": 1}), tls=authority.server()) as url:
            assert (await ask(url, ca_file=own.ca_file)).body == {"a": 1}


@pytest.mark.usefixtures("system_store")
async def test_nobody_else_is_trusted(own):
    error = await refused(says(), NetworkError, tls=own.server())
    assert error.code == "network.tls_untrusted"


def test_a_system_without_a_list_takes_certifis(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert trusting().cert_store_stats()["x509_ca"] > 50
