"""``robotmeta adapt``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.table import Column, Table

import robotmeta as rm
from robotmeta.cli.robot import adapt_on_robot
from robotmeta.cli.shared import (
    OPTIONAL,
    FamilyName,
    File,
    Folder,
    Forward,
    KnownValues,
    PolicySource,
    RobotFile,
    Simulator,
    TaskValues,
    adapted_json,
    check_recorded,
    check_targets,
    console,
    default,
    first_names,
    load,
    show_measured,
    task_of,
    write_json,
)
from robotmeta.cli.stages import check_stage_options, given_names, show_stages, stage_options, write_stages
from robotmeta.cli.vendor import robot_of, show_robot
from robotmeta.errors import FitFailed, UserError

if TYPE_CHECKING:
    from robotmeta.envs import Estimate

_FOR_AN_ENVIRONMENT = ("horizon", "map", "max_steps", "timeout", "action_limit", "action_rate")


def adapt(
    policy: PolicySource,
    task: TaskValues = (),
    env: Annotated[str | None, OPTIONAL] = None,
    robot: RobotFile = None,
    robot_forward: Forward = None,
    robot_picture: File = None,
    horizon: Annotated[int | None, default("the environment's time limit")] = None,
    map: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="THEIRS=OURS")] = (),
    episodes: int = 3,
    evaluation_episodes: Annotated[int | None, default("10; in --env 0")] = None,
    max_steps: Annotated[int | None, OPTIONAL] = None,
    timeout: Annotated[float | None, OPTIONAL] = None,
    action_limit: Annotated[float | None, OPTIONAL] = None,
    action_rate: Annotated[float | None, OPTIONAL] = None,
    fit: bool = False,
    known: KnownValues = (),
    fine_tune: Annotated[str | None, tyro.conf.arg(metavar="TIME|STEPS", help_behavior_hint="(optional)")] = None,
    fine_tune_learning_rate: Annotated[float | None, default("the learner's")] = None,
    fine_tune_kl_weight: Annotated[float | None, default("0.002")] = None,
    fine_tune_out: Annotated[Path | None, OPTIONAL] = None,
    force: bool = False,
    rounds: int = 1,
    seed: int = 0,
    simulator: Simulator = None,
    family: FamilyName = None,
    trust: bool = False,
    out: File = None,
    episodes_out: File = None,
    dataset_out: Folder = None,
    json: File = None,
    report: File = None,
    video: File = None,
) -> None:
    """Adapt a policy to one robot it has never seen, and measure what that gains.

    In an environment of yours (--env), which may be a robot, only the adaptation episodes run, unless evaluation
    episodes are asked for.

    Example: robotmeta adapt runs/demo --task direction=backward --episodes 3 --out adapted.safetensors

    Example: robotmeta adapt pretrained:grasp --task shape=capsule latency=110 --fit --fine-tune 60s --video a.mp4

    Example: robotmeta adapt runs/demo --env my_robot.py:make --horizon 100 --timeout 1 --out adapted.safetensors

    Example: robotmeta adapt pretrained:quadruped --robot go2.xml --task payload_mass=1.7 --robot-picture go2.png

    Example: robotmeta adapt pretrained:grasp --robot panda.xml --task shape=box mass=0.3

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the policy's file calls it.
        trust: Import and call the function that the policy's file names as its family.
        task: Parameters of the task, or robot=NAME where the family names robots, or robot=FILE for the numbers of a
            vendor's model. With --robot, its conditions. The other parameters are nominal.
        env: Instead of a task, a Gymnasium id, dm_control:DOMAIN-TASK, MODULE:FACTORY or FILE.py:FACTORY.
        robot: Instead of a task of the family, a vendor's robot in simulation: an MJCF file, or PACKAGE:PATH. --fit and
            --fine-tune take place in its model. With --env, it is the model of the robot there.
        robot_forward: The axis of its trunk that points forward, or of its base toward the table, such as -x.
        robot_picture: Draw the robot here as it was understood (.png).
        horizon: Control steps an episode of --env.
        map: The policy's name for an observation or action of --env. A vector takes several, THEIRS=A,B,C.
        episodes: Adaptation episodes of a round.
        evaluation_episodes: Episodes that measure the return, as many before as after adaptation and fine-tuning.
        max_steps: Control steps of --env in all.
        timeout: Seconds a step or reset of --env may take.
        action_limit: Largest absolute value of an action in --env; actions are in [-1, 1].
        action_rate: Largest change of an action between two control steps of --env; actions are in [-1, 1].
        fit: After the adaptation episodes, find the tasks of the family that explain them, by replaying them in
            simulation. Fine-tuning then takes place in these tasks.
        known: Parameters that are known, or robot=NAME where the family names robots, or nominal for all others. A fit
            does not search them. Without --fit, fine-tuning takes place in training tasks that have these values. With
            --robot, the numbers of its model are known.
        fine_tune: After the adaptation episodes, go on learning in simulation for this time, such as 60s or 2m, or for
            this number of control steps. Ctrl-C ends it with the best policy so far.
        fine_tune_learning_rate: Learning rate of fine-tuning.
        fine_tune_kl_weight: Weight of the KL divergence that keeps the fine-tuned policy near the adapted one.
        fine_tune_out: Keep the state of fine-tuning in this folder; the same command goes on from there.
        force: Fine-tune although no task of the family explains the episodes.
        rounds: For --fit with --fine-tune. With 2, the fine-tuned policy runs as many episodes again; the fit
            is to all of them, and fine-tuning goes on.
        seed: Fixes initial states and exploration.
        simulator: Physics backend, such as mujoco; auto chooses one that runs the family.
        out: Write the adapted policy here.
        episodes_out: Write all steps in --env or --robot here (.npz), after each episode.
        dataset_out: Write them here as a LeRobot dataset, too, which needs robotmeta[lerobot].
        json: Write the result here.
        report: Write a page about the stages here: what each gained and found, with the video if there is one (.html).
        video: Record each stage in --task or --robot side by side here (.mp4 or .gif).
    """
    given = dict(locals())
    kept = () if out == Path(policy) else (policy,)  # one may replace a policy by what becomes of it
    check_targets(out, episodes_out, json, report, video, inputs=(robot, *kept))
    check_stage_options(given)
    for name in _FOR_AN_ENVIRONMENT:
        if env is None and given[name] not in (None, ()):
            raise UserError(f"--{name.replace('_', '-')} is for --env")
    check_recorded(given)
    if env is not None and task:
        raise UserError("give either --task or --env, not both")
    if env is not None and video is not None:
        raise UserError("--video is for --task and --robot: an environment is not drawn")
    if env is not None and robot is not None and not fit and fine_tune is None:
        raise UserError("with --env, --robot is the model for --fit and --fine-tune: give one of them too")
    loaded = load(policy, family, trust)
    vendor = robot_of(loaded.family, given)
    target = None if env is not None else vendor or task_of(loaded, task)
    truth = None if target is None else _truth(target)
    if vendor is not None:
        show_robot(vendor, robot_picture)
    if target is not None and video is not None:
        _check_recording(loaded, target, given)
    if isinstance(target, rm.Tasks):
        result = _adapt_in_task(loaded, target, given)
    else:
        result = adapt_on_robot(loaded, vendor, adapt, given)
    names = given_names(loaded.family, known, vendor) if fit else set()
    show_stages(loaded, result, given, truth, names)
    if result.inferred is not None and result.fit is None:
        _show_inferred(result.inferred, truth or {}, loaded.family.space)
    write_stages(loaded, result, given, target, truth, names)
    if out is not None:
        console.print(f"Adapted policy: {out}")
    if dataset_out is not None:
        console.print(f"Dataset: {dataset_out}")
    if result.fine_tuned is not None and result.fine_tuned.signal is not None:
        sys.exit(128 + result.fine_tuned.signal)


def _truth(target: rm.Tasks | rm.VendorRobot) -> dict[str, float]:
    """True values of the parameters; of a vendor's robot, those that its model gives."""
    if isinstance(target, rm.Tasks):
        return next(iter(target))
    return {**target.row, **next(iter(target.task))}


