"""The command line: `edgemeet run`, `status`, `config`, `sandbox` and the commands for a running daemon."""

from edgemeet.cli.app import main

__all__ = ["main"]
