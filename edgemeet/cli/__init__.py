"""The command line: `edgemeet run`, `status`, `config`, `sandbox` and the commands for a running daemon."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point."""
    from edgemeet.cli.straight import went_straight

    if went_straight(sys.argv[1:]):
        return
    from edgemeet.cli.app import main as parse

    parse()


__all__ = ["main"]
