"""The histogram of recovery times."""

from __future__ import annotations

import bench_recovery as recovery

TEXT = """
<!-- faults: begin -->
| row | fault | what must be true then | proven in | aim, s | median, s | worst, s | runs | over WHIP, s |
|---|---|---|---|---|---|---|---|---|
| 1 | a | b | `c` | 2 | 0.26 | 0.50 | 5 | proven |
| 2 | a | b | `c`; **not met**: d |  | 12.00 | 30.00 | 5 | 1.00, worst 2.00, of 5 |
| 6 | a | b | `c` |  |  |  |  |  |
<!-- faults: end -->
"""


def test_rows_with_times_are_read() -> None:
    assert recovery.read_table(TEXT) == [
        recovery.Recovered(1, 2.0, 0.26, 0.5),
        recovery.Recovered(2, None, 12.0, 30.0),
    ]


def test_an_edge_belongs_to_what_is_above_it() -> None:
    assert recovery.histogram([0.5, 0.99, 1.0, 3.0], (0.0, 0.5, 1.0, float("inf"))) == [0, 2, 2]


def test_the_real_table_can_be_read() -> None:
    rows = recovery.read_table(recovery.README.read_text())
    assert len(rows) > 10
    assert all(0 < each.median <= each.worst for each in rows)
    assert sum(recovery.histogram(row.worst for row in rows)) == len(rows)
