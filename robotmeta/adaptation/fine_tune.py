"""Fine-tuning: the outer loop goes on in simulated tasks that one robot's episodes leave plausible."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robotmeta.adaptation.fine_tuning.budget import Budget
from robotmeta.adaptation.fine_tuning.candidate import Candidate, initial, tuned_config
from robotmeta.adaptation.fine_tuning.comparison import Comparison, MeanReturn
from robotmeta.adaptation.fine_tuning.loop import FineTuning, Loop, TaskSource
from robotmeta.adaptation.fine_tuning.state import Compared, StateFolder, fingerprint
from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.adaptation.worlds import check_tasks
from robotmeta.argument_types import check_arguments
from robotmeta.envs import TaskBatchEnv, Tasks
from robotmeta.envs.simulators import check_simulator
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Rollout
from robotmeta.files import check_target
from robotmeta.interrupts import stop_signal
from robotmeta.metalearners import LearnerConfig
from robotmeta.policy import Policy
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread

KL_WEIGHT = 0.002
"""Weight of the divergence from the meta-trained policy, in the unit of normalized advantages a nat."""

_COMPARED, _FINAL = (48, 1), (64, 4)  # tasks, and episodes of each


@dataclass(frozen=True)
class FineTuned:
    """The result of fine-tuning.

    Returns are means over simulated episodes of new draws of tasks, the same ones for both policies, without
    exploration.

    Attributes:
        policy: The best policy, adapted. It is the one that fine-tuning began with unless the interval of the gain lies
            above zero.
        return_before: Return of the policy that fine-tuning began with.
        return_after: Return of the best policy.
        gain: Their paired difference; zero where the first policy is kept.
        iterations: Number of iterations, each of an episode in every world.
        kept: Number of iterations of the best policy; 0 if it is the one that fine-tuning began with.
        steps: Control steps of simulation, those of the comparisons included.
        seconds: Seconds.
        history: The comparisons, in their order.
        stopped: Why it ended before its budget was spent; None if it did not.
        signal: Number of the signal that stopped it, such as that of Ctrl-C; None if none did.
    """

    policy: Policy
    return_before: MeanReturn
    return_after: MeanReturn
    gain: MeanReturn
    iterations: int
    kept: int
    steps: int
    seconds: float
    history: tuple[Compared, ...] = ()
    stopped: str | None = None
    signal: int | None = None


@check_arguments
def fine_tune(
    policy: Policy,
    tasks: TaskPosterior | Tasks | None = None,
    *,
    budget: str | int = "60s",
    seed: int = 0,
    rollouts: Sequence[Rollout] = (),
    simulator: str | None = None,
    threads: int | None = None,
    learning_rate: float | None = None,
    kl_weight: float = KL_WEIGHT,
    out: str | Path | None = None,
    on_progress: Callable[[FineTuning], None] | None = None,
) -> FineTuned:
    """Goes on with the learner's outer loop in simulated tasks, and keeps the policy that is best there.

    The loss has a KL divergence from the policy at the start. Observation statistics stay as they are, and optimizers
    start anew. Every few iterations the policy is compared with the best one before, in the same tasks from the same
    initial states. It ends when the budget is spent, after some comparisons without a gain, or at Ctrl-C, and returns
    the best policy in any case. A last comparison in new draws decides whether that one is clearly better than the
    first, which is returned otherwise.

    In tasks that are known to resemble the robot, the policy acts from its belief about the robot. In the family's
    training distribution, it acts from its initial belief, and only the result gets the belief about the robot.

    Args:
        policy: The policy, adapted or not. It stays as it is.
        tasks: What is known about the robot: weighted tasks, or tasks that are equally likely. None for the family's
            training distribution.
        budget: Seconds (``"60s"``, ``"2m"``), or control steps of simulation. With control steps, the seed determines
            the result on the CPU; with seconds, it also depends on the speed of the machine.
        seed: Determines tasks, initial states, exploration and shuffling.
        rollouts: The rollouts of the robot's adaptation, which give the policy its belief about the robot again, now
            with new weights. Without them, the belief stays as it is.
        simulator: Physics backend; None for that of the policy's run.
        threads: Number of physics threads. Results do not depend on it.
        learning_rate: Learning rate of the outer loop; None for the learner's.
        kl_weight: Weight of the divergence from the policy at the start, at least 0.
        out: A folder that gets the state after each comparison. If it holds the state of the same fine-tuning, that
            goes on. With a budget in steps, the result is the one of a fine-tuning that never stopped.
        on_progress: Called after each iteration.

    Raises:
        UserError: For an invalid budget, weight or learning rate, tasks of another family, a learner that cannot be
            fine-tuned, an oracle with more than one task, or a folder that is damaged or holds another fine-tuning.
    """
    allowed, config, source = check_fine_tuning(
        policy, tasks, budget, learning_rate=learning_rate, kl_weight=kl_weight, simulator=simulator, out=out
    )
    family = policy.family
    if isinstance(source, TaskPosterior):  # the tasks of a fit may have parameters that meta-training never varies
        policy = dataclasses.replace(policy, family=family.of_tasks(source.tasks))
    start = policy if policy.belief is not None else dataclasses.replace(policy, belief=initial(policy.learner))
    kind = policy.config.simulator if simulator is None else simulator
    known = {"config": config, "seed": seed, "kl_weight": kl_weight, "simulator": kind}
    folder = StateFolder(out, fingerprint(start, rollouts, _digest(source), **known))
    candidate = Candidate(start, config, rollouts, of_robot=tasks is not None)

    def comparison(purpose: str, count: int, episodes: int) -> Comparison:
        drawn = source.sample(count, streams(seed, purpose)[1])
        return Comparison(policy, drawn, episodes, seed, purpose, simulator=simulator, threads=threads)

    compared = comparison("fine-tuning: comparison", *_COMPARED)
    env = TaskBatchEnv(
        policy.family, config.tasks, config.episodes, simulator=kind, threads=threads, oracle=config.oracle
    )
    with one_torch_thread(), stop_signal() as stop:
        loop = Loop(
            candidate,
            env,
            source,
            compared,
            allowed,
            folder,
            seed=seed,
            kl_weight=kl_weight,
            on_progress=on_progress,
        )
        loop.run(stop)
        final = comparison("fine-tuning: result", *_FINAL)
        before = final.returns(candidate.start)
        after = before if loop.progress.kept == 0 else final.returns(loop.best)
    better = after.gain(before).low > 0.0
    if not better:
        after = before
    best = candidate.for_robot(loop.best) if better else start
    return FineTuned(
        policy=dataclasses.replace(best, family=family),
        return_before=before.mean(),
        return_after=after.mean(),
        gain=after.gain(before),
        iterations=loop.progress.iteration,
        kept=loop.progress.kept if better else 0,
        steps=loop.progress.steps,
        seconds=loop.progress.seconds,
        history=tuple(loop.history),
        stopped=loop.stopped,
        signal=stop.number,
    )


def check_fine_tuning(
    policy: Policy,
    tasks: TaskPosterior | Tasks | None,
    budget: str | int,
    *,
    learning_rate: float | None = None,
    kl_weight: float = KL_WEIGHT,
    simulator: str | None = None,
    out: str | Path | None = None,
) -> tuple[Budget, LearnerConfig, TaskSource]:
    """The budget, the learner's hyper-parameters, and where tasks are drawn from.

    Raises:
        UserError: For what :func:`fine_tune` refuses.
    """
    allowed, config = Budget.of(budget), tuned_config(policy, learning_rate)
    if not 0.0 <= kl_weight < float("inf"):
        raise UserError(f"kl_weight must be at least 0, not {kl_weight:g}")
    check_simulator(policy.family, policy.config.simulator if simulator is None else simulator)
    if out is not None:
        check_target(Path(out) / "state" / "progress.json")
    return allowed, config, _source(policy, tasks)


def _source(policy: Policy, tasks: TaskPosterior | Tasks | None) -> TaskSource:
    """Where tasks are drawn from."""
    if isinstance(tasks, Tasks):
        if not len(tasks):
            raise UserError("fine-tuning needs at least 1 task, not 0")
        tasks = TaskPosterior.of(tasks)
    if tasks is not None:
        check_tasks(policy, tasks.tasks)
    known = tasks is not None and len(np.unique(tasks.tasks.values[tasks.weights > 0.0], axis=0)) == 1
    if policy.config.hyperparameters.oracle and not known:
        raise UserError(
            "this policy is an oracle, which observes the task's parameters: it can be fine-tuned in one known task"
        )
    return policy.family if tasks is None else tasks


def _digest(source: TaskSource) -> str:
    """What tells a source of tasks from others."""
    if isinstance(source, TaskPosterior):
        return f"{source.tasks.digest} {source.weights.tolist()}"
    return "training"
