from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgemeet.config import ConfigInvalid, ConfigMissing, Settings, load
from edgemeet.config import loading as loading_module
from edgemeet.errors import ConfigError, Remedy


def test_the_least_configuration_is_enough(read, needed):
    settings = read(needed)
    assert settings.meeting.id == "abcd-efgh-ijkl"
    assert settings.provisioning.url == "https://example.com/get-token"
    assert (settings.camera.width, settings.camera.height, settings.camera.fps) == (1280, 720, 30)


def test_settings_are_frozen_all_the_way(read, needed):
    settings = read(needed)
    with pytest.raises(ValueError, match="frozen"):
        settings.camera = settings.camera
    with pytest.raises(ValueError, match="frozen"):
        settings.camera.width = 640


def test_drop_ins_override_key_by_key_in_name_order(read, needed, config_file):
    drop_ins = config_file.with_suffix(".d")
    drop_ins.mkdir()
    (drop_ins / "20-later.toml").write_text("[camera]\nwidth = 320\n[meeting.metadata]\nfloor = 3\n")
    (drop_ins / "10-first.toml").write_text("[camera]\nwidth = 640\nheight = 480\n")
    (drop_ins / ".30-editor.toml").write_text("[camera]\nwidth = 160\n")
    (drop_ins / "40-other.conf").write_text("this is not TOML")
    settings = read(needed + "[camera]\nwidth = 800\nfps = 15\n[meeting.metadata]\nroom = 'lab'\nfloor = 1\n")
    assert (settings.camera.width, settings.camera.height, settings.camera.fps) == (320, 480, 15)
    assert settings.meeting.metadata == {"room": "lab", "floor": 3}


def test_each_source_wins_over_the_one_before(read, config_file, tmp_path):
    base = '[meeting]\nid = "a-b-c"\n[provisioning]\n'
    assert _token(read(base + 'token = "of-file"')) == "of-file"
    drop_ins = config_file.with_suffix(".d")
    drop_ins.mkdir()
    (drop_ins / "a.toml").write_text('[provisioning]\ntoken = "of-drop-in"\n')
    assert _token(read(base + 'token = "of-file"')) == "of-drop-in"
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "provisioning.token").write_text("of-credential\n")
    assert _token(read(base + 'token = "of-file"', environ)) == "of-credential"
    environ["EDGEMEET_PROVISIONING__TOKEN"] = "of-variable"
    assert _token(read(base + 'token = "of-file"', environ)) == "of-variable"


def _token(settings: Settings) -> str | None:
    token = settings.provisioning.token
    return token.get_secret_value() if token else None


def test_a_table_in_a_drop_in_replaces_a_value_that_is_none(faults, needed, config_file):
    drop_ins = config_file.with_suffix(".d")
    drop_ins.mkdir()
    (drop_ins / "a.toml").write_text("[meeting.metadata]\nfloor = 3\n")
    assert faults("meeting.metadata = 5\nmeeting.id = 'a-b-c'\nprovisioning.token = 'x'") == []


def test_the_last_of_a_table_a_value_and_a_table_counts(read, needed, config_file):
    drop_ins = config_file.with_suffix(".d")
    drop_ins.mkdir()
    (drop_ins / "a.toml").write_text("[meeting]\nmetadata = 5\n")
    (drop_ins / "b.toml").write_text("[meeting.metadata]\nfloor = 3\n")
    settings = read(needed + "[meeting.metadata]\nfloor = 1\nroom = 'lab'\n")
    assert settings.meeting.metadata == {"floor": 3}


def test_an_empty_text_takes_back_what_an_earlier_source_says(read, needed):
    settings = read(
        needed, {"EDGEMEET_PROVISIONING__URL": "", "EDGEMEET_PROVISIONING__TOKEN_FILE": "/run/token"}
    )
    assert settings.provisioning.url is None
    assert settings.provisioning.token_file == Path("/run/token")


