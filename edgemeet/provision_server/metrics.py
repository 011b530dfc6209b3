"""What the server counts, for Prometheus; with several workers, over all of them."""

from __future__ import annotations

import os
from typing import Final

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from edgemeet.provision_server.database import Database
from edgemeet.provision_server.tables import DEVICES

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_SEEN_LATELY: Final = 300  # seconds
_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """The counters of one worker."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._several = DIRECTORY_VARIABLE in os.environ
        self._requests = Counter(
            "edgemeet_provision_requests",
            "Requests, by endpoint and by what became of them.",
            ("endpoint", "outcome"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "edgemeet_provision_request_seconds",
            "From a request's last byte to its answer.",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._tokens = Counter("edgemeet_provision_tokens", "Tokens that were made.", registry=self._registry)

    def note(self, endpoint: str, outcome: str, seconds: float) -> None:
        """A request was answered. ``outcome`` is "ok" or the code of the refusal."""
        self._requests.labels(endpoint, outcome).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def note_token(self) -> None:
        """A token was made."""
        self._tokens.inc()

    def render(self, database: Database, now: float) -> bytes:
        """All of it in Prometheus' text format. Raises DatabaseGone."""
        gauges = CollectorRegistry()
        devices = Gauge("edgemeet_provision_devices", "Devices, by state.", ("state",), registry=gauges)
        for state, number in _states(database, now).items():
            devices.labels(state).set(number)
        counted = self._registry
        if self._several:
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call] # the library leaves it untyped
        return generate_latest(counted) + generate_latest(gauges)


def _states(database: Database, now: float) -> dict[str, int]:
    active = DEVICES.c.revoked_at.is_(None) & DEVICES.c.public_key.is_not(None)
    parts = {
        "waiting": DEVICES.c.revoked_at.is_(None) & DEVICES.c.public_key.is_(None),
        "active": active,
        "revoked": DEVICES.c.revoked_at.is_not(None),
        "seen_lately": active & (DEVICES.c.last_seen_at > int(now) - _SEEN_LATELY),
    }
    counts = (sa.func.count(sa.case((condition, 1))).label(name) for name, condition in parts.items())
    with database.read() as connection:
        row = connection.execute(sa.select(*counts).select_from(DEVICES)).one()
    return {name: int(number) for name, number in row._mapping.items()}
