"""How small the errors of replays would be if the robot were the best task itself."""

from __future__ import annotations

import torch
from torch import Tensor

from robotmeta.adaptation.fitting.coordinates import Coordinates
from robotmeta.adaptation.fitting.joint_filter import JointFilter
from robotmeta.adaptation.fitting.recorded import FEWEST_STEPS, RecordedEpisodes
from robotmeta.adaptation.fitting.search import Found
from robotmeta.adaptation.fitting.segments import Segments
from robotmeta.envs import TaskBatchEnv, TaskFamily, Tasks
from robotmeta.errors import SimulationDiverged
from robotmeta.experience.observations import flatten
from robotmeta.threads import one_torch_thread


def reachable(
    family: TaskFamily,
    recorded: RecordedEpisodes,
    coordinates: Coordinates,
    found: Found,
    *,
    simulator: str = "auto",
    threads: int | None = None,
) -> Tensor:
    """Errors of replays of the best task in episodes of this very task, with the recorded actions.

    States that are estimated from observations are not exact, above all in hard contacts. So no task explains such
    steps without an error.

    Args:
        family: The family.
        recorded: The episodes.
        coordinates: What was searched.
        found: The end of the search.
        simulator: Physics backend.
        threads: Physics threads.

    Returns:
        Of all steps that were replayed, ``[step, observation + 1]``.
    """
    task = coordinates.tasks(found.numbers[None], {name: torch.tensor([k]).numpy() for name, k in found.kinds.items()})
    simulated = _simulated(family, recorded, task, found, simulator)
    if simulated.steps < FEWEST_STEPS:
        return torch.zeros(1, recorded.observations.shape[-1] + 1)
    joint = JointFilter(family, simulated, coordinates, simulator=simulator, threads=threads)
    states = joint(found.at, found.kinds, found.width, error=found.error, sensor=found.sensor)
    segments = Segments(family, simulated, 1, simulator=simulator, threads=threads)
    return segments.errors(task, states)[0][segments.mask]


@torch.no_grad()
def _simulated(
    family: TaskFamily, recorded: RecordedEpisodes, task: Tasks, found: Found, simulator: str
) -> RecordedEpisodes:
    """The recorded actions in a task, from the estimated initial states, up to the first end of an episode."""
    env = TaskBatchEnv(family, 1, len(recorded), simulator=simulator)
    env.load(task)
    states = found.filtered
    at = {name: value[:, 0] for name, value in states.coordinates.items()}
    seen = env.start(states.full[:, 0], at, recorded=recorded.observations[:, 0])
    observations, rewards = [flatten(seen)[0]], []
    lengths = recorded.lengths.clone()
    with one_torch_thread():
        for t in range(recorded.actions.shape[1]):
            running = t < lengths
            try:
                step = env.step(recorded.actions[None, :, t], running[None], recorded=recorded.observations[:, t + 1])
            except SimulationDiverged:
                lengths = lengths.clamp(max=t)
                break
            for flags, last in ((step.terminated, t + 1), (step.diverged, t)):
                if flags is not None:
                    lengths = torch.where(running & flags[0], lengths.clamp(max=last), lengths)
            observations.append(flatten(step.observation)[0])
            rewards.append(step.reward[0])
    missing = recorded.actions.shape[1] - len(rewards)
    observations += [torch.zeros_like(observations[0])] * missing
    rewards += [torch.zeros(len(recorded))] * missing
    times = torch.arange(recorded.actions.shape[1] + 1)
    happened = times <= lengths.unsqueeze(-1)
    return RecordedEpisodes(
        torch.where(happened.unsqueeze(-1), torch.stack(observations, dim=1), 0.0),
        recorded.actions,
        torch.where(happened[:, 1:], torch.stack(rewards, dim=1), 0.0),
        lengths,
    )
