from __future__ import annotations

import os
from pathlib import Path

import pytest

BASE = '[meeting]\nid = "a-b-c"\n'


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    directory = tmp_path / "credentials"
    directory.mkdir()
    return directory


def test_secrets_lose_the_newline_at_their_end(read, credentials):
    (credentials / "provisioning.api_key").write_text("key\n")
    (credentials / "provisioning.api_secret").write_text("secret\r\n")
    chosen = read(BASE, {"CREDENTIALS_DIRECTORY": str(credentials)}).provisioning
    assert chosen.api_key.get_secret_value() == "key"
    assert chosen.api_secret.get_secret_value() == "secret"


def test_files_of_others_are_left_alone(read, credentials):
    (credentials / "tls.key").write_bytes(b"\xff")
    (credentials / "meeting.id").write_text("other")
    (credentials / "provisioning.token").write_text("t")
    assert read(BASE, {"CREDENTIALS_DIRECTORY": str(credentials)}).meeting.id == "a-b-c"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "credential provisioning.token: must not be empty"),
        (b"\n\n", "credential provisioning.token: must not be empty"),
        (b"a\xff", "credential provisioning.token: line 1, column 2: this is not UTF-8 text"),
        (
            b"a b",
            "credential provisioning.token: provisioning.token: must be visible ASCII characters without "
            "spaces or line breaks",
        ),
        (
            b"a\nb",
            "credential provisioning.token: provisioning.token: must be visible ASCII characters without "
            "spaces or line breaks",
        ),
        (
            b"a" * 8193,
            "credential provisioning.token: provisioning.token: must have at most 8192 characters",
        ),
    ],
)
def test_bad_contents(faults, credentials, content, line):
    (credentials / "provisioning.token").write_bytes(content)
    assert faults(BASE, {"CREDENTIALS_DIRECTORY": str(credentials)}) == [line]


def test_a_misspelt_credential_is_told(faults, credentials):
    (credentials / "provisioning.tokn").write_text("t")
    assert faults(BASE, {"CREDENTIALS_DIRECTORY": str(credentials)}) == [
        "credential provisioning.tokn: there is no such secret; did you mean provisioning.token?"
    ]


def test_a_folder_that_is_not_there_is_unreadable(faults, tmp_path):
    assert faults(BASE, {"CREDENTIALS_DIRECTORY": str(tmp_path / "absent")}) == [
        "$CREDENTIALS_DIRECTORY: cannot be read: no such file or directory"
    ]


def test_an_unreadable_credential_hides_no_other_fault(faults, credentials):
    os.mkfifo(credentials / "provisioning.token")
    lines = faults(BASE + "[camera]\nfps = 0", {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert lines == [
        "credential provisioning.token: cannot be read: this is not a file",
        "FILE: camera.fps: must be from 1 to 60",
    ]
