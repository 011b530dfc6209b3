"""What the command lines of all benchmarks of the record have in common."""

from __future__ import annotations

import argparse

from measuring.markdown import result as as_markdown
from measuring.record import Result


def new_parser(name: str, about: str | None) -> argparse.ArgumentParser:
    """With `--record`; `about` is the script's docstring."""
    parser = argparse.ArgumentParser(
        prog=f"bench {name}", description=about, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="keep it for docs/performance.md")
    return parser


def conclude(result: Result, *, record: bool) -> None:
    """Print what was found, and keep it if that was asked for."""
    print(as_markdown(result))
    if record:
        result.write()
