"""Adaptation of a policy to one task or robot, from a few episodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from robotmeta.adaptation.episodes import Episode, EpisodesFile, episodes_of
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.interface import control_step, fitted
from robotmeta.adaptation.interrupts import Interrupts
from robotmeta.adaptation.session import Session
from robotmeta.adaptation.worlds import (
    NoMoreEpisodes,
    OneWorld,
    TaskWorlds,
    Worlds,
    adapted_belief,
    collect_episodes,
)
from robotmeta.envs import BatchEnv, Estimate, Tasks, checks
from robotmeta.errors import AdaptationInterrupted, EnvironmentFailed, SimulationDiverged, UserError
from robotmeta.experience.rollout import Belief, Rollout
from robotmeta.files import check_target
from robotmeta.policy import Policy
from robotmeta.seeding import streams


@dataclass(frozen=True)
class Adapted:
    """The result of adaptation to one task.

    Attributes:
        policy: The adapted policy. It can be recorded, evaluated, exported and saved like any other.
        episodes: Number of adaptation episodes that ran to their end. A broken or stopped one is not counted, though
            the policy learns from its steps.
        return_before: Mean return of evaluation episodes without adaptation: the policy acts from its initial belief,
            which is reset at every step. None if it was not measured.
        return_after: Mean return of evaluation episodes after adaptation, from the same initial states. None if it was
            not measured.
        inferred: The adapted policy's estimate of each parameter of the task; None for learners that make none.
        history: All episodes, in their order, also those that broke. The means of returns leave broken ones out.
        recorded: The steps of the adaptation episodes, for a fit; None if there are none.
        stopped: Which limit ended the adaptation before all episodes were done; None if none did.
    """

    policy: Policy
    episodes: int
    return_before: float | None
    return_after: float | None
    inferred: dict[str, Estimate] | None = None
    history: tuple[Episode, ...] = ()
    stopped: str | None = None
    recorded: RecordedEpisodes | None = field(default=None, repr=False)


def adapt(
    policy: Policy,
    target: Tasks | BatchEnv,
    *,
    episodes: int = 3,
    seed: int = 0,
    evaluation_episodes: int | None = None,
    simulator: str | None = None,
    episodes_out: str | Path | None = None,
    on_start: Callable[[], None] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> Adapted:
    """Adapts a policy to one task or robot it has not been trained on.

    In an environment, it runs the adaptation episodes and nothing else, unless evaluation episodes are asked for. The
    environment stays open.

    Args:
        policy: A meta-trained policy.
        target: One task of its family (``family.task(mass=1.4)``), or an environment with the same observations and
            actions (:func:`robotmeta.wrap`), with one task and one episode.
        episodes: Total number of adaptation episodes, at least 1.
        seed: Determines initial states and exploration.
        evaluation_episodes: Episodes that measure the return, as many before as after adaptation; 0 to measure nothing.
            The policy does not learn from them. None for 10 in a task, and 0 in an environment.
        simulator: Physics backend of the task; None for that of the policy's run.
        episodes_out: For an environment, the file that gets all steps, written after each episode; see
            :class:`robotmeta.adaptation.episodes.EpisodesFile` for its arrays.
        on_start: For an environment, called once all arguments are checked, before anything runs.
        on_episode: For an environment, called after each episode.

    Raises:
        UserError: For fewer than one episode, more than one task, a task of another family, an environment with other
            observations or actions, or a simulator that cannot run the task.
        EnvironmentFailed: If the environment raises an error, hangs, or returns what it must not. The error has the
            result of the steps until then, ``error.adapted`` and ``error.episodes``.
        AdaptationInterrupted: At Ctrl-C, with the same; a KeyboardInterrupt.
        SimulationDiverged: If the simulation of every evaluation episode of a task diverges.
    """
    episodes = checks.count("episodes", episodes)
    if evaluation_episodes is not None and evaluation_episodes < 0:
        raise UserError(f"evaluation_episodes must be at least 0, not {evaluation_episodes}")
    if isinstance(target, Tasks):
        if (episodes_out, on_start, on_episode) != (None, None, None):
            raise UserError("episodes_out, on_start and on_episode are for an environment, not for a task")
        measured = 10 if evaluation_episodes is None else evaluation_episodes
        return _in_task(policy, target, episodes, seed, measured, simulator)
    if not hasattr(target, "action_size"):
        what = repr(target) if isinstance(target, str) else f"a {type(target).__name__}"
        raise UserError(f"target must be a task, or an environment that robotmeta.wrap(...) makes, not {what}")
    if simulator is not None:
        raise UserError("simulator must be None for an environment: an environment has its own")
    env = fitted(policy, target)
    if on_start is not None:
        on_start()
    file = EpisodesFile(policy.family, control_step(policy, target), _checked(episodes_out))
    with Interrupts() as interrupts:
        session = Session(env, file, interrupts, on_episode)
        result = _in_session(policy, session, file, episodes, seed, evaluation_episodes or 0)
    return _returned(result, session)


# -- in a task ---------------------------------------------------------------------------------------------------------


def _in_task(
    policy: Policy, task: Tasks, episodes: int, seed: int, evaluation_episodes: int, simulator: str | None
) -> Adapted:
    if len(task) != 1:
        raise UserError(f"target must be 1 task, not {len(task)}")
    worlds = TaskWorlds(policy, task, simulator=simulator)
    rollouts: list[Rollout] = []
    belief = adapted_belief(policy, worlds, episodes, seed, rollouts.append)
    history = [episode for rollout in rollouts for episode in episodes_of(rollout)]

    def mean_return(known: Belief, phase: str) -> float:
        rollout = _evaluated(policy, worlds, known, phase, evaluation_episodes, seed)
        if bool(rollout.diverged.all()):
            raise SimulationDiverged(f"the simulation of all {evaluation_episodes} evaluation episodes diverged")
        history.extend(episodes_of(rollout, phase))
        return rollout.mean_return()

    before = after = None
    if evaluation_episodes:
        before = mean_return(adapted_belief(policy, worlds, 0, seed), "before")
        after = mean_return(belief, "after")
    adapted = dataclasses.replace(policy, belief=belief)
    recorded = RecordedEpisodes.of(rollouts)
    return Adapted(adapted, episodes, before, after, policy.estimates(belief), tuple(history), recorded=recorded)


def _evaluated(policy: Policy, worlds: Worlds, belief: Belief, phase: str, episodes: int, seed: int) -> Rollout:
    """Evaluation episodes; those before adaptation act from the belief alone."""
    fresh, _ = streams(seed, "trials")
    remember = phase == "after"
    return collect_episodes(worlds, policy.learner, belief, episodes, fresh, explore=False, remember=remember)[0]


# -- in an environment -------------------------------------------------------------------------------------------------


def _in_session(
    policy: Policy, session: Session, file: EpisodesFile, episodes: int, seed: int, evaluation_episodes: int
) -> Adapted:
    worlds = OneWorld(session)
    belief = adapted_belief(policy, worlds, episodes, seed)
    means: dict[str, float | None] = {"before": None, "after": None}
    if evaluation_episodes:
        for phase, known in (("before", adapted_belief(policy, worlds, 0, seed)), ("after", belief)):
            session.phase = phase
            try:
                rollout = _evaluated(policy, worlds, known, phase, evaluation_episodes, seed)
            except NoMoreEpisodes:
                break
            if rollout.rewards.shape[1] == evaluation_episodes and not session.cut_off:
                means[phase] = None if bool(rollout.diverged.all()) else rollout.mean_return()
    session.finish()
    history = tuple(file.episodes)
    done = sum(episode.phase == "adaptation" and episode.whole for episode in history)
    complete = len(history) == episodes + 2 * evaluation_episodes and not session.cut_off
    # A copy, because the belief before the first adaptation step may be the policy's own weights.
    adapted = dataclasses.replace(policy, belief={name: value.clone() for name, value in belief.items()})
    return Adapted(
        adapted,
        done,
        means["before"],
        means["after"],
        policy.estimates(belief),
        history,
        None if complete else session.stopped,
        RecordedEpisodes.of_arrays(file.arrays()),
    )


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
