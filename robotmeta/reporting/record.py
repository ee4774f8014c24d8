"""Videos of one task and one initial state, without and after adaptation, side by side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief
from robotmeta.envs import TaskBatchEnv, Tasks
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Belief, play
from robotmeta.files import replaced
from robotmeta.policy import Policy
from robotmeta.reporting.caption import Caption, estimate_words
from robotmeta.reporting.video import check_video, video
from robotmeta.seeding import streams

_MAX_FPS = 30.0


@dataclass(frozen=True)
class Recording:
    """A video, and the returns of its two episodes.

    Attributes:
        file: The video.
        return_before: Undiscounted return of the episode on the left, without adaptation.
        return_after: Undiscounted return of the episode on the right, after adaptation.
    """

    file: Path
    return_before: float
    return_after: float


@dataclass(frozen=True)
class _Side:
    """One half of the picture: its world, the policy's belief and memory, and the title above."""

    env: TaskBatchEnv
    belief: Belief
    title: str
    remember: bool


class _Shown(NamedTuple):
    """What the caption shows after a control step."""

    total: float
    """Return so far."""
    belief: Belief


def record(
    policy: Policy,
    task: Tasks | None = None,
    *,
    out: str | Path,
    episodes: int = 3,
    seed: int = 0,
    width: int = 480,
    height: int = 360,
    simulator: str | None = None,
) -> Recording:
    """Records one episode without adaptation (left) and one after adaptation (right), in real time.

    The left side is the zero-shot control: the policy acts from its initial belief, which is reset at every step. Both
    sides start from the same state and act by the mean of the policy. If one episode ends first, its last picture
    stays. If the learner estimates the task's parameters, the estimates are written below the task.

    Args:
        policy: A meta-trained policy, adapted or not.
        task: One task of its family; None for the first held-out task.
        out: The video, ``.mp4`` or ``.gif``. It is written in full or not at all.
        episodes: Number of adaptation episodes; 0 is possible for an adapted policy.
        seed: Determines adaptation and the initial state.
        width: Pixels of each half, rounded up to an even number.
        height: Pixels of each half without its caption, rounded up to an even number.
        simulator: Physics backend; None for that of the policy's run.

    Raises:
        UserError: For another suffix, more than one task, too few episodes, a simulator that cannot run the task, no GL
            library, or a file that cannot be written.
        SimulationDiverged: If the simulation of the task diverges.
    """
    out = Path(out)
    check_video(out)
    task = policy.family.tasks("test", 1) if task is None else task
    if len(task) != 1:
        raise UserError(f"task must be 1 task, not {len(task)}")
    if episodes < (policy.belief is None):
        raise UserError(f"episodes must be at least 1 for a policy that is not adapted, not {episodes}")
    if min(width, height) < 1:
        raise UserError(f"width and height must be at least 1, not {width} and {height}")
    before, after = (TaskWorlds(policy, task, simulator=simulator) for _ in range(2))
    width, height = width + width % 2, height + height % 2  # yuv420p shares colour among 2 x 2 pixels
    stride = math.ceil(1.0 / (policy.family.dt * _MAX_FPS) - 1e-9)  # control steps per frame
    caption = Caption.fitting(policy, task, width, height)
    size = 2 * width, height + caption.height
    with replaced(out) as partial, video(partial, size, 1.0 / (policy.family.dt * stride)) as append:
        sides = _sides(policy, before, after, episodes, seed)
        runs = [_played(policy, side, seed) for side in sides]
        t, shown = 0, [_Shown(0.0, policy.begin(1))] * 2
        for t, now in enumerate(itertools.zip_longest(*runs), start=1):
            shown = [last if new is None else new for new, last in zip(now, shown, strict=True)]
            if t % stride == 0:
                append(_frame(policy, sides, shown, caption, height))
        if t % stride:  # the last step always has a frame
            append(_frame(policy, sides, shown, caption, height))
    return Recording(out, shown[0].total, shown[1].total)


def _sides(policy: Policy, before: TaskWorlds, after: TaskWorlds, episodes: int, seed: int) -> list[_Side]:
    initial = policy.learner.begin(1, streams(seed, "adaptation")[0])
    adapted = adapted_belief(policy, after, episodes, seed)
    more = "more " if policy.belief is not None else ""
    spent = f"{episodes} {more}episode{'s' if episodes > 1 else ''}" if episodes else "adaptation"
    return [
        _Side(before.env(1), initial, "without adaptation", remember=False),
        _Side(after.env(1), adapted, f"after {spent}", remember=True),
    ]


def _played(policy: Policy, side: _Side, seed: int) -> Iterator[_Shown]:
    """Plays one episode, one control step at a time."""
    total = 0.0
    start, _ = streams(seed, "recording")
    for played in play(side.env, policy.learner, side.belief, start, explore=False, remember=side.remember):
        total += played.step.reward.item()
        yield _Shown(total, played.belief)


def _frame(policy: Policy, sides: list[_Side], shown: list[_Shown], caption: Caption, height: int) -> np.ndarray:
    """Both worlds as they are now, each below its caption, uint8 ``[height + caption, 2 * width, 3]``."""
    halves = []
    for side, (total, belief) in zip(sides, shown, strict=True):
        above = caption.draw(side.title, total, estimate_words(policy, belief))
        halves.append(np.concatenate([above, side.env.render(caption.width, height)]))
    halves[0][:, -1:] = halves[1][:, :1] = 255  # a line between them
    return np.concatenate(halves, axis=1)
