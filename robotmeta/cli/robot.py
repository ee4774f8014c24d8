"""``--env`` and ``--robot`` of ``robotmeta adapt`` and ``robotmeta fit``: an environment, which may be a robot."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import robotmeta as rm
from robotmeta.cli.shared import (
    adapted_json,
    chatter,
    console,
    count,
    pairs,
    show_broken,
    show_measured,
    typed,
    write_json,
)
from robotmeta.cli.stages import stage_options
from robotmeta.errors import AdaptationInterrupted, EnvironmentFailed, FitFailed, UserError

if TYPE_CHECKING:
    from robotmeta.adaptation.episodes import Episode
    from robotmeta.adaptation.fitting.result import Fit
    from robotmeta.adapters.world import GymnasiumWorld

_EVALUATION_EPISODES = 10  # of a robot in simulation
_LIMITS = ("max_steps", "timeout", "action_limit", "action_rate")


def adapt_on_robot(
    policy: rm.Policy, robot: rm.VendorRobot | None, command: Callable[..., None], given: Mapping[str, Any]
) -> rm.Adapted:
    """Adapts in an environment, prints each episode, and keeps what was collected if it ends early.

    Args:
        policy: The policy.
        robot: The robot of ``--robot``, whose model fit and fine-tuning take place in; None without it.
        command: The function of the command, for the line that goes on after an early end.
        given: The command's arguments by name.

    Raises:
        EnvironmentFailed: If the environment fails. The adapted policy and the episodes are saved.
        FitFailed: If no fit can be made or fine-tuning fails, after the same.
        KeyboardInterrupt: At Ctrl-C, after the same.
    """
    model, robot = robot, None if given["env"] is not None else robot  # of a robot in simulation, or of the real one
    if robot is not None and given["evaluation_episodes"] is None:
        given = {**given, "evaluation_episodes": _EVALUATION_EPISODES}
    with (
        _wrapped(robot, given) as world,
        _episodes_file(given["episodes_out"]) as file,
        stage_options(policy.family, given, model) as stages,
    ):
        options = {name: given[name] for name in ("episodes", "seed", "evaluation_episodes", "simulator")}
        try:
            result = rm.adapt(
                policy,
                world,
                episodes_out=file.path,
                dataset_out=given["dataset_out"],
                on_start=lambda: chatter.print(_announced(policy, world, robot, given)),
                on_episode=_printer(given["episodes"] * given["rounds"]),
                model=model,
                **options,
                **stages,
            )
        except (EnvironmentFailed, FitFailed, AdaptationInterrupted) as error:
            if error.adapted is not None:
                failed = "stopped" if isinstance(error, AdaptationInterrupted) else str(error)
                _keep(policy, error.adapted, file, command, robot, given, failed)
            if isinstance(error, AdaptationInterrupted) and error.__cause__ is not None:
                raise error.__cause__ from None  # the exit status is that of the signal
            raise
        if result.stopped is not None:
            console.print(f"Stopped early: {result.stopped}.")
            _keep(policy, result, file, command, robot, given)
        else:
            if given["out"] is not None:
                rm.save_policy(result.policy, given["out"])
            write_json(given["json"], adapted_json(policy, _where(robot, given), result))
            show_measured(policy, result)
    return result


def fit_to_robot(
    policy: rm.Policy, robot: rm.VendorRobot | None, given: Mapping[str, Any], options: Mapping[str, Any]
) -> Fit:
    """Collects episodes in an environment, prints each, and fits the simulator to them.

    Args:
        policy: The policy.
        robot: The robot of ``--robot``, in whose model actions are replayed; None without it.
        given: The command's arguments by name.
        options: Further arguments of :func:`robotmeta.fit`.

    Raises:
        EnvironmentFailed: If the environment fails. The episodes are saved.
        KeyboardInterrupt: At Ctrl-C, after the same.
    """
    model, robot = robot, None if given["env"] is not None else robot
    with _wrapped(robot, given) as world, _episodes_file(given["episodes_out"]) as file:
        try:
            return rm.fit(
                policy,
                world,
                model=model,
                episodes=given["episodes"],
                episodes_out=file.path,
                dataset_out=given["dataset_out"],
                on_start=lambda: chatter.print(_announced(policy, world, robot, given)),
                on_episode=_printer(given["episodes"]),
                **options,
            )
        except AdaptationInterrupted as error:
            raise error.__cause__ or error from None  # the exit status is that of the signal


@contextmanager
def _wrapped(robot: rm.VendorRobot | None, given: Mapping[str, Any]) -> Iterator[GymnasiumWorld]:
    """The environment, and at the end how regular the control steps of a real robot were."""
    from robotmeta.adapters.robot import RobotEnv

    with _world(robot, given) as world:
        try:
            yield world
        finally:
            real = world.env.unwrapped
            if isinstance(real, RobotEnv) and real.timing() is not None:
                console.print(f"Timing: {real.timing()}")


def _world(robot: rm.VendorRobot | None, given: Mapping[str, Any]) -> GymnasiumWorld:
    if robot is not None:
        from robotmeta.adapters.vendor import robot_world

        return robot_world(robot)
    limits = {name: given[name] for name in _LIMITS}
    return rm.wrap(given["env"], horizon=given["horizon"], names=pairs(given["map"]), **limits)


# -- before and while it runs ------------------------------------------------------------------------------------------


def _where(robot: rm.VendorRobot | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The environment, or the robot with its row and conditions, for a JSON object."""
    if robot is None:
        return {"env": given["env"]}
    return {"robot": given["robot"], **robot.row, **next(iter(robot.task))}


