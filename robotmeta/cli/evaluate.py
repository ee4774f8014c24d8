"""``robotmeta evaluate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

import robotmeta as rm
from robotmeta.cli.shared import (
    OPTIONAL,
    FamilyName,
    File,
    PolicySource,
    Simulator,
    Threads,
    check_at_least_one,
    check_targets,
    console,
    count,
    default,
    load,
    write_json,
)
from robotmeta.errors import UserError
from robotmeta.progress import shows_count, stage_bar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from robotmeta.evaluation.references import References


def evaluate(
    policy: PolicySource,
    split: str = "test",
    tasks: Annotated[int | None, default("40; with --specialists, all that have one")] = None,
    episodes: int = 3,
    seed: int = 0,
    controls: tuple[str, ...] = ("zero_shot", "from_scratch"),
    domain_randomized: Annotated[str | None, OPTIONAL] = None,
    oracle: Annotated[str | None, OPTIONAL] = None,
    specialists: Annotated[
        tuple[Path, ...] | None, tyro.conf.arg(metavar="[FILE]", help_behavior_hint="(optional)")
    ] = None,
    evaluation_episodes: Annotated[int | None, default("1; with --specialists, as many as they had")] = None,
    explore: bool = False,
    simulator: Simulator = None,
    threads: Threads = None,
    family: FamilyName = None,
    trust: bool = False,
    fine_tune: Annotated[str | None, tyro.conf.arg(metavar="TIME|STEPS", help_behavior_hint="(optional)")] = None,
    fine_tune_out: File = None,
    json: File = None,
    plot: File = None,
) -> None:
    """Measure return, success and final distance on unseen tasks, beside controls, with 95 % intervals.

    They are measured after 0, 1, ... K adaptation episodes. A control that has to be trained first gets as many
    control steps as the policy, and is kept in the run folder.

    Example: robotmeta evaluate runs/demo --split test --tasks 40 --episodes 3 --json result.json --plot curve.png

    Example: robotmeta evaluate pretrained:grasp --split ood --tasks 5 --fine-tune 150000 --fine-tune-out stages.json

    Example: robotmeta evaluate pretrained:quadruped --split changing --plot changing.svg

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the policy's file calls it.
        trust: Import and call the function that the policy's file names as its family.
        split: test (held-out tasks), ood (out of distribution), robots (the family's named robots) or changing (tasks
            that change in the middle of an episode: how fast does the policy recover?).
        tasks: Number of tasks of the split.
        episodes: K, adaptation episodes in all.
        seed: Fixes initial states and exploration.
        controls: Of zero_shot, from_scratch, domain_randomized and oracle. The last two are trained unless given below.
        domain_randomized: A policy trained with --learner domain-randomization.
        oracle: A policy trained with --learner domain-randomization --oracle.
        specialists: Evaluate on the tasks that have a specialist, and print the share of its return that is reached.
            FILE is what `robotmeta specialist` wrote; without it, the run's own, one in runs/specialists/, or the
            package's.
        evaluation_episodes: Episodes of each task to measure, after each number of adaptation episodes.
        explore: Measure with sampled actions instead of their mean, as most published numbers do.
        simulator: Physics backend, such as mujoco; auto chooses one that runs the family.
        threads: Physics threads.
        fine_tune: After the adaptation episodes, fit the simulator to them and fine-tune for this time, such as 60s, or
            this number of control steps: minutes a task. Measure that beside fine-tuning without a fit, and fit and
            fine-tuning of the domain-randomized policy if there is one.
        fine_tune_out: Keep what each task gains by fit and fine-tuning here; the same command goes on from there.
        json: Write the result here.
        plot: Write the adaptation curve here (.png, .svg or .pdf); with --split changing, the measure against time.
    """
    from robotmeta.adaptation.stages import check_stages
    from robotmeta.envs.simulators import check_simulator
    from robotmeta.evaluation.controls import control_policy
    from robotmeta.evaluation.subjects import check_controls
    from robotmeta.training.run_folder import RunFolder

    check_at_least_one(episodes=episodes, evaluation_episodes=evaluation_episodes, threads=threads)
    check_controls(controls)
    check_targets(json, plot, fine_tune_out, inputs=(policy, domain_randomized, oracle, *(specialists or ())))
    if fine_tune is None and fine_tune_out is not None:
        raise UserError("--fine-tune-out is for --fine-tune")
    if plot is not None:
        from robotmeta.reporting.plots import check_format

        check_format(plot)
    loaded = load(policy, family, trust)
    if split == "changing" and (specialists, fine_tune) != (None, None):
        raise UserError("--split changing has neither --specialists nor --fine-tune")
    references = None if specialists is None else _references(loaded, policy, split, specialists, tasks)
    tasks = 40 if tasks is None else tasks
    _check_split(loaded.family, split, tasks)  # a mistake shows before a control is trained
    check_simulator(loaded.family, loaded.config.simulator if simulator is None else simulator)

    if fine_tune is not None:
        check_stages(loaded, fit=True, fine_tune=fine_tune)

    def control(name: str, source: str | None) -> rm.Policy | None:
        if source is not None:
            return rm.load(source, family=loaded.family)
        if name not in controls:
            return None
        if not RunFolder(Path(policy)).exists():
            raise UserError(
                f"the {name} control is trained in the run's folder, and {policy} is not one: name the run, or give a "
                f"control that is trained already with --{name.replace('_', '-')}"
            )
        return control_policy(name, loaded, Path(policy), threads=threads)

    given = {"domain_randomized": domain_randomized, "oracle": oracle}
    trained = {name: control(name, source) for name, source in given.items()}
    with stage_bar("evaluation") as bar, stage_bar("fit and fine-tuning") as stages:
        evaluation = rm.evaluate(
            loaded,
            split=split,
            tasks=tasks,
            episodes=episodes,
            seed=seed,
            explore=explore,
            controls=controls,
            references=references,
            evaluation_episodes=evaluation_episodes,
            simulator=simulator,
            threads=threads,
            **trained,
            fine_tune=fine_tune,
            fine_tune_out=fine_tune_out,
            on_task=None if fine_tune is None else shows_count(stages, "tasks"),
            on_progress=shows_count(bar),
        )
    try:
        write_json(json, evaluation.to_json())
        if plot is not None:
            from robotmeta.reporting.plots import save_figure

            save_figure(_figure(evaluation), plot)
    finally:  # what was measured is not lost with a full disk
        show(evaluation)
    if plot is not None:
        console.print(f"Plot: {plot}")


def _check_split(family: rm.TaskFamily, split: str, tasks: int) -> None:
    """Raises UserError for a split that the family does not have, or for more tasks than it has."""
    if split == "changing":
        family.changes(tasks)
    else:
        family.tasks(split, tasks)


def _figure(evaluation: rm.Evaluation) -> Figure:
    from robotmeta.reporting.plots import adaptation_curve
    from robotmeta.reporting.recovery_plot import around_change

    recovery = evaluation.recovery
    return adaptation_curve(evaluation, *evaluation.quantities) if recovery is None else around_change(recovery)


def _references(policy: rm.Policy, source: str, split: str, files: Sequence[Path], tasks: int | None) -> References:
    """What specialists reach in the first tasks of a split."""
    from robotmeta.evaluation.references import included, load_references, made_here
    from robotmeta.training.run_folder import RunFolder

    if len(files) > 1:
        raise UserError(f"--specialists takes one file, not {len(files)}: {', '.join(map(str, files))}")
    family = policy.family
    places = files or [RunFolder(Path(source)).specialists, made_here(family), included(family)]
    found = load_references(family, split, places)
    if tasks is not None and tasks > len(found.tasks):
        raise UserError(f"split '{split}' has {count(len(found.tasks), 'task')} with a specialist, not {tasks}")
    return found if tasks is None else found[:tasks]


def show(evaluation: rm.Evaluation) -> None:
    """Prints a table for each quantity, the verdict, and what the policy infers."""
    tables = [evaluation.table(quantity) for quantity in evaluation.quantities]
    if evaluation.measures:
        tables.append(evaluation.measures.table(evaluation.episodes[-1]))
    if evaluation.recovery is not None:
        tables.append(evaluation.recovery.table())
    console.print(*tables, evaluation.verdict())
    if evaluation.inferred:
        console.print(evaluation.insight())
