"""The version that is installed."""

from __future__ import annotations

from importlib import metadata


def own_version() -> str:
    """The installed version, or "0" in a bare checkout that was never installed."""
    try:
        return metadata.version("edgemeet")
    except metadata.PackageNotFoundError:
        return "0"
