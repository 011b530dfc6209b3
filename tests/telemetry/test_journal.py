"""What journald is sent, and what it is spared."""

from __future__ import annotations

import logging
import os
import socket
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgemeet.telemetry import journal, logs
from edgemeet.telemetry.repeats import BURST, WINDOW, RepeatFilter


def parse(data: bytes) -> dict[str, str]:
    """As journald reads an entry."""
    fields = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack_from("<Q", data)
            value, data = data[8 : 8 + length], data[8 + length + 1 :]
        fields[name.decode()] = value.decode()
    return fields


class Journald:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(10)

    def read(self) -> dict[str, str]:
        return parse(self._socket.recv(1 << 20))

    def close(self) -> None:
        self._socket.close()
        self.path.unlink(missing_ok=True)


@pytest.fixture
def journald() -> Iterator[Journald]:
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has 107 bytes
        journald = Journald(Path(folder) / "socket")
        yield journald
        journald.close()


@pytest.fixture
def log(journald: Journald, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[logging.Logger]:
    """Set up as it is for a service, whose standard error is the journal."""
    monkeypatch.setattr(journal.JournalHandler.__init__, "__defaults__", (journald.path,))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    with (tmp_path / "stderr").open("w") as stream:
        status = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        logs.configure_logging("info", "auto", logs.Redactor(), stream=stream, environ=environ)
        yield logging.getLogger("edgemeet.signaling.room")
        for handler in root.handlers[:]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)
        for handler in before:
            root.addHandler(handler)
    assert (tmp_path / "stderr").read_text() == ""


def test_an_entry_has_fields_to_look_for(journald: Journald, log: logging.Logger) -> None:
    log.warning("the websocket is gone: %s", "reset")
    entry = journald.read()
    assert entry["MESSAGE"] == "signaling: the websocket is gone: reset"
    assert (entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]) == ("4", "edgemeet")
    assert (entry["EDGEMEET_ROOM"], entry["CODE_FILE"]) == ("signaling", __file__)


def test_a_traceback_is_one_entry(journald: Journald, log: logging.Logger) -> None:
    try:
        raise ValueError("odd")
    except ValueError:
        log.exception("a defect")
    message = journald.read()["MESSAGE"]
    assert message.startswith("signaling: a defect\nTraceback")
    assert message.endswith("ValueError: odd")


def test_no_text_makes_a_field_of_its_own(journald: Journald, log: logging.Logger) -> None:
    log.info("a name:\nPRIORITY=0\n_UID=0")
    entry = journald.read()
    assert entry["PRIORITY"] == "6"
    assert "_UID" not in entry


def test_secrets_do_not_pass(journald: Journald, log: logging.Logger) -> None:
    log.error("token=%s", "eyJhbGciOiJIUzI1NiJ9.eyJ4IjoxfQ.c2lnbmF0dXJl")
    assert "eyJ" not in journald.read()["MESSAGE"]


def test_a_journald_that_was_started_anew_is_found(journald: Journald, log: logging.Logger) -> None:
    log.info("one")
    assert journald.read()["MESSAGE"].endswith("one")
    journald.close()
    log.info("nobody hears")
    again = Journald(journald.path)
    try:
        log.info("two")
        assert again.read()["MESSAGE"].endswith("two")
    finally:
        again.close()


def test_a_journald_that_reads_nothing_holds_nobody_up(journald: Journald, log: logging.Logger) -> None:
    for number in range(2000):
        log.info("%s", "x" * 1000, extra={"number": number})
        log.debug("not written")
    big = logging.getLogger("edgemeet.rtc")
    big.info("y" * 1_000_000)  # longer than any datagram may be
    assert journald.read()["MESSAGE"].startswith("signaling: x")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def passed(repeats: RepeatFilter, template: str, *values: object, level: int = logging.WARNING) -> int | None:
    """How many were suppressed before it; None when it does not pass."""
    record = logging.LogRecord("edgemeet.rtc", level, __file__, 1, template, values, None)
    return getattr(record, "suppressed", 0) if repeats.filter(record) else None


def test_a_message_passes_so_often_and_is_counted_then() -> None:
    clock = Clock()
    repeats = RepeatFilter(clock)
    seen = [passed(repeats, "frame %d dropped", number) for number in range(BURST + 5)]
    assert seen == [0] * BURST + [None] * 5
    assert passed(repeats, "another") == 0
    clock.now += WINDOW
    assert passed(repeats, "frame %d dropped", 99) == 5
    assert passed(repeats, "frame %d dropped", 100) == 0


def test_debug_messages_all_pass() -> None:
    repeats = RepeatFilter(Clock())
    assert {passed(repeats, "again", level=logging.DEBUG) for _ in range(10 * BURST)} == {0}


def test_messages_that_are_no_templates_do_not_fill_the_memory() -> None:
    repeats = RepeatFilter(Clock())
    assert all(passed(repeats, f"frame {number} dropped") == 0 for number in range(5000))
    assert len(vars(repeats)["_windows"]) <= 1000