@pytest.mark.parametrize("present", [True, False])
def test_a_given_file_must_be_there(tmp_path, present):
    environ = {"EDGEMEET_MEETING__ID": "a-b-c", "EDGEMEET_PROVISIONING__TOKEN": "x"} if present else {}
    with pytest.raises(ConfigMissing, match="does not exist") as raised:
        load(tmp_path / "absent.toml", environ=environ)
    assert raised.value.code == "config.missing"
    assert raised.value.remedy is Remedy.STOP
    assert str(tmp_path / "absent.toml") in str(raised.value)
    assert "meeting.id" in (raised.value.hint or "")


def test_no_source_at_all_is_missing_and_not_invalid(tmp_path, monkeypatch):
    monkeypatch.setattr(loading_module, "DEFAULT_PATH", tmp_path / "edgemeet.toml")
    with pytest.raises(ConfigMissing):
        load(environ={"HOME": "/root", "EDGEMEET_CONFIG": ""})


def test_variables_alone_are_a_configuration(tmp_path, monkeypatch):
    monkeypatch.setattr(loading_module, "DEFAULT_PATH", tmp_path / "edgemeet.toml")
    environ = {"EDGEMEET_MEETING__ID": "a-b-c", "EDGEMEET_PROVISIONING__TOKEN": "x"}
    assert load(environ=environ).meeting.id == "a-b-c"


def test_a_drop_in_alone_is_a_configuration_that_may_be_incomplete(tmp_path, monkeypatch):
    monkeypatch.setattr(loading_module, "DEFAULT_PATH", tmp_path / "edgemeet.toml")
    (tmp_path / "edgemeet.d").mkdir()
    (tmp_path / "edgemeet.d" / "a.toml").write_text('[meeting]\nid = "a-b-c"\n')
    with pytest.raises(ConfigInvalid, match="a way to get a token is missing") as raised:
        load(environ={})
    assert raised.value.faults[0].key == "provisioning"


def test_an_empty_file_is_a_configuration_that_lacks_everything(faults):
    assert faults("") == [
        'FILE: meeting.id: is missing: meeting.source "fixed" needs the id of the meeting',
        "FILE: provisioning: a way to get a token is missing: give url, token, token_file, or api_key with "
        "api_secret",
    ]


def test_a_folder_in_place_of_the_file_is_unreadable(config_file):
    config_file.mkdir()
    with pytest.raises(ConfigInvalid, match="this is not a file") as raised:
        load(config_file, environ={})
    assert raised.value.code == "config.unreadable"


def test_a_fifo_in_place_of_the_file_does_not_wait(config_file):
    os.mkfifo(config_file)
    with pytest.raises(ConfigInvalid, match="this is not a file"):
        load(config_file, environ={})


def test_a_huge_file_is_refused(read):
    with pytest.raises(ConfigInvalid, match="larger than 1048576 bytes"):
        read("#" * 1_048_577)


@pytest.fixture
def denied(monkeypatch):
    """Permission is denied for paths with this word; tests run as root, whom no mode stops."""

    def deny(word: str) -> None:
        real_open, real_scandir = os.open, os.scandir

        def fake_open(path, *args, **kwargs):
            if word in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return real_open(path, *args, **kwargs)

        def fake_scandir(path="."):
            if word in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return real_scandir(path)

        monkeypatch.setattr(os, "open", fake_open)
        monkeypatch.setattr(os, "scandir", fake_scandir)

    return deny


def test_a_file_without_permission_is_unreadable_and_nothing_is_said_to_be_missing(
    read, denied, needed, config_file
):
    config_file.write_text(needed)
    denied("edgemeet.toml")
    with pytest.raises(ConfigInvalid) as raised:
        load(config_file, environ={})
    assert [str(fault) for fault in raised.value.faults] == [
        f"{config_file}: cannot be read: permission denied"
    ]
    assert raised.value.code == "config.unreadable"


def test_a_drop_in_folder_without_permission_is_unreadable(denied, needed, config_file):
    config_file.write_text(needed)
    config_file.with_suffix(".d").mkdir()
    denied("edgemeet.d")
    with pytest.raises(ConfigInvalid, match=r"edgemeet\.d: cannot be read: permission denied") as raised:
        load(config_file, environ={})
    assert raised.value.code == "config.unreadable"


