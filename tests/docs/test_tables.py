"""The tables of results: all are made from the result files, and none is typed by hand."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.pages import PAGES, ROOT

_CHECKED = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *PAGES]
_MARKED = re.compile(r"^<!-- (?!end of )([a-z].*?) -->\n(.*?)^<!-- end of \1 -->$", flags=re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$", flags=re.DOTALL | re.MULTILINE)
_TABLE = re.compile(r"(?:^\|.*\n)+", flags=re.MULTILINE)
_NUMBER = re.compile(r"\| *[*~<]*-?\d")
_NO_RESULTS = {
    "docs/bring-your-own-robot.md": ("| | default |",),
    "docs/commands.md": ("| observation |", "| measure |"),
    "docs/families.md": ("| parameter |",),  # the whole page is made from the families
    "docs/on-a-robot.md": ("| input |", "| output |"),
    "docs/real-world.md": ("| column |",),
    "docs/reliability.md": ("| exit status |",),
    "docs/terrain.md": ("| number | kind |", "| family | sees the ground |"),
}
"""Pages with tables of numbers that are no results, and how these begin."""


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("tables")


def test_tables_of_results_match_the_result_files(tables: ModuleType) -> None:
    for page, name, table in tables.TABLES:
        assert tables.table_in(page, name) == table(), f"{page}, {name}: run `python benchmarks/tables.py`"


@pytest.mark.parametrize("page", _CHECKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_table_of_numbers_is_typed_by_hand(page: Path, tables: ModuleType) -> None:
    name, text = str(page.relative_to(ROOT)), _CODE.sub("", page.read_text())
    known = {table for there, table, _ in tables.TABLES if there == name}
    assert {marker for marker, _ in _MARKED.findall(text)} == known
    typed = [table for table in _TABLE.findall(_MARKED.sub("", text)) if _NUMBER.search(table)]
    assert [table for table in typed if not table.startswith(_NO_RESULTS.get(name, ()))] == []


def test_an_interval_over_seeds_has_the_spread_of_the_seeds_and_of_the_tasks(tables: ModuleType) -> None:
    pooled = importlib.import_module("cells").pooled

    def curve(mean: float, error: float) -> dict[str, list[object]]:
        return {"mean": [99.0, mean], "ci95": [[0.0, 0.0], [mean - 1.96 * error, mean + 1.96 * error]]}

    assert pooled([curve(5.0, 1.0)]) == {"mean": [5.0], "ci95": [[5.0 - 1.96, 5.0 + 1.96]]}
    alike = pooled([curve(5.0, 1.0)] * 4)
    assert alike["mean"] == [5.0]
    assert alike["ci95"][0] == pytest.approx([5.0 - 1.96, 5.0 + 1.96], abs=0.03)  # all meet the same tasks
    apart = pooled([curve(mean, 0.0) for mean in (0.0, 0.0, 3.0)])
    assert apart == {"mean": [1.0], "ci95": [pytest.approx([0.0, 3.0], abs=1e-9)]}
