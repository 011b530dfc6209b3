import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from edgemeet.systemd import Notifier


def test_what_systemd_hears(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        heard.settimeout(5)
        os.environ["NOTIFY_SOCKET"] = str(path)
        try:
            notifier = Notifier()
        finally:
            del os.environ["NOTIFY_SOCKET"]
        notifier.ready()
        notifier.status("in the meeting")
        notifier.status("in the meeting")
        notifier.ping()
        notifier.stopping()
        notifier.close()
        notifier.ping()
        messages = [heard.recv(1024).decode() for _ in range(4)]
        heard.setblocking(False)
        with pytest.raises(BlockingIOError):
            heard.recv(1024)
    assert messages == ["READY=1", "STATUS=in the meeting", "WATCHDOG=1", "STOPPING=1"]


def test_without_systemd_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready()
    notifier.close()


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "junk"}, None),
        ({"WATCHDOG_USEC": "10000000"}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 5.0),
    ],
)
def test_the_watchdog_is_pinged_twice_as_often_as_needed(
    environ: dict[str, str], interval: float | None
) -> None:
    assert Notifier(environ).watchdog_interval == interval


def hear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speak: Callable[[Notifier], None]) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notifier = Notifier(clock=lambda: 12.345678)
        speak(notifier)
        notifier.close()
        return heard.recv(4096).decode()


def test_reloading_tells_when_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = hear(tmp_path, monkeypatch, Notifier.reloading)
    assert told == "RELOADING=1\nMONOTONIC_USEC=12345678"


def test_a_status_cannot_smuggle_in_another_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = hear(tmp_path, monkeypatch, lambda notifier: notifier.status("In a\nWATCHDOG=1 room" + "x" * 9999))
    assert told.startswith("STATUS=In a WATCHDOG=1 roomx")
    assert len(told) < 500
