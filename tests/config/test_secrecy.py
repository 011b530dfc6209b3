"""A secret stays one, wherever somebody puts it."""

from __future__ import annotations

import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgemeet.config import Settings, load, show
from edgemeet.config.keys import keys, sections
from edgemeet.errors import ConfigError

# Like an API key, an API secret, a token, with and without what makes it a bad one. The first part makes it
# unlikely that a message holds it by chance.
SECRETS = st.builds(
    lambda body, tail: "S3cr" + body + tail,
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=24, max_size=60),
    st.sampled_from(["", ".eyJ.sig", " ", "\t", "ä", "=="]),
)
SECRET_KEYS = [key for key in keys().values() if key.secret]


def quoted(secret: str) -> str:
    return '"' + secret.replace("\t", "\\t") + '"'


PLACES = st.sampled_from(
    [
        *(("key", key.dotted) for key in keys().values()),
        *(("list", key.dotted) for key in keys().values()),
        *(("variable", key.variable) for key in keys().values()),
        *(("credential", key.dotted) for key in SECRET_KEYS),
        ("key", "unknown"),
        ("key", "camera"),
        ("key", "camera.unknown"),
        ("key", "meeting.metadata.unknown"),
        ("variable", "EDGEMEET_CAMERA"),
        ("variable", "EDGEMEET_UNKNOWN"),
        ("variable name", "EDGEMEET_"),
        ("variable name", "EDGEMEET_CAMERA__"),
        ("credential name", "provisioning."),
        ("raw", "{bare}"),
        ("raw", "[{bare}]\nx = 1"),
        ("raw", "[camera]\n{quoted} = 1"),
        ("raw", "{quoted} = 1\n{quoted} = 2"),
        ("raw", "[{quoted}]\n[{quoted}]"),
        ("raw", "a = {{ {quoted} = 1, {quoted} = 2 }}"),
        ("raw", "provisioning.token = {bare}"),
        ("raw", "provisioning.token = {quoted} x"),
        ("raw", "provisioning.token = {quoted}\nprovisioning.token = {quoted}"),
        ("raw", "provisioning.token = '{bare}"),
        ("raw", "provisioning.url = 'https://me:{bare}@example.com/'"),
        ("raw", "provisioning.url = 'https://{bare}:99999/'"),
        ("raw", "provisioning.token_file = '{bare}'"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(SECRETS, PLACES)
def test_no_fault_repeats_a_secret(secret, place):
    kind, name = place
    with TemporaryDirectory() as directory:
        file, credentials = Path(directory, "edgemeet.toml"), Path(directory, "credentials")
        credentials.mkdir()
        environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
        text = ""
        match kind:
            case "key":
                text = f"{name} = {quoted(secret)}"
            case "list":
                text = f"{name} = [{quoted(secret)}]"
            case "raw":
                text = name.format(bare=secret, quoted=quoted(secret))
            case "variable":
                environ[name] = secret
            case "variable name":
                environ[name + secret] = "1"
            case "credential":
                (credentials / name).write_text(secret)
            case "credential name":
                (credentials / (name + secret)).write_text("1")
        file.write_text(text)
        # Nothing but the secret is given: there are always faults.
        with pytest.raises(ConfigError) as raised:
            load(file, environ=environ)
    error = raised.value
    told = "".join(
        [
            str(error),
            repr(error),
            repr(error.faults),  # type: ignore[attr-defined]  # ConfigInvalid has them
            str(error.hint),
            *traceback.format_exception(error),
        ]
    )
    for piece in {secret, secret.upper(), secret.lower(), secret.strip(), secret[:20], secret[-20:]}:
        assert piece not in told


@pytest.mark.parametrize("key", SECRET_KEYS, ids=lambda key: key.dotted)
@settings(max_examples=20, deadline=None)
@given(secret=SECRETS.filter(lambda secret: secret.isascii() and secret == secret.strip()))
def test_good_secrets_are_not_in_repr_or_show(key, secret):
    section, name = key.path
    given = f"https://example.com/{secret}" if name == "endpoint" else secret
    made = Settings.model_validate({section: {name: given}})
    told = str(made) + repr(made) + show(made) + made.model_dump_json()
    assert secret not in told
    assert secret[:12] not in told
    assert getattr(getattr(made, section), name).get_secret_value() == given


@pytest.mark.parametrize("key", SECRET_KEYS, ids=lambda key: key.dotted)
def test_made_directly_a_bad_secret_is_not_quoted_either(key):
    with pytest.raises(ValueError, match="visible ASCII") as raised:
        Settings.model_validate({key.path[0]: {key.path[-1]: "hush hush"}})
    assert "hush" not in str(raised.value)
    with pytest.raises(ValueError, match="visible ASCII") as raised:
        sections()[key.path[0]].model_validate({key.path[-1]: "hush hush"})
    assert "hush" not in str(raised.value)
