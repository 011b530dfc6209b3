"""Where log lines go and what they look like."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Literal, TextIO

from edgemeet.telemetry.redaction import Redactor

LogFormat = Literal["auto", "plain", "journal", "json"]

# sd-daemon(3): the journal reads a syslog priority from "<N>" at the start of a line.
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}

# These log what passes over the wire, tokens and ICE passwords included, at DEBUG.
_TALKATIVE = ("aioice", "aiortc", "asyncio", "httpcore", "httpx", "uvicorn", "websockets", "PIL", "libav")


class _RedactingFormatter(logging.Formatter):
    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def body(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return self._redact(text)

    @staticmethod
    def room(record: logging.LogRecord) -> str:
        """`edgemeet.signaling.room` speaks as `signaling`."""
        parts = record.name.split(".")
        return parts[1] if parts[0] == "edgemeet" and len(parts) > 1 else record.name


class PlainFormatter(_RedactingFormatter):
    """For a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        return (
            f"{clock}.{int(record.msecs):03d} {record.levelname:<7} {self.room(record)}: {self.body(record)}"
        )


class JournalFormatter(_RedactingFormatter):
    """For journald: it adds the time itself, and takes the priority from each line's prefix."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITY.get(record.levelno, 6)}>"
        lines = f"{self.room(record)}: {self.body(record)}".splitlines()
        return "\n".join(prefix + line for line in lines)


class JsonFormatter(_RedactingFormatter):
    """One JSON object a line, for log shippers."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
                + f".{int(record.msecs):03d}Z",
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": self.body(record),
            },
            ensure_ascii=False,
        )


_FORMATTERS = {"plain": PlainFormatter, "journal": JournalFormatter, "json": JsonFormatter}


def under_journald(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """True when `stream` is the journal: $JOURNAL_STREAM names its device and inode, systemd.exec(5)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def configure_logging(
    level: str,
    log_format: LogFormat,
    redactor: Redactor,
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send all log records to `stream` (standard error by default), redacted.

    Args:
        level: a level name of `logging`, in any case; it holds for edgemeet itself. Libraries are heard
            from WARNING on, because some log secrets and every packet below that.
        log_format: "auto" is "journal" under journald, else "plain".
        redactor: takes the secrets out of every line.
        stream: where to write.
        environ: where $JOURNAL_STREAM is looked for.
    """
    stream = stream or sys.stderr
    if log_format == "auto":
        log_format = "journal" if under_journald(stream, environ) else "plain"
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_FORMATTERS[log_format](redactor))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("edgemeet").setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