def _announced(policy: rm.Policy, world: GymnasiumWorld, robot: rm.VendorRobot | None, given: Mapping[str, Any]) -> str:
    """What will run, and where."""
    if robot is None:
        where = given["env"]
    else:
        where = ", ".join([robot.name, *(f"{p.name} = {p.text(value)}" for p, value in _conditions(robot))])
    return f"{policy.family.name}, {where}\n{_plan(policy, world, given)}"


def _conditions(robot: rm.VendorRobot) -> list[tuple[rm.Parameter, float]]:
    """The conditions of a robot that are not nominal."""
    row = next(iter(robot.task))
    return [(p, row[p.name]) for p in robot.family.space if row[p.name] != p.nominal]


def _plan(policy: rm.Policy, world: GymnasiumWorld, given: Mapping[str, Any]) -> str:
    """How many episodes and steps will run at most."""
    adaptation, evaluation, tuning = given["episodes"], given.get("evaluation_episodes") or 0, given.get("fine_tune")
    more = given.get("rounds", 1) - 1
    parts = [count(adaptation, "adaptation episode")]
    if more:
        parts.append(f"{count(more * adaptation, 'more episode')} of the fine-tuned policy")
    if evaluation:
        tuned = "" if tuning is None else ", and as many after fine-tuning"
        parts.append(f"{count(evaluation, 'evaluation episode')} before and as many after{tuned}")
    phases = 2 if tuning is None else 3
    steps = ((1 + more) * adaptation + phases * evaluation) * world.horizon
    steps = steps if given["max_steps"] is None else min(steps, given["max_steps"])
    dt = policy.family.dt if world.control_step is None else world.control_step.seconds
    return f"Runs {', '.join(parts)}: at most {count(steps, 'control step')} of {dt:g} s, {steps * dt:.4g} s in all."


def _printer(adaptation: int) -> Callable[[Episode], None]:
    """Prints each episode when it has ended."""
    number = 0

    def show(episode: Episode) -> None:
        nonlocal number
        number += 1
        named = {
            "adaptation": f" of {adaptation}",
            "before": ", without adaptation",
            "after": ", after adaptation",
            "fine-tuned": ", after fine-tuning",
        }[episode.phase]
        success = {None: "", True: ", success", False: ", no success"}[episode.success]
        result = f"return {episode.total_return:.1f}, {count(episode.length, 'step')}, {episode.ended}{success}"
        # A reader that has gone must not cost what the robot does; rich exits then.
        with contextlib.suppress(BrokenPipeError, SystemExit):
            chatter.print(f"Episode {number}{named}: {result}")

    return show


