"""Writes the tables of results into the pages, from ``benchmarks/results/*.json``: ``python benchmarks/tables.py``.

Each table stands between two comments, ``<!-- NAME -->`` and ``<!-- end of NAME -->``. ``TABLES`` says which function
makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cost_tables
import fetch_tables
import fit_tables
import learner_tables
import robot_tables
import run_tables
import seed_tables
import simulator_tables
import speed_tables
import speed_targets
import stage_tables
import target_tables
import unroll_tables
import world_tables

from robotmeta.metalearners import CONTROL, LEARNERS

ROOT = Path(__file__).parents[1]

Table = tuple[str, str, Callable[[], str]]


def _of_learner(learner: str) -> tuple[Table, Table]:
    """Those on the page of a learner."""
    page = f"docs/learners/{learner}.md"
    runs = learner_tables.as_control if learner == CONTROL else partial(learner_tables.measured, learner)
    return (page, "measured", runs), (page, "hyper-parameters", partial(learner_tables.hyperparameters, learner))


_BY_FAMILY = "docs/results/by-family.md"
_ADAPTATION = "docs/results/adaptation.md"
_SETTINGS = "docs/results/hyper-parameters.md"
_KNOWING = "docs/results/knowing-the-task.md"

TABLES: tuple[Table, ...] = (
    ("README.md", "vendor robots", robot_tables.vendor_headline),
    ("README.md", "stages", stage_tables.headline),
    ("README.md", "results", run_tables.compact),
    ("benchmarks/README.md", "how the runs were trained", run_tables.made_with),
    ("benchmarks/README.md", "every run", run_tables.every_run),
    ("benchmarks/README.md", "real robots", partial(robot_tables.real_speeds, "quadruped")),
    ("benchmarks/README.md", "real robots on terrain", partial(robot_tables.real_errors, "quadruped-terrain")),
    ("benchmarks/README.md", "targets", target_tables.learning),
    ("benchmarks/README.md", "targets of speed", speed_targets.speed),
    ("benchmarks/README.md", "rates", speed_tables.half_cheetah),
    ("benchmarks/README.md", "iterations", speed_tables.iterations),
    ("benchmarks/README.md", "peers", speed_tables.peers),
    ("benchmarks/README.md", "families", speed_tables.families),
    ("benchmarks/README.md", "gpu", speed_tables.gpu),
    ("docs/commands.md", "vendors", robot_tables.vendor_commands),
    ("docs/commands.md", "fine-tuned", robot_tables.vendor_tuned),
    ("docs/commands.md", "fine-tuned on average", robot_tables.vendor_tuned_means),
    ("docs/cost.md", "cost by worlds", cost_tables.by_worlds),
    ("docs/cost.md", "cost by machines", cost_tables.by_machines),
    ("docs/fit.md", "methods", fit_tables.methods),
    ("docs/fit.md", "telling", fit_tables.telling),
    ("docs/real-world.md", "disturbed", world_tables.disturbed),
    ("docs/results.md", "learners", run_tables.side_by_side),
    (_BY_FAMILY, "fetch", fetch_tables.beside_published),
    (_BY_FAMILY, "seeds of hopper-dynamics", partial(seed_tables.by_seed, "hopper-dynamics", "test", "ood")),
    (_BY_FAMILY, "seeds of walker-dynamics", partial(seed_tables.by_seed, "walker-dynamics", "test", "ood")),
    (_BY_FAMILY, "gains of walker", partial(seed_tables.gain_by_seed, "walker-dynamics", "test", "ood")),
    (_BY_FAMILY, "seeds of push", partial(seed_tables.by_seed, "push", "test")),
    (_BY_FAMILY, "gains of push", partial(seed_tables.gain_by_seed, "push", "test", "ood")),
    (_BY_FAMILY, "seeds of walker-faults", partial(seed_tables.by_seed, "walker-faults", "test")),
    (_BY_FAMILY, "seeds of ant-crippled", partial(seed_tables.by_seed, "ant-crippled", "test", "ood")),
    (_BY_FAMILY, "longer runs", run_tables.longer),
    (_BY_FAMILY, "share of ant-crippled", partial(stage_tables.specialist_share, "ant-crippled", "ood")),
    (_BY_FAMILY, "gains of quadruped", partial(seed_tables.gain_by_seed, "quadruped", "test", "ood", "robots")),
    (_BY_FAMILY, "seeds of quadruped-terrain", partial(seed_tables.by_seed, "quadruped-terrain", "test")),
    (_SETTINGS, "gradient learners", seed_tables.gradient_learners),
    (_SETTINGS, "unrolls", unroll_tables.by_family),
    (_KNOWING, "knowing", world_tables.knowing),
    (_ADAPTATION, "fits", fit_tables.calibration),
    (_ADAPTATION, "stages out of distribution", stage_tables.ood_tasks),
    (_ADAPTATION, "stages with a capsule", stage_tables.capsule),
    (_ADAPTATION, "changing", world_tables.changing),
    (_ADAPTATION, "dm_control", partial(stage_tables.sim_to_sim, "dm-control")),
    (_ADAPTATION, "heavy cheetah", partial(stage_tables.sim_to_sim, "heavy")),
    ("docs/commands.md", "real humanoids", partial(robot_tables.real_speeds, "biped")),
    (_ADAPTATION, "real robots", partial(robot_tables.real_errors, "quadruped")),
    ("docs/share.md", "shares", stage_tables.shares),
    ("docs/simulators.md", "agreement", simulator_tables.one_step),
    ("docs/simulators.md", "agreement of returns", simulator_tables.returns),
    ("docs/commands.md", "held-out tasks", partial(robot_tables.measures, "quadruped-commands-task-inference")),
    ("docs/real-world.md", "composed objects", partial(robot_tables.measures, "grasp-objects-task-inference")),
    ("docs/real-world.md", "kinds of objects", robot_tables.success_by_object),
    ("docs/terrain.md", "stairs", partial(robot_tables.success_by_ground, "quadruped-stairs")),
    ("docs/vendor-arms.md", "grasp", partial(robot_tables.vendor_arms, "grasp")),
    ("docs/vendor-arms.md", "reach", partial(robot_tables.vendor_arms, "reach")),
    ("docs/vendor-robots.md", "rows", robot_tables.vendor_rows),
    ("docs/vendor-robots.md", "speeds", robot_tables.vendor_speeds),
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