def test_all_sources_tell_their_faults_at_once(read, config_file, tmp_path):
    drop_ins = config_file.with_suffix(".d")
    drop_ins.mkdir()
    (drop_ins / "a.toml").write_text("[camera\n")
    (drop_ins / "b.toml").write_text("[camera]\nfps = 0\n")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "provisioning.token").write_text("\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), "EDGEMEET_CAMERA__WIDTH": "wide"}
    with pytest.raises(ConfigInvalid) as raised:
        read("[camera]\nheigth = 720\n", environ)
    assert {(fault.file, fault.key) for fault in raised.value.faults} == {
        (str(config_file), "camera.heigth"),
        (str(drop_ins / "a.toml"), ""),
        (str(drop_ins / "b.toml"), "camera.fps"),
        ("credential provisioning.token", ""),
        ("EDGEMEET_CAMERA__WIDTH", "camera.width"),
    }
    assert raised.value.code == "config.syntax"
    assert str(raised.value).splitlines()[0] == "the configuration has 5 faults"
    assert isinstance(raised.value, ConfigError)


def test_a_single_fault_is_the_whole_message(read, needed):
    with pytest.raises(ConfigInvalid) as raised:
        read(needed + "[camera]\nfps = 0\n")
    assert str(raised.value) == str(raised.value.faults[0])
    assert raised.value.code == "config.invalid"


def test_pydantic_is_not_the_context_of_the_error(read):
    with pytest.raises(ConfigInvalid) as raised:
        read("[camera]\nfps = 0\n")
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("uid", "environ", "state", "runtime"),
    [
        (0, {}, "/var/lib/edgemeet", "/run/edgemeet"),
        (0, {"XDG_STATE_HOME": "/x"}, "/var/lib/edgemeet", "/run/edgemeet"),
        (
            1000,
            {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "RUNTIME_DIRECTORY": "/run/a"},
            "/var/lib/a",
            "/run/a",
        ),
        (
            1000,
            {"XDG_STATE_HOME": "/h/state", "XDG_RUNTIME_DIR": "/run/user/7"},
            "/h/state/edgemeet",
            "/run/user/7/edgemeet",
        ),
        (1000, {"HOME": "/h"}, "/h/.local/state/edgemeet", "/run/user/1000/edgemeet"),
        (
            1000,
            {"HOME": "/h", "XDG_STATE_HOME": "relative"},
            "/h/.local/state/edgemeet",
            "/run/user/1000/edgemeet",
        ),
    ],
)
def test_directories(read, needed, monkeypatch, uid, environ, state, runtime):
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    settings = read(needed, environ)
    assert settings.state_directory == Path(state)
    assert settings.runtime_directory == Path(runtime)
    assert settings.control.socket == Path(runtime, "control.sock")


def test_a_configured_directory_wins_and_the_socket_follows(read, needed):
    settings = read('runtime_directory = "/run/mine"\n' + needed, {"RUNTIME_DIRECTORY": "/run/a"})
    assert settings.control.socket == Path("/run/mine/control.sock")
    settings = read('runtime_directory = "/run/mine"\n' + needed, {"EDGEMEET_CONTROL__SOCKET": "/tmp/x.sock"})
    assert settings.control.socket == Path("/tmp/x.sock")


def test_made_directly_the_socket_follows_too():
    assert Settings(runtime_directory=Path("/r")).control.socket == Path("/r/control.sock")
    assert Settings().control.socket == Path("/run/edgemeet/control.sock")


def test_made_directly_settings_see_no_variables(monkeypatch):
    monkeypatch.setenv("MEETING", '{"name": "from outside"}')
    monkeypatch.setenv("STATE_DIRECTORY", "/from/outside")
    settings = Settings()
    assert settings.meeting.name == "edgemeet"
    assert settings.state_directory == Path("/var/lib/edgemeet")
