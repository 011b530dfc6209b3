"""docs/recovery.md tells the policy that is in force."""

import subprocess
import sys
from pathlib import Path

from edgemeet.supervisor.reference import tables

DOCUMENT = Path(__file__).parents[2] / "docs" / "recovery.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"


def test_the_tables_are_those_of_the_code() -> None:
    between = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]
    assert between == tables(), (
        "put the output of `python -m edgemeet.supervisor.reference` between the marks of docs/recovery.md"
    )


def test_the_module_prints_the_tables() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "edgemeet.supervisor.reference"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == tables()
