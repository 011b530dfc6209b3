"""The service as systemd runs it, hardened, in a meeting. One machine for all tests, in this order."""

from __future__ import annotations

import json
import re
import time

import pytest
from machine import Machine, eventually
from meeting import CONFIG, ROOM, Meeting, configure, joined


def restarted(machine: Machine, before: int) -> bool:
    return machine.main_pid() not in {0, before}


def moment(machine: Machine, name: str) -> float:
    """A time stamp of the service, in seconds on the clock that `time.monotonic` has here too."""
    return int(machine.show("edgemeet.service", name)[name]) / 1_000_000


def test_a_new_package_does_not_start_what_is_not_configured(machine: Machine, package: str) -> None:
    done = machine.attempt(f"dpkg --install {package}", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fill in /etc/edgemeet/edgemeet.toml" in done.stderr
    assert machine.show("edgemeet.service", "ActiveState")["ActiveState"] == "inactive"
    assert machine.run("systemctl is-enabled edgemeet.service edgemeet.socket").split() == ["enabled"] * 2
    assert re.fullmatch(r"edgemeet \d+\.\d+\.\d+\.dev1", machine.run("edgemeet --version").strip())


def test_the_configuration_is_not_for_everybody(machine: Machine) -> None:
    modes = machine.run("stat -c '%a %U %G' /etc/edgemeet /etc/edgemeet/edgemeet.toml").splitlines()
    assert modes == ["750 root edgemeet", "640 root edgemeet"]


def test_active_with_a_status_that_tells_something(machine: Machine, meeting: Meeting) -> None:
    configure(machine, meeting)
    machine.run("systemctl start edgemeet.service")
    shown = machine.show("edgemeet.service", "ActiveState", "SubState", "Type")
    assert shown == {"ActiveState": "active", "SubState": "running", "Type": "notify"}
    eventually(
        lambda: re.search(rf"In {ROOM} with 0 other", machine.run("systemctl status edgemeet")),
        within=60,
        what="the meeting in the status line",
    )


def test_picture_and_sound_arrive_under_full_hardening(installed: Machine, meeting: Meeting) -> None:
    meeting.expect_media("audio", "video")
    status = installed.status()
    assert status is not None
    assert status["health"] == []
    assert {capture["source"] for capture in status["captures"]} == {"test", "alsa tone"}


def test_it_is_no_root_and_has_no_capability(installed: Machine) -> None:
    status = installed.run(f"cat /proc/{installed.main_pid()}/status")
    uid = installed.run("id -u edgemeet").strip()
    assert re.search(rf"^Uid:\t{uid}\t{uid}\t{uid}\t{uid}$", status, re.MULTILINE)
    for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{which}:\t0+$", status, re.MULTILINE), which
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)


def test_nothing_is_refused_that_it_needs(installed: Machine) -> None:
    log = installed.journal()
    assert "Traceback" not in log
    assert "Operation not permitted" not in log
    assert "Read-only file system" not in log


def test_the_journal_has_fields_to_look_for(installed: Machine) -> None:
    found = installed.run("journalctl -u edgemeet.service EDGEMEET_ROOM=supervisor -o json -n 1").strip()
    entry = json.loads(found)
    assert entry["MESSAGE"].startswith("supervisor: ")
    assert entry["_SYSTEMD_UNIT"] == "edgemeet.service"
    assert entry["CODE_FILE"].endswith(".py")


def test_it_may_write_nowhere_else(installed: Machine) -> None:
    pid = installed.main_pid()
    inside = f"nsenter -t {pid} -m -S $(id -u edgemeet) -G $(id -g edgemeet) --"
    for folder in ("/etc/edgemeet", "/opt/edgemeet/lib", "/usr/bin", "/var/log", "/home", "/root", "/srv"):
        assert installed.attempt(f"{inside} touch {folder}/x").returncode != 0, folder
    for folder in ("/var/lib/edgemeet", "/run/edgemeet", "/tmp"):
        installed.run(f"{inside} sh -c 'touch {folder}/x && rm {folder}/x'")


def test_it_has_written_nowhere_else(installed: Machine) -> None:
    """Files of its user, and files newer than its start outside what others write."""
    uid = installed.run("id -u edgemeet").strip()
    owned = installed.run(f"find / -xdev -user {uid} -not -path '/proc/*' 2>/dev/null; true").split()
    allowed = ("/var/lib/edgemeet", "/run/edgemeet", "/tmp/systemd-private", "/var/tmp/systemd-private")
    assert [path for path in owned if not path.startswith(allowed)] == []
    state = dict(
        line.split()
        for line in installed.run("find /var/lib/edgemeet -type f -printf '%f %m\\n'").splitlines()
    )
    assert "participant-id" in state
    assert set(state.values()) == {"600"}


