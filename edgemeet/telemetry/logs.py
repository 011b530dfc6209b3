"""Where log lines go and what they look like."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Literal, TextIO

from edgemeet.telemetry.journal import JournalHandler, priority
from edgemeet.telemetry.redaction import Redactor
from edgemeet.telemetry.repeats import RepeatFilter

LogFormat = Literal["auto", "plain", "journal", "json"]

# These log what passes over the wire, tokens and ICE passwords included, at DEBUG.
_TALKATIVE = ("aioice", "aiortc", "asyncio", "httpcore", "httpx", "uvicorn", "websockets", "PIL", "libav")


class _RedactingFormatter(logging.Formatter):
    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def body(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if suppressed := getattr(record, "suppressed", 0):
            text = f"{text} (and {suppressed} more like it, not written)"
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


class EntryFormatter(_RedactingFormatter):
    """For journald's own protocol, where time and priority are fields."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{self.room(record)}: {self.body(record)}"


class JournalFormatter(_RedactingFormatter):
    """For a stream that journald reads: it takes the priority from "<N>" before each line (sd-daemon(3))."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{priority(record.levelno)}>"
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
        log_format: "auto" is "journal" under journald, else "plain". "journal" speaks journald's own protocol
            where `stream` is the journal, and else writes lines for it.
        redactor: takes the secrets out of every line.
        stream: where to write.
        environ: where $JOURNAL_STREAM is looked for.
    """
    stream = stream or sys.stderr
    if log_format == "auto":
        log_format = "journal" if under_journald(stream, environ) else "plain"
    handler = _handler(log_format, redactor, stream, environ)
    handler.addFilter(RepeatFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("edgemeet").setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _handler(
    log_format: str, redactor: Redactor, stream: TextIO, environ: Mapping[str, str]
) -> logging.Handler:
    handler: logging.Handler
    if log_format == "journal" and under_journald(stream, environ):
        try:
            handler = JournalHandler()
        except OSError:  # a container that shows the stream and hides the socket
            pass
        else:
            handler.setFormatter(EntryFormatter(redactor))
            return handler
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_FORMATTERS[log_format](redactor))
    return handler
