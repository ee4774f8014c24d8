"""Adaptation of a policy to one task or robot, from a few episodes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from robotmeta.adaptation.episodes import Episode, EpisodesFile, episodes_of
from robotmeta.adaptation.fine_tune import FineTuned, FineTuning
from robotmeta.adaptation.fitting.fit_episodes import Fit
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.interface import control_step, fitted
from robotmeta.adaptation.interrupts import Interrupts
from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.adaptation.session import Session
from robotmeta.adaptation.stages import Collected, Staged, Stages
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
from robotmeta.experience.rollout import Rollout
from robotmeta.files import check_target
from robotmeta.policy import Policy
from robotmeta.seeding import streams


@dataclass(frozen=True)
class Adapted:
    """The result of adaptation to one task.

    Attributes:
        policy: The adapted policy, or the fine-tuned one. It can be recorded, evaluated, exported and saved like any
            other.
        episodes: Number of adaptation episodes that ran to their end. A broken or stopped one is not counted, though
            the policy learns from its steps.
        return_before: Mean return of evaluation episodes without adaptation: the policy acts from its initial belief,
            which is reset at every step. None if it was not measured.
        return_after: Mean return of evaluation episodes after adaptation, from the same initial states. None if it was
            not measured.
        inferred: The adapted policy's estimate of each parameter of the task; None for learners that make none.
        history: All episodes, in their order, also those that broke. The means of returns leave broken ones out.
        stopped: Which limit ended the adaptation before all episodes were done; None if none did.
        fine_tuned: The result of fine-tuning; None if there was none.
        return_fine_tuned: Mean return of evaluation episodes after fine-tuning, from the same initial states. None if
            it was not measured.
        recorded: The steps of the adaptation episodes; None if there are none.
        fit: The result of the fit; None if there was none.
    """

    policy: Policy
    episodes: int
    return_before: float | None
    return_after: float | None
    inferred: dict[str, Estimate] | None = None
    history: tuple[Episode, ...] = ()
    stopped: str | None = None
    fine_tuned: FineTuned | None = None
    return_fine_tuned: float | None = None
    recorded: RecordedEpisodes | None = field(default=None, repr=False)
    fit: Fit | None = field(default=None, repr=False)

    @property
    def first_episodes(self) -> int:
        """Number of adaptation episodes before the first evaluation or fit; ``return_after`` is measured after them."""
        first = itertools.takewhile(lambda episode: episode.phase == "adaptation", self.history)
        return min(sum(episode.whole for episode in first), self.episodes)


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
    fit: bool = False,
    known: Mapping[str, float | str] | None = None,
    on_fitting: Callable[[int, int], None] | None = None,
    fine_tune: str | int | None = None,
    fine_tune_tasks: TaskPosterior | None = None,
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
        target: One task of its family (``family.task(mass=1.4)``), or an environment with the same observations and
            actions (:func:`robotmeta.wrap`), with one task and one episode.
        episodes: Number of adaptation episodes of a round, at least 1.
        seed: Determines initial states and exploration.
        evaluation_episodes: Episodes that measure the return, as many before as after adaptation, and as many after
            fine-tuning; 0 to measure nothing. The policy does not learn from them. None for 10 in a task, and 0 in an
            environment.
        simulator: Physics backend of the task and of fine-tuning; None for that of the policy's run.
        episodes_out: For an environment, the file that gets all steps, written after each episode; see
            :class:`robotmeta.adaptation.episodes.EpisodesFile` for its arrays.
        on_start: For an environment, called once all arguments are checked, before anything runs.
        on_episode: For an environment, called after each episode.
        fit: Whether to fit the simulator to the adaptation episodes; see :func:`robotmeta.fit`. Fine-tuning then takes
            place in the tasks that explain them.
        known: For a fit, parameters that are known, by name.
        on_fitting: For a fit, called at its start and after each cycle, with the number of finished cycles and of all.
        fine_tune: Budget of fine-tuning after the adaptation episodes: a time, such as ``"60s"``, or control steps of
            simulation. None for no fine-tuning. See :func:`robotmeta.fine_tune`.
        fine_tune_tasks: The tasks to fine-tune in; None for the family's training distribution.
        fine_tune_out: Folder for the state of fine-tuning. For a task, the same call goes on from there.
        on_fine_tuning: Called after each iteration of fine-tuning.
        force: Whether to fine-tune although no task of the family explains the episodes.
        rounds: For a fit with fine-tuning, how often to do all of this. In each further round, the fine-tuned policy
            runs as many adaptation episodes again, the fit is to all episodes so far, and fine-tuning goes on.

    Raises:
        UserError: For fewer than one episode, more than one task, a task of another family, an environment with other
            observations or actions, a simulator that cannot run the task, or what fine-tuning refuses.
        EnvironmentFailed: If the environment raises an error, hangs, or returns what it must not. The error has the
            result of the steps until then, ``error.adapted`` and ``error.episodes``.
        AdaptationInterrupted: At Ctrl-C, with the same; a KeyboardInterrupt.
        SimulationDiverged: If the simulation of every evaluation episode of a task diverges.
    """
    episodes = checks.count("episodes", episodes)
    if evaluation_episodes is not None and evaluation_episodes < 0:
        raise UserError(f"evaluation_episodes must be at least 0, not {evaluation_episodes}")
    stages = Stages(
        fit=fit,
        known=known,
        force=force,
        on_fitting=on_fitting,
        budget=fine_tune,
        tasks=fine_tune_tasks,
        seed=seed,
        simulator=simulator,
        out=fine_tune_out,
        on_progress=on_fine_tuning,
        rounds=checks.count("rounds", rounds),
    )
    stages.check(policy)
    if isinstance(target, Tasks):
        if (episodes_out, on_start, on_episode) != (None, None, None):
            raise UserError("episodes_out, on_start and on_episode are for an environment, not for a task")
        measured = 10 if evaluation_episodes is None else evaluation_episodes
        return _in_task(policy, target, episodes, seed, measured, simulator, stages)
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
        result = _in_session(policy, session, file, episodes, seed, evaluation_episodes or 0, stages)
    return _returned(result, session)


