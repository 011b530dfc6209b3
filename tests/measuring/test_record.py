"""What benchmarks write down, and how it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from measuring import markdown
from measuring.record import Column, Figure, Result, Table, found, read, read_all

COLUMNS = (Column(title="what"), Column(title="seconds", digits=1), Column(title="why not"))


def a_result(name: str = "cost") -> Result:
    table = Table(columns=COLUMNS, rows=(("one", 1.25, None), ("two", None, "no | answer\nat all")))
    return found(name, [table], figures=[Figure(name="over the floor", value=1.2, aim=1.25)], notes=["So."])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    result = a_result()
    result.write(tmp_path)
    assert read("cost", tmp_path) == read_all(tmp_path)[0] == result
    assert read("other", tmp_path) is None


def test_a_table_has_a_cell_for_each_column() -> None:
    assert markdown.table(a_result().tables[0]) == (
        "| what | seconds | why not |\n"
        "| --- | ---: | ---: |\n"
        "| one | 1.2 |  |\n"
        "| two |  | no \\| answer at all |\n"
    )


@pytest.mark.parametrize(("value", "met"), [(1.25, "yes"), (1.26, "**no**")])
def test_an_aim_is_met_or_not(value: float, met: str) -> None:
    figure = Figure(name="start", value=value, unit="s", aim=1.25)
    shown = markdown.aims([found("start", [], figures=[figure, Figure(name="no aim", value=1)])])
    assert shown.splitlines()[2:] == [f"| start | 1.25 s | {value:.3g} s | {met} |"]


def test_results_go_into_their_places_and_nothing_else_changes() -> None:
    page = (
        "top\n<!-- bench aims: begin -->\nold\n<!-- bench aims: end -->\nbetween\n"
        "<!-- bench cost: begin -->\n<!-- bench cost: end -->\nbottom\n"
    )
    result = a_result()
    filled = markdown.fill(page, [result])
    assert filled == markdown.fill(filled, [result])
    assert "old" not in filled
    assert [line for line in filled.splitlines() if line in {"top", "between", "bottom"}] == [
        "top",
        "between",
        "bottom",
    ]
    assert "| one | 1.2 |  |" in filled.partition("<!-- bench cost: begin -->")[2]


def test_a_page_without_the_place_is_told() -> None:
    with pytest.raises(markdown.NoPlace, match="<!-- bench cost: begin -->"):
        markdown.fill("<!-- bench aims: begin -->\n<!-- bench aims: end -->\n", [a_result()])


def test_the_pages_show_what_is_recorded() -> None:
    page, readme = markdown.PAGE.read_text(), markdown.README.read_text()
    assert markdown.fill(page, read_all()) == page, "run ./scripts/bench report"
    assert markdown.fill_aims(readme, read_all()) == readme, "run ./scripts/bench report"