def _check_recording(policy: rm.Policy, target: rm.Tasks | rm.VendorRobot, given: Mapping[str, Any]) -> None:
    from robotmeta.reporting.record import check_recording

    check_recording(policy, target, given["video"], given["simulator"])


def _adapt_in_task(policy: rm.Policy, target: rm.Tasks, given: Mapping[str, Any]) -> rm.Adapted:
    """The result of adaptation to a task."""
    options = {name: given[name] for name in ("episodes", "seed", "evaluation_episodes", "simulator")}
    what = next(iter(target))
    try:
        with stage_options(policy.family, given) as stages:
            result = rm.adapt(policy, target, **options, **stages)
    except FitFailed as error:
        _write(policy, what, error.adapted, given, failed=str(error))
        if given["out"] is not None:
            console.print(f"Policy so far: {given['out']}")
        raise
    _write(policy, what, result, given)
    named = ", ".join(f"{p.name} = {p.text(what[p.name])}" for p in policy.family.space)
    console.print(f"{policy.family.name}, {named}")
    show_measured(policy, result)
    return result


def _write(
    policy: rm.Policy,
    task: Mapping[str, float],
    result: rm.Adapted,
    given: Mapping[str, Any],
    *,
    failed: str | None = None,
) -> None:
    """Writes the files of ``--out`` and ``--json``."""
    if given["out"] is not None:
        rm.save_policy(result.policy, given["out"])
    write_json(given["json"], adapted_json(policy, task, result, failed))


def _show_inferred(inferred: Mapping[str, Estimate], task: Mapping[str, Any], space: rm.ParameterSpace) -> None:
    """Prints the inferred parameters, surest first, beside their true values where those are known."""
    guess = {name: e.value for name, e in inferred.items()}
    shown = [name for name in inferred if space[name].qualifies not in inferred or space.matters(name, guess)]
    sure = [name for name in shown if inferred[name].sure]
    unsure = [p.name for p in space if p.name in shown and p.name not in sure]
    if sure:
        actual = [Column("true value")] if sure[0] in task else []
        table = Table("parameter", "inferred", "plausible", *actual, title="Inferred parameters")
        for name in sure:
            e, p = inferred[name], space[name]
            plausible = " or ".join(map(p.text, e.kinds)) or f"{p.text(e.low, unit=False)} to {p.text(e.high)}"
            table.add_row(name, p.text(e.value), plausible, *([p.text(task[name])] if actual else []))
        console.print(table)
    if unsure:
        console.print(f"Not known after these episodes: {first_names(unsure)}.")
