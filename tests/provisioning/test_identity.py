"""The device's own key: where it is kept, and what is done when it cannot be."""

import json
import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edgemeet.errors import AuthError, ConfigError
from edgemeet.provisioning import DeviceIdentity, DeviceKey, PublicKey, identity_file, load_identity
from edgemeet.provisioning.identity import save_identity


@pytest.mark.parametrize("kind", ["ed25519", "es256"])
def test_an_identity_is_kept_for_its_owner_alone(tmp_path, kind):
    file = tmp_path / "state" / "device-identity.json"
    identity = DeviceIdentity("d-1", "https://example.com", DeviceKey.generate(kind))
    save_identity(file, identity)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    found = load_identity(file)
    assert (found.device_id, found.url) == ("d-1", "https://example.com")
    assert found.key.public == identity.key.public
    assert [entry.name for entry in file.parent.iterdir()] == [file.name], "nothing half-written is left"
    private = json.loads(file.read_text())["private_key"]
    assert not any(line in repr(found) for line in private.splitlines())


def test_an_identity_that_is_replaced_is_replaced_whole(tmp_path):
    file = tmp_path / "id.json"
    for number in range(2):
        save_identity(file, DeviceIdentity(f"d-{number}", "https://example.com", DeviceKey.generate()))
    assert load_identity(file).device_id == "d-1"


def test_a_device_that_is_not_enrolled_says_what_to_do(tmp_path):
    with pytest.raises(AuthError) as caught:
        load_identity(tmp_path / "none.json")
    assert caught.value.code == "identity.missing"
    assert "edgemeet enroll" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\x00" * 300,
        b'{"device_id": "d", "url": "u"}',
        b'{"device_id": "d", "url": "u", "private_key": "hush"}',
        b'{"device_id": "../d", "url": "u", "private_key": "hush"}',
        b" " * 100_000,
    ],
    ids=["empty", "torn", "zeros", "no key", "no PEM", "odd name", "large"],
)
def test_a_damaged_identity_is_told_and_not_shown(tmp_path, content):
    file = tmp_path / "id.json"
    file.write_bytes(content)
    with pytest.raises(AuthError) as caught:
        load_identity(file)
    assert caught.value.code == "identity.damaged"
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as caught:
        save_identity(tmp_path / "file" / "id.json", DeviceIdentity("d", "u", DeviceKey.generate()))
    assert caught.value.code == "identity.unwritable"


def test_a_credential_of_systemd_comes_first(tmp_path):
    state, credentials = tmp_path / "state", tmp_path / "credentials"
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert identity_file(state, environ) == state / "device-identity.json"
    credentials.mkdir()
    (credentials / "device-identity").write_text("{}")
    assert identity_file(state, environ) == credentials / "device-identity"
    assert identity_file(state, {}) == state / "device-identity.json"


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_other_kinds_of_keys_are_refused():
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(ValueError, match="another kind"):
            DeviceKey.from_pem(pem(key))


@pytest.mark.parametrize("kind", ["ed25519", "es256"])
def test_the_public_key_is_the_private_ones(kind):
    key = DeviceKey.generate(kind)
    assert DeviceKey.from_pem(key.to_pem()).public == key.public
    assert key.public.algorithm == {"ed25519": "EdDSA", "es256": "ES256"}[kind]
    assert "d" not in key.public.model_dump(exclude_none=True)


def test_the_thumbprint_is_the_standards():
    """RFC 8037, appendix A.3."""
    key = PublicKey(kty="OKP", crv="Ed25519", x="11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert key.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    "members",
    [
        {"kty": "OKP", "crv": "P-256"},
        {"kty": "EC", "crv": "Ed25519"},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "EC", "crv": "P-256", "y": "A" * 43},
        {"kty": "OKP", "crv": "Ed25519", "y": "A" * 43},
        {"kty": "OKP", "crv": "Ed25519", "x": "A" * 42},
        {"kty": "OKP", "crv": "Ed25519", "d": "A" * 43},
        {"kty": "oct", "k": "A" * 43},
        {"kty": "RSA", "n": "A" * 43, "e": "AQAB"},
    ],
    ids=lambda members: "-".join(f"{k}={v[:7]}" for k, v in members.items()),
)
def test_what_is_no_public_key_is_refused(members):
    with pytest.raises(ValidationError):
        PublicKey.model_validate({"x": "A" * 43, **members})


@given(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "d"]), st.text(max_size=50)))
def test_no_text_is_a_public_key_by_accident(members):
    with pytest.raises(ValidationError):
        PublicKey.model_validate(members)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file away")
def test_root_gives_the_file_to_the_owner_of_the_directory(tmp_path):
    os.chown(tmp_path, 12345, 12346)
    save_identity(tmp_path / "id.json", DeviceIdentity("d", "u", DeviceKey.generate()))
    owner = (tmp_path / "id.json").stat()
    assert (owner.st_uid, owner.st_gid) == (12345, 12346)
