"""Puts what was recorded in docs/performance/*.json into docs/performance.md, and the aims into README.md."""

from __future__ import annotations

import sys

from measuring.markdown import PAGE, README, NoPlace, fill, fill_aims
from measuring.record import read_all


def main() -> None:
    results = read_all()
    try:
        page, readme = fill(PAGE.read_text(), results), fill_aims(README.read_text(), results)
    except NoPlace as error:
        sys.exit(f"bench report: {error}")
    PAGE.write_text(page)
    README.write_text(readme)
    print(f"docs/performance.md shows {', '.join(each.name for each in results) or 'nothing'}")


if __name__ == "__main__":
    main()