def test_a_hung_daemon_tells_its_stacks_is_killed_and_returns(installed: Machine, meeting: Meeting) -> None:
    """Hung for real: the event loop's thread is in a call that does not return."""
    folder = "/etc/systemd/system/edgemeet.service.d"
    installed.write("/var/lib/test/python/sitecustomize.py", HANG)
    installed.write(f"{folder}/hang.conf", "[Service]\nEnvironment=PYTHONPATH=/var/lib/test/python\n")
    installed.run("systemctl daemon-reload && systemctl restart edgemeet.service")
    meeting.expect_media("audio", "video")
    before = installed.main_pid()
    installed.run(f"kill -USR1 {before}")
    eventually(lambda: restarted(installed, before), within=90, what="another process")
    log = installed.run("journalctl --no-pager -u edgemeet.service")
    dumped, killed = log.index("a_driver_that_never_returns"), log.index("Watchdog timeout")
    assert dumped < killed
    meeting.expect_media("audio", "video")
    installed.run(f"rm {folder}/hang.conf && systemctl daemon-reload && systemctl restart edgemeet.service")


HANG = """
import signal, time

def a_driver_that_never_returns(*_):
    time.sleep(600)

signal.signal(signal.SIGUSR1, a_driver_that_never_returns)
"""


def test_a_stopped_process_is_killed_and_returns(installed: Machine, meeting: Meeting) -> None:
    before = installed.main_pid()
    installed.run(f"kill -STOP {before}")
    eventually(lambda: restarted(installed, before), within=90, what="another process")
    meeting.expect_media("audio", "video")
    assert len(meeting.participants()) == 1


def test_a_killed_process_is_back_within_five_seconds(installed: Machine, meeting: Meeting) -> None:
    me = meeting.expect_media("audio", "video")
    before, killed = installed.main_pid(), time.monotonic()
    installed.run(f"kill -KILL {before}")
    eventually(lambda: restarted(installed, before), within=60, what="another process")
    assert moment(installed, "ExecMainStartTimestampMonotonic") - killed < 5
    eventually(lambda: joined(installed), within=60, what="joined again")
    assert meeting.expect_media("audio", "video") == me


def test_its_children_go_with_it(installed: Machine) -> None:
    group = installed.show("edgemeet.service", "ControlGroup")["ControlGroup"]

    def three() -> bool:
        """The daemon, the camera, the microphone; for a moment one more while a capture is replaced."""
        processes = installed.run(f"cat /sys/fs/cgroup{group}/cgroup.procs").split()
        # The kernel writes 0 for those of another machine: two that run at once share their cgroups.
        return len([process for process in processes if process != "0"]) == 3

    eventually(three, within=60, what="three processes")


def test_a_good_reload(installed: Machine, meeting: Meeting) -> None:
    text = CONFIG.format(room=ROOM, url=meeting.url)
    pid = installed.main_pid()
    installed.write("/etc/edgemeet/edgemeet.toml", text.replace("640", "320").replace("360", "180"))
    installed.run("systemctl reload edgemeet")
    eventually(lambda: width(installed) == 320, within=60, what="the new size")
    meeting.expect_media("audio", "video")
    assert installed.main_pid() == pid
    assert installed.show("edgemeet.service", "ActiveState")["ActiveState"] == "active"


def width(machine: Machine) -> int | None:
    status = machine.status()
    sizes = (
        [p["encodings"][0]["width"] for p in status["producers"] if p["kind"] == "video"] if status else []
    )
    return sizes[0] if sizes else None


def test_a_bad_reload_fails_and_changes_nothing(installed: Machine, meeting: Meeting) -> None:
    pid, text = installed.main_pid(), CONFIG.format(room=ROOM, url=meeting.url)
    installed.write("/etc/edgemeet/edgemeet.toml", text.replace("width = 640", "width = 641"))
    done = installed.attempt("systemctl reload edgemeet")
    assert done.returncode != 0
    assert "camera.width" in installed.journal()
    meeting.expect_media("audio", "video")
    assert installed.main_pid() == pid
    status = installed.status()
    assert status is not None
    assert [condition["code"] for condition in status["health"]] == ["config.invalid"]
    installed.write("/etc/edgemeet/edgemeet.toml", text)
    installed.run("systemctl reload edgemeet")
    status = installed.status()
    assert status is not None
    assert status["health"] == []


def test_a_hangup_reloads_too(installed: Machine) -> None:
    pid = installed.main_pid()
    installed.run(f"kill -HUP {pid}")
    eventually(
        lambda: "SIGHUP: reloading" in installed.journal() and installed.main_pid() == pid,
        within=30,
        what="a reload",
    )


def test_members_of_the_group_may_and_others_may_not(installed: Machine) -> None:
    users = "u operator -\nm operator edgemeet\nu stranger -\n"
    installed.write("/etc/sysusers.d/test.conf", users)
    installed.run("systemd-sysusers")
    assert json.loads(installed.run("runuser -u operator -- edgemeet status --json"))["state"]
    stranger = installed.attempt("runuser -u stranger -- edgemeet status")
    assert (stranger.returncode, stranger.stdout) == (77, "")
    # Not even when the file would let them.
    installed.run("chmod 755 /run/edgemeet && chmod 666 /run/edgemeet/control.sock")
    ask = "curl -sS --unix-socket /run/edgemeet/control.sock -X POST http://x/v1/mute"
    answer = json.loads(installed.run(f"runuser -u stranger -- {ask}"))
    assert answer["error"]["code"] == "control.forbidden"
    installed.run("chmod 750 /run/edgemeet && chmod 660 /run/edgemeet/control.sock")
    installed.run(f"runuser -u operator -- {ask}; runuser -u operator -- edgemeet unmute")
    uid = installed.run("id -u operator").strip()
    assert re.search(rf"uid {uid} \(pid \d+\): POST /v1/mute", installed.journal())


