"""``robotmeta fit``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

import robotmeta as rm
from robotmeta.cli.fitting import show_fit, shows_fitting
from robotmeta.cli.robot import fit_to_robot
from robotmeta.cli.shared import (
    OPTIONAL,
    FamilyName,
    File,
    Folder,
    Forward,
    KnownValues,
    RobotFile,
    Threads,
    check_at_least_one,
    check_recorded,
    check_targets,
    console,
    default,
    known_of,
    policy_or_family,
    task_values,
    write_json,
)
from robotmeta.cli.stages import given_names
from robotmeta.cli.vendor import robot_of, show_robot
from robotmeta.errors import UserError
from robotmeta.progress import stage_bar

if TYPE_CHECKING:
    from robotmeta.adaptation.fitting.result import Fit

_FOR_AN_ENVIRONMENT = ("horizon", "map", "max_steps", "timeout", "action_limit", "action_rate")


def fit(
    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="POLICY|FAMILY")],
    task: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...", help_behavior_hint="(optional)")] = (),
    env: Annotated[str | None, OPTIONAL] = None,
    robot: RobotFile = None,
    robot_forward: Forward = None,
    log: Annotated[Path | None, OPTIONAL] = None,
    known: KnownValues = (),
    episodes: Annotated[int | None, default("3; for --log, all in the file")] = None,
    horizon: Annotated[int | None, default("the environment's time limit")] = None,
    map: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="THEIRS=OURS")] = (),
    max_steps: Annotated[int | None, OPTIONAL] = None,
    timeout: Annotated[float | None, OPTIONAL] = None,
    action_limit: Annotated[float | None, OPTIONAL] = None,
    action_rate: Annotated[float | None, OPTIONAL] = None,
    seed: int = 0,
    simulator: Annotated[str | None, default("that of the policy's run; auto for a family")] = None,
    threads: Threads = None,
    family: FamilyName = None,
    trust: bool = False,
    out: File = None,
    episodes_out: File = None,
    dataset_out: Folder = None,
    json: File = None,
    report: File = None,
) -> None:
    """Find the tasks of a family that explain a few episodes of a robot, by replaying their actions in simulation.

    The episodes are those of one task (--task), of an environment of yours, which may be a robot (--env), or of a file
    (--log). Nothing else runs on the robot. Fitting takes seconds to a minute.

    Example: robotmeta fit pretrained:grasp --task shape=capsule latency=110 --report fit.html

    Example: robotmeta fit pretrained:quadruped --env my_robot.py:make --known robot=go2 --timeout 1 --out fit.json

    Example: robotmeta fit quadruped --log episodes.npz --known robot=go2 --out fit.json

    Args:
        source: A run folder, a checkpoint, a policy file, or pretrained:NAME; for --log, also a family.
        task: Parameters of the task, or robot=NAME where the family names robots, or robot=FILE for the numbers of a
            vendor's model. The other parameters are nominal.
        robot: A vendor's robot in simulation, under the conditions of --task: an MJCF file, or PACKAGE:PATH. Actions
            are replayed in its model. With --env or --log, it is the model of the robot there.
        robot_forward: The axis of its trunk that points forward, such as -x.
        env: A Gymnasium id, dm_control:DOMAIN-TASK, MODULE:FACTORY or FILE.py:FACTORY.
        log: Recorded episodes: a file (.npz) or the folder of a LeRobot dataset, such as those of robotmeta adapt
            --episodes-out and --dataset-out.
        known: Parameters that the fit need not find, or robot=NAME or robot=FILE, or nominal for all others. With
            --robot, the numbers of its model are known.
        episodes: Episodes to collect in --task or --env.
        horizon: Control steps an episode of --env.
        map: The policy's name for an observation or action of --env. A vector takes several, THEIRS=A,B,C.
        max_steps: Control steps of --env in all.
        timeout: Seconds a step or reset of --env may take.
        action_limit: Largest absolute value of an action in --env; actions are in [-1, 1].
        action_rate: Largest change of an action between two control steps of --env; actions are in [-1, 1].
        seed: Fixes initial states, exploration and the candidates of the search.
        simulator: Physics backend, such as mujoco; auto chooses one that runs the family.
        threads: Physics threads.
        family: With a policy, act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION.
        trust: With a policy, import and call the function that its file names as its family.
        out: Write the result, with tasks drawn from the posterior, here (.json).
        episodes_out: Write all steps in --env or --robot here (.npz), after each episode.
        dataset_out: Write them here as a LeRobot dataset, too, which needs robotmeta[lerobot].
        json: Write the result here, as --out does.
        report: Write a page with measured and simulated signals here (.html).
    """
    given = {**locals(), "episodes": 3 if episodes is None else episodes}
    check_targets(out, episodes_out, json, report, inputs=(source, robot, log))
    check_at_least_one(episodes=episodes, threads=threads)
    _check_one_source(given, episodes)
    policy, chosen = policy_or_family(source, family, trust)
    vendor = robot_of(chosen, given)
    names = given_names(chosen, known, vendor)
    if vendor is not None:
        show_robot(vendor)
    if vendor is not None and env is None and log is None:
        truth = {**vendor.row, **next(iter(vendor.task))}
    else:
        truth = next(iter(chosen.task(**task_values(chosen, task)))) if task else None
    found = _found(policy, chosen, vendor, given)
    where: dict[str, Any] = {"task": truth} if truth else {"env": env} if env is not None else {"log": str(log)}
    where |= {} if robot is None else {"robot": robot}
    for file in (out, json):
        write_json(file, {"family": chosen.name, "source": source, **where, **found.to_json()})
    show_fit(found, chosen.of_tasks(found.best).space, given=names, truth=truth)
    if report is not None:
        from robotmeta.reporting.fit_report import fit_report

        fit_report(found, chosen, report, given=names, truth=truth)
    for what, file in (("Fit", out), ("Report", report), ("Episodes", episodes_out), ("Dataset", dataset_out)):
        if file is not None:
            console.print(f"{what}: {file}")


def _check_one_source(given: Mapping[str, Any], episodes: int | None) -> None:
    """Raises UserError unless the episodes come from one place, and the options are for it."""
    asked = [f"--{name}" for name in ("task", "env", "robot", "log") if given[name] not in (None, ())]
    if len(asked) != 1 and asked not in (["--task", "--robot"], ["--env", "--robot"], ["--robot", "--log"]):
        raise UserError(f"give one of --task, --env, --robot and --log, not {' and '.join(asked) or 'none'}")
    for name in _FOR_AN_ENVIRONMENT:
        if given["env"] is None and given[name] not in (None, ()):
            raise UserError(f"--{name.replace('_', '-')} is for --env")
    check_recorded(given)
    if given["log"] is not None and episodes is not None:
        raise UserError("--episodes is for --task, --env and --robot: of --log, all adaptation episodes are used")


def _found(
    policy: rm.Policy | None, family: rm.TaskFamily, robot: rm.VendorRobot | None, given: Mapping[str, Any]
) -> Fit:
    if policy is None and given["log"] is None:
        raise UserError(
            f"--task, --env and --robot need a policy, which acts there, and '{given['source']}' is a family; "
            "a family alone can be fitted to recorded episodes (--log)"
        )
    with stage_bar("adaptation episodes") as bar:
        options = {
            "known": known_of(family, given["known"], robot),
            "seed": given["seed"],
            "simulator": given["simulator"],
            "threads": given["threads"],
            "on_progress": shows_fitting(bar),
        }
        if given["log"] is not None:
            return rm.fit(policy or family, given["log"], model=robot, **options)
        assert policy is not None
        if given["env"] is not None or robot is not None:
            return fit_to_robot(policy, robot, given, options)
        bar.show(None)
        return rm.fit(policy, family.task(**task_values(family, given["task"])), episodes=given["episodes"], **options)
