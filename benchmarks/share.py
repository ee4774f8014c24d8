"""Trains specialists, and measures which share of what they gain the policies reach.

    python benchmarks/share.py train [FAMILY ...]      trains the specialists; they become part of the package
    python benchmarks/share.py measure [FAMILY ...]    writes benchmarks/results/share/FAMILY-SPLIT.json
    python benchmarks/share.py table                   prints the table

Without names, these are the families of the headline table, in its order. Every command continues where it stopped.
``--tasks N`` takes the first N tasks of each split, instead of ten, and ``--splits`` some splits; more can follow.
``train`` starts from the policy of the family's benchmark run too, or else from the pretrained one. ``measure`` trains
the domain-randomized control first, if the run has none; ``--without-control`` leaves it out.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cells import markdown
from learning import RESULTS, shipped

import robotmeta as rm
from robotmeta.cli.specialist import show, train
from robotmeta.errors import UserError
from robotmeta.evaluation.controls import control_policy
from robotmeta.evaluation.references import included, load_references, made_here
from robotmeta.evaluation.specialists import Sweep
from robotmeta.files import write_text
from robotmeta.json_values import json_text
from robotmeta.training.run_folder import RunFolder

FAMILIES = (
    "cheetah-velocity",
    "cheetah-dynamics",
    "walker-faults",
    "ant-crippled",
    "quadruped",
    "grasp",
    "panda-grasp",
    "push",
    "cheetah-direction",
)
CURVES = {
    "zero_shot": "zero-shot",
    "domain_randomized": "domain-randomized",
    "adapted": "belief",
    "fit_fine_tuned": "belief + fit + fine-tune",
    "fine_tuned": "fine-tune without fit",
    "domain_randomized_fit_fine_tuned": "domain-randomized + fit + fine-tune",
}
"""Curves of the table, and their headings."""
SHARES = RESULTS / "share"
_TASKS = 10
_EPISODES = 3
_FEWEST = 3  # tasks that tell an interval
_STEPS = 1_000_000  # control steps of fine-tuning: a little more than a minute on two cores
_SPLITS = ("test", "ood")


def run_of(family: str) -> RunFolder:
    """The benchmark run of a family by the default learner, the longer one if there are two."""
    return RunFolder(Path("runs") / "benchmarks" / shipped(family))


def policy_of(family: str) -> rm.Policy | None:
    """The policy of that run, or else the pretrained one; None where there is neither."""
    if run_of(family).checkpoints():
        return rm.load(run_of(family).path)
    return rm.load(f"pretrained:{family}") if family in rm.pretrained() else None


def typed() -> str:
    """What was typed."""
    return shlex.join(["python", "benchmarks/share.py", *sys.argv[1:]])


def train_specialists(name: str, tasks: int, splits: Sequence[str]) -> None:
    """Trains the specialists of a family, and puts what they reach into the package."""
    family = rm.make(name)
    if included(family).exists() and not made_here(family).exists():  # go on from the numbers of the package
        made_here(family).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(included(family), made_here(family))
    sweep = Sweep(family, made_here(family), meta_trained=policy_of(name), command=typed())
    show(train(sweep, {split: tasks for split in splits if split in family.splits}))
    included(family).parent.mkdir(exist_ok=True)
    shutil.copy(sweep.out, included(family))


def measure(name: str, tasks: int, splits: Sequence[str], *, controlled: bool = True) -> None:
    """Evaluates the policy of a family, its controls and its stages on the tasks that have a specialist.

    Args:
        name: The family.
        tasks: Number of tasks of each split.
        splits: The splits; those that the family does not have are left out.
        controlled: Whether the domain-randomized control is measured too.
    """
    policy = policy_of(name)
    if policy is None:
        raise UserError(f"family '{name}' has no policy: python benchmarks/learning.py {shipped(name)} trains it")
    control = control_policy("domain_randomized", policy, run_of(name).path) if controlled else None
    SHARES.mkdir(parents=True, exist_ok=True)
    for split in (split for split in splits if split in policy.family.splits):
        evaluation = rm.evaluate(
            policy,
            episodes=_EPISODES,
            controls=("zero_shot",),
            domain_randomized=control,
            references=load_references(policy.family, split, [made_here(policy.family), included(policy.family)])[
                :tasks
            ],
            fine_tune=_STEPS,
            fine_tune_out=Path("runs") / "stages" / f"{name}-{split}.json",
            on_task=lambda done, count, split=split: print(f"{name}, {split}: {done} of {count} tasks", flush=True),
        )
        print(f"{name}, {split}: {evaluation.verdict()}")
        write_text(SHARES / f"{name}-{split}.json", json_text({"command": typed(), **evaluation.to_json()}, indent=1))


def results() -> list[dict[str, Any]]:
    """What was measured, in the order of the families."""
    files = (SHARES / f"{name}-{split}.json" for name in FAMILIES for split in _SPLITS)
    return [json.loads(file.read_text()) for file in files if file.exists()]


def table(measured: Iterable[dict[str, Any]]) -> str:
    """Share of the specialist by family, split and curve, with 95 % intervals, as Markdown."""
    rows = []
    for result in measured:
        kept = result["tasks"] - len(result["share_left_out"])
        cells = (shown(result["share"].get(name), kept) for name in CURVES)
        rows.append([result["family"], result["split"], f"{kept} of {result['tasks']}", *cells])
    return markdown(("family", "split", "tasks", *CURVES.values()), rows)


def shown(curve: dict[str, Any] | None, tasks: int) -> str:
    """The share after the last adaptation episode, with an interval over tasks; empty where it was not measured."""
    if curve is None or curve["mean"][-1] is None:
        return ""
    ends = curve["ci95"]
    interval = "" if ends is None or tasks < _FEWEST else " [{:.0%}, {:.0%}]".format(*ends[-1])
    return f"{round(curve['mean'][-1], 2) + 0.0:.0%}{interval}"  # no negative zero


def main() -> None:
    """Runs a command on the named families."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "measure", "table"])
    parser.add_argument("families", nargs="*", metavar="FAMILY", choices=[*rm.FAMILIES, []])
    parser.add_argument("--tasks", type=int, default=_TASKS, help="number of tasks of each split")
    parser.add_argument("--without-control", action="store_true", help="measure without the domain-randomized control")
    parser.add_argument("--splits", nargs="+", default=_SPLITS, choices=_SPLITS)
    given = parser.parse_args()
    if given.what == "table":
        print(table(results()))
        return
    try:
        for name in given.families or FAMILIES:
            print(f"{name}:", flush=True)
            if given.what == "train":
                train_specialists(name, given.tasks, given.splits)
            else:
                measure(name, given.tasks, given.splits, controlled=not given.without_control)
    except (UserError, KeyboardInterrupt) as error:
        sys.exit(str(error) or "stopped; the same command continues")


if __name__ == "__main__":
    main()
