"""Puts what was recorded in docs/performance/*.json into the tables of docs/performance.md."""

from __future__ import annotations

import sys

from measuring.markdown import PAGE, NoPlace, fill
from measuring.record import read_all


def main() -> None:
    results = read_all()
    try:
        PAGE.write_text(fill(PAGE.read_text(), results))
    except NoPlace as error:
        sys.exit(f"bench report: {error}")
    print(f"docs/performance.md shows {', '.join(each.name for each in results) or 'nothing'}")


if __name__ == "__main__":
    main()
