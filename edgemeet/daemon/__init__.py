"""A running device: builds all parts once and owns their tasks."""

from edgemeet.daemon.run import run

__all__ = ["run"]