def test_stop_leaves_the_meeting_in_time(installed: Machine, meeting: Meeting) -> None:
    meeting.expect_media("audio", "video")
    installed.run("systemctl stop edgemeet.service")
    assert meeting.participants() == {}
    began = moment(installed, "ActiveExitTimestampMonotonic")
    ended = moment(installed, "InactiveEnterTimestampMonotonic")
    assert 0 < ended - began < 5
    result = installed.show("edgemeet.service", "Result", "ExecMainStatus", "ActiveState")
    assert result == {"Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"}


def test_who_asks_how_it_is_does_not_start_what_was_stopped(installed: Machine) -> None:
    assert installed.attempt("edgemeet status").returncode == 69
    assert installed.show("edgemeet.service", "ActiveState")["ActiveState"] == "inactive"


def test_the_socket_starts_the_service(installed: Machine, meeting: Meeting) -> None:
    installed.run("systemctl start edgemeet.socket")
    assert installed.show("edgemeet.service", "ActiveState")["ActiveState"] == "inactive"
    mode = installed.run("stat -c '%a %U %G' /run/edgemeet/control.sock").strip()
    assert mode == "660 root edgemeet"
    status = eventually(installed.status, within=60, what="an answer")
    assert status["version"]
    assert installed.show("edgemeet.service", "ActiveState")["ActiveState"] == "active"
    meeting.expect_media("audio", "video")


def test_credentials_are_for_the_service_alone(installed: Machine, meeting: Meeting) -> None:
    text = CONFIG.format(room=ROOM, url=meeting.url)
    token = installed.run(f"curl -sS '{meeting.url}/get-token'").strip()
    secret = json.loads(token)["token"]
    installed.run("install -d -m 700 /etc/credstore")
    installed.write("/etc/credstore/edgemeet.provisioning.token", secret)
    installed.run("chmod 600 /etc/credstore/edgemeet.provisioning.token")
    installed.write(
        "/etc/edgemeet/edgemeet.toml", re.sub(r"\[provisioning\]\nurl = .*", "[provisioning]", text)
    )
    installed.run("systemctl restart edgemeet.service")
    meeting.expect_media("audio", "video")
    pid = installed.main_pid()
    folder = "/run/credentials/edgemeet.service"
    for user in ("operator", "stranger"):
        done = installed.attempt(f"runuser -u {user} -- cat {folder}/provisioning.token")
        assert "Permission denied" in done.stderr, user
    inside = (
        f"nsenter -t {pid} -m -S $(id -u edgemeet) -G $(id -g edgemeet) -- cat {folder}/provisioning.token"
    )
    assert installed.run(inside) == secret
    children = installed.run(f"cat /proc/{pid}/task/{pid}/children").split()
    for child in children:
        assert "CREDENTIALS" not in installed.run(f"tr '\\0' '\\n' < /proc/{child}/environ")
    assert secret not in installed.journal()
    assert secret not in installed.run("edgemeet config show 2>&1; true")


def test_encrypted_credentials_need_a_drop_in(installed: Machine, meeting: Meeting) -> None:
    stores, name = ("/etc/credstore", "/etc/credstore.encrypted"), "edgemeet.provisioning.token"
    encrypt = "systemd-creds encrypt --with-key=host --name=provisioning.token"
    installed.run(f"mkdir -p {stores[1]} && {encrypt} {stores[0]}/{name} {stores[1]}/{name}")
    installed.run(f"rm {stores[0]}/{name}")
    installed.write(
        "/etc/systemd/system/edgemeet.service.d/secrets.conf",
        f"[Service]\nLoadCredentialEncrypted=provisioning.token:{name}\n",
    )
    installed.run("systemctl daemon-reload && systemctl restart edgemeet.service")
    meeting.expect_media("audio", "video")


@pytest.mark.parametrize(
    ("example", "kinds"),
    [("room-camera", ("audio", "video")), ("kiosk", ("audio",)), ("monitoring", ("video",))],
)
def test_the_example_drop_ins_run(
    installed: Machine, meeting: Meeting, example: str, kinds: tuple[str, ...]
) -> None:
    folder = "/etc/systemd/system/edgemeet.service.d"
    installed.run(f"mkdir -p {folder} && cp /usr/share/doc/edgemeet/examples/{example}.conf {folder}/")
    try:
        installed.run("systemctl daemon-reload && systemctl restart edgemeet.service")
        meeting.expect_media(*kinds)
        status = installed.status()
        assert status is not None
        assert status["health"] == []
    finally:
        installed.run(f"rm {folder}/{example}.conf && systemctl daemon-reload")
