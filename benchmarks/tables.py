"""Writes the tables of results into the pages, from ``benchmarks/results/*.json``: ``python benchmarks/tables.py``.

Each table stands between two comments, ``<!-- NAME -->`` and ``<!-- end of NAME -->``. ``TABLES`` says which function
makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from cost_tables import by_machines, by_worlds
from learner_tables import as_control, hyperparameters, measured
from run_tables import compact, every_run, side_by_side
from world_tables import changing, disturbed, knowing

from robotmeta.metalearners import CONTROL, LEARNERS

ROOT = Path(__file__).parents[1]

Table = tuple[str, str, Callable[[], str]]


def _of_learner(learner: str) -> tuple[Table, Table]:
    """Those on the page of a learner."""
    page = f"docs/learners/{learner}.md"
    runs = as_control if learner == CONTROL else partial(measured, learner)
    return (page, "measured", runs), (page, "hyper-parameters", partial(hyperparameters, learner))


TABLES: tuple[Table, ...] = (
    ("README.md", "results", compact),
    ("benchmarks/README.md", "every run", every_run),
    ("docs/cost.md", "cost by worlds", by_worlds),
    ("docs/cost.md", "cost by machines", by_machines),
    ("docs/real-world.md", "disturbed", disturbed),
    ("docs/results.md", "learners", side_by_side),
    ("docs/results.md", "knowing", knowing),
    ("docs/results.md", "changing", changing),
    *(table for learner in LEARNERS for table in _of_learner(learner)),
)
"""Page, name of the two comments around the table, and the function that makes it."""


def table_in(page: str, name: str) -> str:
    """The table between the two comments of that name."""
    return _parts(page, name)[1]


def write(page: str, name: str, table: str) -> None:
    """Replaces the table between the two comments of that name."""
    before, _, after = _parts(page, name)
    (ROOT / page).write_text(f"{before}<!-- {name} -->\n{table}\n<!-- end of {name} -->\n{after}")


def _parts(page: str, name: str) -> tuple[str, str, str]:
    """The text before the table, the table, and the text after it."""
    before, rest = (ROOT / page).read_text().split(f"<!-- {name} -->\n")
    table, after = rest.split(f"<!-- end of {name} -->\n")
    return before, table.removesuffix("\n"), after


if __name__ == "__main__":
    for page, name, table in TABLES:
        write(page, name, table())
        print(f"{page}: {name}")
