"""The life of the package on one machine: new, newer, gone. The tests run in this order."""

from __future__ import annotations

from machine import Machine
from meeting import Meeting

TRACES = "/etc/edgemeet /var/lib/edgemeet /opt/edgemeet /usr/bin/edgemeet /run/edgemeet"


def version(machine: Machine) -> str:
    return machine.run("edgemeet --version").strip()


def test_an_upgrade_keeps_identity_and_configuration(
    installed: Machine, meeting: Meeting, newer_package: str
) -> None:
    me = meeting.expect_media("audio", "video")
    assert version(installed).endswith(".dev1")
    pid, config = installed.main_pid(), installed.run("sha256sum /etc/edgemeet/edgemeet.toml")
    installed.run(f"dpkg --install {newer_package}", timeout=300)
    assert version(installed).endswith(".dev2")
    assert installed.main_pid() != pid
    assert installed.run("sha256sum /etc/edgemeet/edgemeet.toml") == config
    assert meeting.expect_media("audio", "video") == me
    assert list(meeting.participants()) == [me]


def test_a_stopped_service_stays_stopped_through_an_upgrade(installed: Machine, newer_package: str) -> None:
    installed.run("systemctl disable --now edgemeet.service edgemeet.socket 2>&1")
    installed.run(f"dpkg --install {newer_package}", timeout=300)
    states = installed.attempt("systemctl is-enabled edgemeet.service edgemeet.socket").stdout.split()
    assert states == ["disabled"] * 2
    installed.run("systemctl enable --now edgemeet.service 2>&1")


def test_removing_leaves_the_meeting_and_keeps_what_was_made_by_hand(
    installed: Machine, meeting: Meeting
) -> None:
    meeting.expect_media("audio", "video")
    installed.run("dpkg --remove edgemeet")
    assert meeting.participants() == {}
    assert installed.attempt("test -e /opt/edgemeet").returncode != 0
    installed.run("test -s /etc/edgemeet/edgemeet.toml && test -s /var/lib/edgemeet/participant-id")


def test_installing_again_is_the_same_participant(
    installed: Machine, meeting: Meeting, newer_package: str
) -> None:
    kept = installed.run("cat /var/lib/edgemeet/participant-id").strip()
    installed.run(f"dpkg --install {newer_package}", timeout=300)
    assert meeting.expect_media("audio", "video") == kept


def test_purging_leaves_nothing(installed: Machine) -> None:
    installed.run("mkdir -p /etc/credstore && touch /etc/credstore/edgemeet.provisioning.token")
    installed.run("dpkg --purge edgemeet")
    assert installed.run(f"ls -d {TRACES} /etc/credstore/edgemeet* 2>/dev/null; true") == ""
    assert installed.run("systemctl list-unit-files 'edgemeet*' --no-legend; true").strip() == ""
    assert (
        installed.run(
            "find / -xdev -name '*edgemeet*' -not -path '/proc/*' -not -path '/var/lib/dpkg/*'"
            # The last is where the host shows the packages.
            " -not -path '/var/log/*' -not -path '/var/tmp/*' 2>/dev/null; true"
        ).strip()
        == ""
    )