# -- in a task ---------------------------------------------------------------------------------------------------------


def _in_task(
    policy: Policy,
    task: Tasks,
    episodes: int,
    seed: int,
    evaluation_episodes: int,
    simulator: str | None,
    stages: Stages,
) -> Adapted:
    if len(task) != 1:
        raise UserError(f"target must be 1 task, not {len(task)}")
    worlds = TaskWorlds(policy, task, simulator=simulator)
    rollouts: list[Rollout] = []
    history: list[Episode] = []

    def seen(rollout: Rollout) -> None:
        rollouts.append(rollout)
        history.extend(episodes_of(rollout))

    def collected(acting: Policy, number: int) -> Collected:
        belief = adapted_belief(acting, worlds, episodes, seed + number, seen)
        return Collected(dataclasses.replace(acting, belief=belief), rollouts, RecordedEpisodes.of(rollouts))

    first = collected(policy, 0)

    def mean_return(acting: Policy, phase: str) -> float | None:
        if not evaluation_episodes:
            return None
        rollout = _evaluated(acting, worlds, phase, evaluation_episodes, seed)
        if bool(rollout.diverged.all()):
            raise SimulationDiverged(f"the simulation of all {evaluation_episodes} evaluation episodes diverged")
        history.extend(episodes_of(rollout, phase))
        return rollout.mean_return()

    before = mean_return(_unadapted(policy, worlds, seed), "before")
    after = mean_return(first.adapted, "after")
    found, tuned = stages.run(first, collected)
    last = None if tuned is None else mean_return(tuned.policy, "fine-tuned")
    return Adapted(
        first.adapted if tuned is None else tuned.policy,
        sum(episode.phase == "adaptation" for episode in history),
        before,
        after,
        _inferred(first.adapted),
        tuple(history),
        fine_tuned=tuned,
        return_fine_tuned=last,
        recorded=RecordedEpisodes.of(rollouts),
        fit=found,
    )


def _inferred(adapted: Policy) -> dict[str, Estimate] | None:
    return None if adapted.belief is None else adapted.estimates(adapted.belief)


def _unadapted(policy: Policy, worlds: Worlds, seed: int) -> Policy:
    """The policy with the belief that its adaptation starts from."""
    return dataclasses.replace(policy, belief=adapted_belief(policy, worlds, 0, seed))


def _evaluated(policy: Policy, worlds: Worlds, phase: str, episodes: int, seed: int) -> Rollout:
    """Evaluation episodes; those before adaptation act from the belief alone."""
    fresh, _ = streams(seed, "trials")
    belief, remember = policy.begin(1), phase != "before"
    return collect_episodes(worlds, policy.learner, belief, episodes, fresh, explore=False, remember=remember)[0]


# -- in an environment -------------------------------------------------------------------------------------------------


def _in_session(
    policy: Policy,
    session: Session,
    file: EpisodesFile,
    episodes: int,
    seed: int,
    evaluation_episodes: int,
    stages: Stages,
) -> Adapted:
    worlds, rollouts, asked = OneWorld(session), list[Rollout](), 0

    def complete() -> bool:
        return len(file.episodes) == asked and not session.cut_off

    def collected(acting: Policy, number: int) -> Collected:
        nonlocal asked
        asked += episodes
        session.phase = "adaptation"
        belief = adapted_belief(acting, worlds, episodes, seed + number, rollouts.append)
        # A copy, because the belief before the first adaptation step may be the policy's own weights.
        belief = {name: value.clone() for name, value in belief.items()}
        adapted = dataclasses.replace(acting, belief=belief)
        return Collected(adapted, rollouts, RecordedEpisodes.of_arrays(file.arrays()))

    def more(acting: Policy, number: int) -> Collected | None:
        found = collected(acting, number)
        session.finish()
        return found if complete() else None

    def once(found: Collected, number: int) -> Staged | None:
        return session.interruptible(lambda: stages.once(found, number))

    first = collected(policy, 0)

    def mean_return(acting: Policy, phase: str) -> float | None:
        nonlocal asked
        if not evaluation_episodes:
            return None
        asked += evaluation_episodes
        session.phase = phase
        try:
            rollout = _evaluated(acting, worlds, phase, evaluation_episodes, seed)
        except NoMoreEpisodes:
            return None
        whole = rollout.rewards.shape[1] == evaluation_episodes and not session.cut_off
        return rollout.mean_return() if whole and not bool(rollout.diverged.all()) else None

    before, after = mean_return(_unadapted(policy, worlds, seed), "before"), mean_return(first.adapted, "after")
    session.finish()
    found = tuned = last = None
    if complete():
        found, tuned = stages.run(first, more, once)
    if tuned is not None:
        last = mean_return(tuned.policy, "fine-tuned") if tuned.signal is None else None
        session.finish()
    history = tuple(file.episodes)
    return Adapted(
        first.adapted if tuned is None else tuned.policy,
        sum(episode.phase == "adaptation" and episode.whole for episode in history),
        before,
        after,
        _inferred(first.adapted),
        history,
        None if complete() else session.stopped,
        tuned,
        last,
        RecordedEpisodes.of_arrays(file.arrays()),
        found,
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