# -- after it ----------------------------------------------------------------------------------------------------------


def _keep(
    policy: rm.Policy,
    result: rm.Adapted,
    file: _EpisodesFile,
    command: Callable[..., None],
    robot: rm.VendorRobot | None,
    given: Mapping[str, Any],
    failed: str | None = None,
) -> None:
    """Saves what an adaptation that ended early has so far, and prints the command that goes on from there."""
    file.kept = True
    out = given["out"] or _new_file("adapted", ".safetensors")
    rm.save_policy(result.policy, out)
    write_json(given["json"], adapted_json(policy, _where(robot, given), result, failed))
    show_broken(result)
    asked = given["episodes"] * given["rounds"]
    console.print(f"{count(result.episodes, 'whole adaptation episode')} of {asked}. Policy so far: {out}")
    if file.path.exists():
        console.print(f"Episodes so far: {file.path}")
    in_first_round = given["episodes"] - result.episodes
    left = in_first_round if in_first_round > 0 else asked - result.episodes
    if left:
        following = _unused(re.sub(r"-\d+$", "", file.path.stem), file.path.suffix, file.path.parent)
        changed = {"policy": str(out), "out": out, "episodes": left, "seed": given["seed"] + given["rounds"]}
        changed["rounds"] = given["rounds"] if in_first_round > 0 else 1
        if given["dataset_out"] is not None:
            changed["dataset_out"] = _unused(given["dataset_out"].name, "", given["dataset_out"].parent)
        console.print(f"To go on:\n{_spelled(command, {**given, **changed, 'episodes_out': following})}")


class _EpisodesFile:
    """The file of all steps, which is written even if nobody asked for it until the adaptation is complete."""

    def __init__(self, path: Path, *, kept: bool) -> None:
        self.path, self.kept = path, kept


@contextlib.contextmanager
def _episodes_file(asked: Path | None) -> Iterator[_EpisodesFile]:
    file = _EpisodesFile(asked or _new_file("episodes", ".npz"), kept=asked is not None)
    try:
        yield file
    except BaseException:
        if not file.kept and file.path.exists() and file.path.stat().st_size > 0:
            file.kept = True
            console.print(f"Episodes: {file.path}")
        raise
    finally:
        if not file.kept:
            file.path.unlink(missing_ok=True)


def _unused(stem: str, suffix: str, folder: Path = Path()) -> Path:
    """A name that no file in the folder has."""
    numbers = itertools.count(2)
    path = folder / f"{stem}{suffix}"
    while path.exists():
        path = folder / f"{stem}-{next(numbers)}{suffix}"
    return path


def _new_file(stem: str, suffix: str) -> Path:
    """A new file in the working folder, or in the one for temporary files where that cannot be written."""
    for folder in (Path(), Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            while True:
                path = _unused(stem, suffix, folder)
                with contextlib.suppress(FileExistsError), path.open("x"):
                    return path
    raise UserError("neither the working folder nor the one for temporary files can be written: give --out")


def _spelled(command: Callable[..., None], given: Mapping[str, Any]) -> str:
    """A command line with these arguments, as one types it."""
    words = ["robotmeta", command.__name__.replace("_", "-")]
    for name, parameter in inspect.signature(command).parameters.items():
        value, flag = given[name], f"--{name.replace('_', '-')}"
        if value == parameter.default or value is None:
            continue
        if name == "policy":
            words.append(str(value))
        elif isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            for item in value if isinstance(value, tuple) else (value,):
                words += [f"{flag}={item}"] if str(item).startswith("-") else [flag, str(item)]
    return typed(*words)
