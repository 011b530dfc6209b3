"""The life of what scripts/install puts there: new, again, newer, gone. The tests run in this order."""

from __future__ import annotations

import shlex

import pytest
from machine import Machine, needed
from meeting import CONFIG, ROOM, Meeting, configure


def install(machine: Machine, *arguments: str) -> str:
    """Run scripts/install without a network, as pip is told to; what it said."""
    environment = f"PIP_NO_INDEX=1 PIP_FIND_LINKS={shlex.quote(needed('SYSTEM_WHEELS'))}"
    command = f"{needed('SYSTEM_CLONE')}/scripts/install {shlex.join(arguments)}"
    return machine.run(f"env {environment} {command} 2>&1", timeout=300)


@pytest.fixture(scope="module")
def wheel() -> str:
    return needed("SYSTEM_WHEEL")


@pytest.fixture(scope="module")
def newer_wheel() -> str:
    return needed("SYSTEM_NEWER_WHEEL")


def test_a_new_machine_asks_to_be_configured(machine: Machine, wheel: str) -> None:
    before = machine.run(
        "/usr/bin/python3 -m pip list 2>/dev/null; ls -A /usr/lib/python3*/site-packages; true"
    )
    said = install(machine, "--wheel", wheel)
    assert "fill in /etc/edgemeet/edgemeet.toml" in said
    assert machine.run("edgemeet --version").strip().endswith(".dev1")
    assert machine.show("edgemeet.service", "ActiveState")["ActiveState"] == "inactive"
    assert machine.run("systemctl is-enabled edgemeet.service edgemeet.socket").split() == ["enabled"] * 2
    assert machine.run("stat -c '%a %U %G' /etc/edgemeet/edgemeet.toml").strip() == "640 root edgemeet"
    # The system's own Python is as it was, and the program sees the system's packages.
    after = machine.run(
        "/usr/bin/python3 -m pip list 2>/dev/null; ls -A /usr/lib/python3*/site-packages; true"
    )
    assert after == before
    machine.run("/opt/edgemeet/bin/python3 -c 'import alsaaudio'")


def test_the_service_is_in_the_meeting(machine: Machine, meeting: Meeting) -> None:
    configure(machine, meeting)
    machine.run("systemctl start edgemeet.service")
    meeting.expect_media("audio", "video")


def test_again_changes_nothing_but_the_process(machine: Machine, meeting: Meeting, wheel: str) -> None:
    me, pid = meeting.expect_media("audio", "video"), machine.main_pid()
    files = "find /etc/edgemeet /usr/local/lib/systemd /usr/local/bin -type f -exec sha256sum {} + | sort"
    before = machine.run(files)
    install(machine, "--wheel", wheel)
    assert machine.run(files) == before
    assert machine.main_pid() not in {0, pid}
    assert meeting.expect_media("audio", "video") == me


def test_a_newer_version_keeps_identity_and_configuration(
    machine: Machine, meeting: Meeting, newer_wheel: str
) -> None:
    me = meeting.expect_media("audio", "video")
    install(machine, "--wheel", newer_wheel)
    assert machine.run("edgemeet --version").strip().endswith(".dev2")
    assert meeting.expect_media("audio", "video") == me


def test_an_update_that_cannot_be_fetched_leaves_what_runs(
    machine: Machine, meeting: Meeting, wheel: str
) -> None:
    pid = machine.main_pid()
    command = f"{needed('SYSTEM_CLONE')}/scripts/install --wheel {wheel}"
    assert machine.attempt(f"env PIP_NO_INDEX=1 {command}").returncode != 0
    assert machine.main_pid() == pid
    assert machine.run("edgemeet --version").strip().endswith(".dev2")
    meeting.expect_media("audio", "video")


def test_what_was_stopped_and_disabled_stays_so(machine: Machine, newer_wheel: str) -> None:
    machine.run("systemctl disable --now edgemeet.service edgemeet.socket 2>&1")
    install(machine, "--wheel", newer_wheel)
    states = machine.attempt("systemctl is-enabled edgemeet.service edgemeet.socket").stdout.split()
    assert states == ["disabled"] * 2
    assert machine.show("edgemeet.service", "ActiveState")["ActiveState"] == "inactive"


def test_the_package_does_not_go_over_it(machine: Machine, package: str) -> None:
    done = machine.attempt(f"dpkg --install {package}")
    assert done.returncode != 0
    assert "scripts/install --uninstall" in done.stderr
    machine.run("dpkg --purge edgemeet 2>&1; true")
    assert machine.run("edgemeet --version").strip().endswith(".dev2")


def test_uninstalling_leaves_the_meeting_and_keeps_what_was_made_by_hand(
    machine: Machine, meeting: Meeting
) -> None:
    machine.write("/etc/edgemeet/edgemeet.toml", CONFIG.format(room=ROOM, url=meeting.url))
    machine.run("systemctl start edgemeet.service")
    me = meeting.expect_media("audio", "video")
    install(machine, "--uninstall")
    assert meeting.participants() == {}
    assert machine.run("ls -d /opt/edgemeet /usr/local/bin/edgemeet 2>/dev/null; true") == ""
    assert machine.run("cat /var/lib/edgemeet/participant-id").strip() == me
    install(machine, "--uninstall")  # twice is no fault


def test_purging_leaves_nothing(machine: Machine) -> None:
    install(machine, "--purge")
    found = machine.run(
        "find / -xdev -name '*edgemeet*' -not -path '/proc/*' -not -path '/var/log/*' -not -path '/var/tmp/*'"
        " -not -path '/var/lib/dpkg/*' 2>/dev/null; true"
    )
    assert found.strip() == ""
