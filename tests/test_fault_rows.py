"""The table of faults promises tests: they must be there."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROWS: list[dict[str, Any]] = tomllib.loads((ROOT / "tests/faults/rows.toml").read_text())["row"]
KEYS = {"number", "fault", "then", "aim", "proofs", "whip", "not_whip", "not_met", "not_here"}


@cache
def functions_in(file: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse((ROOT / file).read_text())
    found = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name: node for node in found}


def names_in(file: str) -> set[str]:
    return set(functions_in(file))


def is_run_over_whip(proof: str) -> bool:
    """Its file is about WHIP, or one of its decorators gives it that protocol."""
    file, _, name = proof.partition("::")
    if file.endswith("/test_whip.py"):
        return name in names_in(file)
    decorators = [ast.unparse(each) for each in functions_in(file)[name].decorator_list]
    return any("both_protocols" in each or "WHIP" in each for each in decorators)


def test_there_are_all_rows_in_their_order() -> None:
    assert [row["number"] for row in ROWS] == list(range(1, 55))


@pytest.mark.parametrize("row", ROWS, ids=[f"row {row['number']}" for row in ROWS])
def test_each_row_has_tests_or_a_reason(row: dict[str, Any]) -> None:
    assert set(row) <= KEYS
    assert row.get("proofs") or row.get("not_met") or row.get("not_here")
    for proof in row.get("proofs", ()):
        file, _, name = proof.partition("::")
        assert name.startswith("test_")
        assert name in names_in(file), proof


@pytest.mark.parametrize("row", ROWS, ids=[f"row {row['number']}" for row in ROWS])
def test_each_row_is_run_over_whip_or_has_a_reason(row: dict[str, Any]) -> None:
    assert bool(row.get("whip")) is not bool(row.get("not_whip"))
    for proof in row.get("whip", ()):
        assert is_run_over_whip(proof), proof


def test_each_test_of_faults_belongs_to_a_row() -> None:
    promised = {proof for row in ROWS for proof in row.get("proofs", ())}
    there = {
        f"tests/faults/{file.name}::{name}"
        for file in (ROOT / "tests/faults").glob("test_*.py")
        for name in names_in(f"tests/faults/{file.name}")
        if name.startswith("test_")
    }
    assert there - promised == set()


def test_the_readme_has_the_table_of_these_rows() -> None:
    table = (ROOT / "tests/README.md").read_text().partition("<!-- faults: begin -->")[2]
    for row in ROWS:
        assert f"| {row['number']} | {row['fault']} | {row['then']} |" in table, (
            "run scripts/test-faults --table"
        )
