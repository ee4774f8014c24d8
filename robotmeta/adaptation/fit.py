"""The fit of a simulator to a few episodes of a robot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from robotmeta.adaptation.adapt import adapt
from robotmeta.adaptation.fitting.fit_episodes import check_fit, fit_episodes
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.fitting.result import Fit
from robotmeta.adaptation.interface import check_replay
from robotmeta.adaptation.recall import recalled_estimates
from robotmeta.argument_types import check_arguments
from robotmeta.envs import BatchEnv, TaskFamily, Tasks, VendorRobot
from robotmeta.envs.simulators import check_simulator
from robotmeta.errors import UserError
from robotmeta.policy import Policy


@check_arguments
def fit(
    source: Policy | TaskFamily,
    target: Tasks | BatchEnv | VendorRobot | RecordedEpisodes | str | Path,
    *,
    episodes: int = 3,
    model: VendorRobot | None = None,
    known: Mapping[str, float | str] | None = None,
    seed: int = 0,
    simulator: str | None = None,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Fit:
    """Finds the tasks of a family that explain a few episodes of a robot, anywhere in the physical ranges.

    Args:
        source: A policy, which acts in the target and whose estimates the search starts from. For episodes that are
            recorded already, a policy, whose estimates are those after these episodes, or a family. Without estimates
            the search starts from the training distribution: of a family, of a learner that makes none, and where a
            reward is not known.
        target: One task of the family, an environment (:func:`robotmeta.wrap`), a vendor's robot
            (:func:`robotmeta.read_robot`), or recorded episodes: a file or a LeRobot dataset, such as
            :func:`robotmeta.adapt` writes (``episodes_out``, ``dataset_out``), or a :class:`RecordedEpisodes`.
        episodes: Number of episodes to collect in a task or an environment.
        model: The vendor's model of the robot, in which the actions are replayed, instead of the family's own
            models. Its numbers are known. None for that of a target which is a vendor's robot.
        known: Parameters that are known, by name; they are not searched.
        seed: Determines initial states, exploration and the candidates.
        simulator: Physics backend; None for that of the policy's run.
        threads: Physics threads; the result does not depend on it.
        on_progress: Called when the search begins and after each of its cycles, with the number of finished cycles and
            of all.
        options: For an environment, ``episodes_out``, ``dataset_out``, ``on_start`` and ``on_episode`` of
            :func:`robotmeta.adapt`.

    Raises:
        UserError: As :func:`robotmeta.adapt` and :func:`fit_episodes`, and for a family without recorded episodes.
    """
    policy = source if isinstance(source, Policy) else None
    family = source if isinstance(source, TaskFamily) else source.family
    backend = simulator or ("auto" if policy is None else policy.config.simulator)
    model = target if isinstance(target, VendorRobot) else model
    if model is not None and isinstance(target, Tasks):
        raise UserError("model is for an environment or recorded episodes: a task has the family's own model")
    if model is not None:
        family, known = model.as_family(family), {**model.row, **(known or {})}
    check_fit(family, known)  # before a robot runs
    check_simulator(family, backend)
    if isinstance(target, str | Path | RecordedEpisodes):
        recorded = RecordedEpisodes.of_file(target, family) if isinstance(target, str | Path) else target
        recorded.check(family)
        believed = None if policy is None else recalled_estimates(policy, recorded)
    elif policy is None:
        raise UserError("a family alone cannot act: give a policy, or episodes that are recorded already")
    else:
        if not isinstance(target, Tasks | VendorRobot):
            check_replay(policy, target)
        in_task = {"simulator": simulator} if isinstance(target, Tasks) else {}
        adapted = adapt(policy, target, episodes=episodes, seed=seed, evaluation_episodes=0, **in_task, **options)
        recorded, believed = adapted.recorded, adapted.inferred
        assert recorded is not None
    return fit_episodes(
        family,
        recorded,
        believed=believed,
        known=known,
        seed=seed,
        simulator=backend,
        threads=threads,
        on_progress=on_progress,
    )
