"""Logs that can be read and that hold no secret."""

from edgemeet.telemetry.logs import configure_logging
from edgemeet.telemetry.redaction import Redactor

__all__ = ["Redactor", "configure_logging"]
