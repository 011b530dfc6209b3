import os
import socket
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
