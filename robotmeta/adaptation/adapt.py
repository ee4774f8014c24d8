"""Adaptation of a policy to one task or robot, from a few episodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from robotmeta.adaptation.adapted import Adapted
from robotmeta.adaptation.environment_target import EnvironmentTarget
from robotmeta.adaptation.episodes import Episode, EpisodesFile
from robotmeta.adaptation.fine_tune import FineTuned, FineTuning
from robotmeta.adaptation.fitting.result import Fit
from robotmeta.adaptation.interface import check_replay, control_step, fitted
from robotmeta.adaptation.interrupts import Interrupts
from robotmeta.adaptation.lerobot import DatasetWriter
from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.adaptation.session import Session
from robotmeta.adaptation.stages import Stages
from robotmeta.adaptation.target import Target
from robotmeta.adaptation.task_target import TaskTarget
from robotmeta.adapters.vendor import robot_world
from robotmeta.argument_types import check_arguments
from robotmeta.envs import BatchEnv, TaskFamily, Tasks, VendorRobot, checks
from robotmeta.errors import AdaptationInterrupted, EnvironmentFailed, FitFailed, UserError
from robotmeta.files import check_target
from robotmeta.policy import Policy
from robotmeta.seeding import streams


@check_arguments
def adapt(
    policy: Policy,
    target: Tasks | BatchEnv | VendorRobot,
    *,
    episodes: int = 3,
    seed: int = 0,
    evaluation_episodes: int | None = None,
    simulator: str | None = None,
    episodes_out: str | Path | None = None,
    dataset_out: str | Path | None = None,
    on_start: Callable[[], None] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
    model: VendorRobot | None = None,
    fit: bool = False,
    known: Mapping[str, float | str] | None = None,
    on_fitting: Callable[[int, int], None] | None = None,
    fine_tune: str | int | None = None,
    fine_tune_tasks: TaskPosterior | Tasks | None = None,
    fine_tune_learning_rate: float | None = None,
    fine_tune_kl_weight: float | None = None,
    fine_tune_out: str | Path | None = None,
    on_fine_tuning: Callable[[FineTuning], None] | None = None,
    force: bool = False,
    rounds: int = 1,
) -> Adapted:
    """Adapts a policy to one task or robot it has not been trained on.

    In an environment, it runs the adaptation episodes and nothing else, unless evaluation episodes are asked for. The
    environment stays open. Fine-tuning takes place in simulation. If Ctrl-C stops it, the result has the best policy so
    far, and no further episodes run in an environment.

    Args:
        policy: A meta-trained policy.
        target: One task of its family (``family.task(mass=1.4)``), an environment with the same observations and
            actions (:func:`robotmeta.wrap`), with one task and one episode, or a vendor's robot
            (:func:`robotmeta.read_robot`), whose simulated world is such an environment.
        episodes: Number of adaptation episodes of a round, at least 1.
        seed: Determines initial states and exploration.
        evaluation_episodes: Episodes that measure the return, as many before as after adaptation, and as many after
            fine-tuning; 0 to measure nothing. The policy does not learn from them. None for 10 in a task or on a
            vendor's robot, and 0 in an environment.
        simulator: Physics backend of the task and of fine-tuning; None for that of the policy's run.
        episodes_out: For an environment, the file that gets all steps, written after each episode; see
            :class:`robotmeta.adaptation.episodes.EpisodesFile` for its arrays.
        dataset_out: For an environment, the new folder of a LeRobot dataset that gets all steps, too; see
            :class:`robotmeta.adaptation.lerobot.DatasetWriter`. It needs ``robotmeta[lerobot]``.
        on_start: For an environment, called once all arguments are checked, before anything runs.
        on_episode: For an environment, called after each episode.
        model: The vendor's model of the robot (:func:`robotmeta.read_robot`). Fit and fine-tuning then take place in
            it, instead of the family's own models, and the fit knows its numbers. None for that of a target which is a
            vendor's robot.
        fit: Whether to fit the simulator to the adaptation episodes; see :func:`robotmeta.fit`. Fine-tuning then takes
            place in the tasks that explain them.
        known: Parameters that are known, by name. A fit does not search them. Without a fit, fine-tuning takes place in
            training tasks that have these values.
        on_fitting: For a fit, called at its start and after each cycle, with the number of finished cycles and of all.
        fine_tune: Budget of fine-tuning after the adaptation episodes: a time, such as ``"60s"``, or control steps of
            simulation. None for no fine-tuning. See :func:`robotmeta.fine_tune`.
        fine_tune_tasks: The tasks to fine-tune in, weighted or equally likely; None for the family's training
            distribution. In a vendor's model, also conditions of the robot, such as ``robot.task``.
        fine_tune_learning_rate: Learning rate of fine-tuning; None for the learner's.
        fine_tune_kl_weight: Weight of the divergence from the adapted policy in fine-tuning, at least 0; None for the
            default of :func:`robotmeta.fine_tune`.
        fine_tune_out: Folder for the state of fine-tuning. For a task, the same call goes on from there.
        on_fine_tuning: Called after each iteration of fine-tuning.
        force: Whether to fine-tune although no task of the family explains the episodes.
        rounds: For a fit with fine-tuning, how often to do all of this. In each further round, the fine-tuned policy
            runs as many adaptation episodes again, the fit is to all episodes so far, and fine-tuning goes on.

    Raises:
        UserError: For fewer than one episode, more than one task, a task of another family, an environment with other
            observations or actions, for a fit one with another control step, a simulator that cannot run the task, or
            what fine-tuning refuses.
        FitFailed: If no fit to the episodes can be made, or fine-tuning fails, with the result without it,
            ``error.adapted``; a UserError.
        EnvironmentFailed: If the environment raises an error, hangs, or returns what it must not. The error has the
            result of the steps until then, ``error.adapted`` and ``error.episodes``.
        AdaptationInterrupted: At Ctrl-C, with the same; a KeyboardInterrupt.
        SimulationDiverged: If the simulation of every evaluation episode of a task diverges.
    """
    episodes = checks.count("episodes", episodes)
    if evaluation_episodes is not None and evaluation_episodes < 0:
        raise UserError(f"evaluation_episodes must be at least 0, not {evaluation_episodes}")
    family, interfaced = policy.family, policy
    model = target if isinstance(target, VendorRobot) else model
    if model is not None and (fit or fine_tune is not None):
        policy = dataclasses.replace(policy, family=model.as_family(family))
        if isinstance(fine_tune_tasks, Tasks) and fine_tune_tasks.names == model.task.names:
            fine_tune_tasks = model.tasks_of(policy.family, fine_tune_tasks)
    stages = Stages(
        fit=fit,
        known={**model.row, **(known or {})} if model is not None and fit else known,
        force=force,
        on_fitting=on_fitting,
        budget=fine_tune,
        tasks=fine_tune_tasks,
        learning_rate=fine_tune_learning_rate,
        kl_weight=fine_tune_kl_weight,
        seed=seed,
        simulator=simulator,
        out=fine_tune_out,
        on_progress=on_fine_tuning,
        rounds=checks.count("rounds", rounds),
    )
    stages.check(policy)
    if isinstance(target, Tasks):
        if (episodes_out, dataset_out, on_start, on_episode) != (None, None, None, None):
            raise UserError("episodes_out, dataset_out, on_start and on_episode are for an environment, not for a task")
        measured = 10 if evaluation_episodes is None else evaluation_episodes
        if model is not None:
            raise UserError("model is for an environment: a task is simulated in the family's own models")
        return _adapted(policy, TaskTarget(policy, target, episodes, measured, seed, simulator), stages)
    if isinstance(target, VendorRobot):
        evaluation_episodes = 10 if evaluation_episodes is None else evaluation_episodes
        target = robot_world(target)
    if not hasattr(target, "action_size"):
        what = repr(target) if isinstance(target, str) else f"a {type(target).__name__}"
        raise UserError(
            f"target must be a task, an environment that robotmeta.wrap(...) makes, or a robot of "
            f"robotmeta.read_robot(...), not {what}"
        )
    if simulator is not None:
        raise UserError("simulator must be None for an environment: an environment has its own")
    if fit:
        check_replay(interfaced, target)
    env = fitted(interfaced, target)
    dt = control_step(interfaced, target)
    dataset = None if dataset_out is None else DatasetWriter(Path(dataset_out), family, dt)
    file = EpisodesFile(family, dt, _checked(episodes_out), dataset)
    if on_start is not None:
        on_start()
    with Interrupts() as interrupts:
        session = Session(env, file, interrupts, on_episode)
        robot = EnvironmentTarget(session, file, episodes, evaluation_episodes or 0, seed)
        try:
            result = _adapted(policy, robot, stages)
        except FitFailed as error:
            error.adapted = _of_family(error.adapted, family)
            raise
    return _returned(_of_family(result, family), session)


def _adapted(policy: Policy, target: Target, stages: Stages) -> Adapted:
    # episodes -> belief; episodes, belief -> fitted tasks; fitted tasks, belief -> fine-tuned policy;
    # and in further rounds the same again, with the episodes of the fine-tuned policy
    collected = target.collect(policy, 0)
    after_episodes = collected.adapted
    before = target.mean_return(_unadapted(policy, stages.seed), "before")
    after = target.mean_return(after_episodes, "after")
    found: Fit | None = None
    tuned: FineTuned | None = None
    failed: UserError | None = None
    for number in range(stages.rounds):
        if number > 0 and tuned is not None:
            collected = target.collect(tuned.policy, number)
        if not target.complete():
            break
        try:
            found = target.interruptible(partial(stages.fitted, collected)) or found
            if not target.complete():
                break
            better = target.interruptible(partial(stages.fine_tuned, collected, found, number))
        except UserError as error:  # after the robot ran: what it did must not be lost
            failed = error
            break
        tuned = better or tuned
        if better is None or better.signal is not None:
            break
    last: float | None = None
    if tuned is not None and (tuned.signal is None or target.simulated):
        last = target.mean_return(tuned.policy, "fine-tuned")
    result = Adapted(
        policy=after_episodes if tuned is None else tuned.policy,
        after_episodes=after_episodes,
        episodes=sum(episode.phase == "adaptation" and episode.whole for episode in target.history),
        return_before=before,
        return_after=after,
        inferred=None if after_episodes.belief is None else after_episodes.estimates(after_episodes.belief),
        stopped=target.stopped,
        history=tuple(target.history),
        fine_tuned=tuned,
        return_fine_tuned=last,
        recorded=target.recorded,
        fit=found,
    )
    if failed is not None:
        raise FitFailed(str(failed), result) from failed
    return result


def _of_family(result: Adapted, family: TaskFamily) -> Adapted:
    """The result with policies of the family, in whatever model they were fine-tuned."""
    if result.policy.family is family:
        return result
    after = dataclasses.replace(result.after_episodes, family=family)
    if result.fine_tuned is None:
        return dataclasses.replace(result, policy=after, after_episodes=after)
    policy = dataclasses.replace(result.fine_tuned.policy, family=family)
    tuned = dataclasses.replace(result.fine_tuned, policy=policy)
    return dataclasses.replace(result, policy=policy, after_episodes=after, fine_tuned=tuned)


def _unadapted(policy: Policy, seed: int) -> Policy:
    """The policy with the belief that its adaptation starts from."""
    return dataclasses.replace(policy, belief=policy.begin(1, streams(seed, "adaptation")[0]))


def _returned(result: Adapted, session: Session) -> Adapted:
    """The result, or the error that ended the session, with the result in it."""
    failure = session.failure
    if failure is None:
        return result
    if isinstance(failure, EnvironmentFailed):
        failure.adapted, failure.episodes = result, result.history
    if isinstance(failure, Exception):
        raise failure
    raise AdaptationInterrupted(result, result.history) from failure


def _checked(file: str | Path | None) -> Path | None:
    """The file, if it can be written; its folder is not yet made."""
    if file is not None:
        check_target(Path(file))
    return None if file is None else Path(file)
