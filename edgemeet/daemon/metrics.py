"""The TCP port for Prometheus, where one is configured."""

from __future__ import annotations

import logging
import os
import socket

from edgemeet.config import Metrics
from edgemeet.errors import ControlError
from edgemeet.health import HealthRegistry, Severity

logger = logging.getLogger(__name__)

SUBJECT = "metrics"


def metrics_listener(settings: Metrics, health: HealthRegistry) -> socket.socket | None:
    """A listening socket; None when none is wanted, or it cannot be had, which `health` then tells.

    A meeting is not stayed away from because a port is taken.
    """
    if settings.port is None:
        return None
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=16)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else "no such host"
        problem = ControlError(
            f"metrics cannot be served at {settings.host} port {settings.port}: {reason}",
            code="metrics.address",
            hint="set metrics.port to one that is free, and metrics.host to an address of this machine",
        )
        health.raise_condition(SUBJECT, problem, Severity.WARNING)
        logger.warning("%s (%s)", problem.message, problem.code)
        return None
