import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """\
[meeting]
id = "abcd-efgh-ijkl"
[provisioning]
url = "http://127.0.0.1:9/get-token"
bearer = "a-device-key-nobody-may-see"
auth = "bearer"
"""


def edgemeet(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("EDGEMEET_")}
    return subprocess.run(
        [sys.executable, "-m", "edgemeet", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean | environ,
        check=False,
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edgemeet.toml"
    path.write_text(GOOD)
    return path


def test_a_good_configuration_is_said_to_be_good(config: Path) -> None:
    done = edgemeet("config", "check", "--config", str(config))
    assert (done.returncode, done.stdout) == (0, "the configuration is good\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[meeting]\nnam = "x"', "meeting.nam: there is no such key; did you mean meeting.name?"),
        ("[camera]\nwidth = 1281", "camera.width"),
        ('[meeting\nid = "x"', "edgemeet.toml"),
    ],
)
def test_a_bad_configuration_stops_every_command_with_78(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    for command in (["run"], ["config", "check"], ["status"]):
        done = edgemeet(*command, "--config", str(config))
        assert done.returncode == 78, command
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_no_configuration_is_told_apart(tmp_path: Path) -> None:
    done = edgemeet("run", "--config", str(tmp_path / "nothing.toml"))
    assert done.returncode == 78
    assert "there is no configuration" in done.stderr


def test_show_masks_secrets_and_prints_toml(config: Path) -> None:
    done = edgemeet("config", "show", "--config", str(config))
    assert done.returncode == 0
    assert "nobody-may-see" not in done.stdout + done.stderr
    assert 'id = "abcd-efgh-ijkl"' in done.stdout


def test_the_schema_is_json() -> None:
    assert "properties" in json.loads(edgemeet("config", "schema").stdout)


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["reload"],
        ["rejoin"],
        ["leave"],
        ["mute"],
        ["unmute"],
        ["camera", "on"],
        ["camera", "off"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["", "--json"])
def test_without_a_daemon_every_command_says_so(tmp_path: Path, command: list[str], more: list[str]) -> None:
    path = tmp_path / "none.sock"
    done = edgemeet(*command, "--socket", str(path), *more)
    assert (done.returncode, done.stdout) == (69, "")
    assert f"no edgemeet is running: nothing answers on {path}\n" in done.stderr


@pytest.mark.parametrize(
    ("environ", "text", "socket"),
    [
        ({}, "", "/run/edgemeet/control.sock"),
        ({"RUNTIME_DIRECTORY": "{tmp}"}, "", "/run/edgemeet/control.sock"),  # nobody ever was there
        ({"EDGEMEET_CONTROL__SOCKET": "{tmp}/a.sock"}, "", "{tmp}/a.sock"),
        ({"EDGEMEET_CONFIG": "{tmp}/edgemeet.toml"}, "", "/run/edgemeet/control.sock"),
        ({"EDGEMEET_CONFIG": "{tmp}/edgemeet.toml"}, '[control]\nsocket = "{tmp}/b.sock"', "{tmp}/b.sock"),
        ({"EDGEMEET_RUNTIME_DIRECTORY": "{tmp}/run"}, "", "/run/edgemeet/control.sock"),
    ],
    ids=["nothing", "systemd's", "variable", "file", "file that says it", "directory"],
)
def test_the_place_where_no_daemon_is_found_is_named(
    config: Path, environ: dict[str, str], text: str, socket: str
) -> None:
    tmp = str(config.parent)
    config.write_text(GOOD + text.replace("{tmp}", tmp))
    done = edgemeet("status", **{name: value.replace("{tmp}", tmp) for name, value in environ.items()})
    assert done.returncode == 69
    assert f"nothing answers on {socket.replace('{tmp}', tmp)}\n" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["no-such-command"], ["status", "--socket"], ["status", "--nonsense"], ["mute", "me"], ["run", "fast"]],
    ids=" ".join,
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert edgemeet(*arguments).returncode == 2


def test_the_version_is_told() -> None:
    assert edgemeet("--version").stdout.startswith("edgemeet ")


def test_the_doctor_tells_the_worst_by_its_exit_code(config: Path) -> None:
    good = edgemeet("doctor", "--only", "config", "--json", "--config", str(config))
    assert (good.returncode, json.loads(good.stdout)["worst"]) == (0, "ok")
    config.write_text('[meeting]\nnam = "x"')
    bad = edgemeet("doctor", "--only", "config", "--only", "memory", "--config", str(config))
    assert bad.returncode == 4
    assert "config.invalid" in bad.stdout
    assert edgemeet("doctor", "--only", "no-such-check").returncode == 2
