"""What the environment of a test must not have."""

from __future__ import annotations

import pytest


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of a test are on loopback, where no proxy leads."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
