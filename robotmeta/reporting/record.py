"""Videos of one task and one initial state at each stage of an adaptation, side by side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from robotmeta.adaptation.adapted import Adapted
from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief
from robotmeta.argument_types import check_arguments
from robotmeta.envs import Tasks, VendorRobot
from robotmeta.errors import UserError, reason
from robotmeta.files import check_target, replaced
from robotmeta.policy import Policy
from robotmeta.reporting.caption import Band, font_size, task_items
from robotmeta.reporting.panels import Outcome, Panel, panel_height, side_by_side
from robotmeta.reporting.video import QUALITY, check_video, video
from robotmeta.seeding import streams

_MAX_FPS = 30.0


@dataclass(frozen=True)
class Recording:
    """A video, and how the episodes in it went.

    Attributes:
        file: The video.
        stages: Title of each panel, from left to right.
        returns: Undiscounted return of the episode in each panel.
        successes: Whether each was a success; None if the family does not define it.
    """

    file: Path
    stages: tuple[str, ...]
    returns: tuple[float, ...]
    successes: tuple[bool | None, ...]

    @property
    def return_before(self) -> float:
        """Return of the episode without adaptation."""
        return self.returns[0]

    @property
    def return_after(self) -> float:
        """Return of the episode after the adaptation episodes."""
        return self.returns[1]


@check_arguments
def record(
    policy: Policy,
    task: Tasks | VendorRobot | None = None,
    *,
    out: str | Path,
    episodes: int = 3,
    adapted: Adapted | None = None,
    seed: int = 0,
    width: int = 480,
    height: int = 360,
    quality: float = QUALITY,
    simulator: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Recording:
    """Records an episode at each stage of an adaptation in a panel of its own, side by side, in real time.

    The first panel is the zero-shot control: the policy acts from its initial belief, which is reset at every step. The
    second one is after the adaptation episodes, the third one after fine-tuning, if there was any. All panels start
    from the same state, and policies act by their mean. If an episode ends early, its last picture stays. The caption
    lists the parameters that are not nominal, with the inferred and the fitted value beside the true one.

    Args:
        policy: A meta-trained policy, adapted or not.
        task: One task of its family, or a vendor's robot (:func:`robotmeta.read_robot`); None for the first held-out
            task.
        out: The video, ``.mp4`` or ``.gif``. It is written in full or not at all.
        episodes: Number of adaptation episodes; 0 is possible for an adapted policy.
        adapted: The result of :func:`robotmeta.adapt` for this policy and task; None to run adaptation episodes here.
        seed: Determines adaptation and the initial state.
        width: Pixels of each panel, rounded up to an even number.
        height: Pixels of each panel without text, rounded up to an even number.
        quality: Of ``.mp4``, from 0 to 10; a file of 5 has about a third of the size of one of 8.
        simulator: Physics backend; None for that of the policy's run.
        on_progress: Called with the number of recorded control steps, and that of the longest possible episode.

    Raises:
        UserError: For another suffix, more than one task, too few episodes, the result of another policy, a simulator
            that cannot run the task, no GL library, or a file that cannot be written.
        SimulationDiverged: If the simulation of the task diverges.
    """
    out = Path(out)
    check_video(out)
    acting = policy
    if isinstance(task, VendorRobot):
        acting, adapted, task = _in_world(policy, task), _moved(adapted, task), task.task
    task = policy.family.tasks("test", 1) if task is None else task
    if len(task) != 1:
        raise UserError(f"task must be 1 task, not {len(task)}")
    if adapted is None and episodes < (policy.belief is None):
        raise UserError(f"episodes must be at least 1 for a policy that is not adapted, not {episodes}")
    if adapted is not None and adapted.after_episodes.config != policy.config:
        made = adapted.after_episodes.config
        raise UserError(f"adapted is the result of another policy: {made.learner} on {made.family}, seed {made.seed}")
    if min(width, height) < 1:
        raise UserError(f"width and height must be at least 1, not {width} and {height}")
    if not 0.0 <= quality <= 10.0:
        raise UserError(f"quality must be from 0 to 10, not {quality}")
    progress = on_progress or (lambda done, total: None)
    progress(0, policy.family.horizon)
    if adapted is None:
        panels = _without_and_after(acting, task, episodes, seed, simulator)
        inferred, fit = policy.estimates(panels[1].belief), None
    else:
        panels = _stages(acting, task, adapted, seed, simulator)
        inferred, fit = adapted.inferred, adapted.fit
    width, height = width + width % 2, height + height % 2  # yuv420p shares colour among 2 x 2 pixels
    size = font_size(width, height)
    caption = Band.of_task(task_items(acting.family, task, inferred, fit), len(panels) * width, size)
    shown = _film(panels, caption, out, seed, (width, height), quality, progress)
    return Recording(
        out,
        tuple(panel.title for panel in panels),
        tuple(outcome.total_return for outcome in shown),
        tuple(outcome.success for outcome in shown),
    )


def check_recording(policy: Policy, task: Tasks | VendorRobot, out: Path, simulator: str | None = None) -> None:
    """Checks before the work starts that a task can be recorded.

    Raises:
        UserError: For another suffix, a file that cannot be written, no GL library, or a family that cannot be drawn.
    """
    check_video(out)
    check_target(out)
    if isinstance(task, VendorRobot):
        policy, task = _in_world(policy, task), task.task
    env = TaskWorlds(policy, task, simulator=simulator).env(1)
    env.reset(torch.Generator())
    try:
        env.render(16, 16)
    except UserError:
        raise
    except Exception as error:  # whatever the drawing function of a family raises
        raise UserError(f"family '{policy.family.name}' cannot be drawn: {reason(error)}") from None


# -- a vendor's robot --------------------------------------------------------------------------------------------------


def _in_world(policy: Policy, robot: VendorRobot) -> Policy:
    """The policy, for acting in the world of a vendor's robot, which has the interface of its family."""
    if (policy.family.observations, policy.family.actions) != (robot.family.observations, robot.family.actions):
        raise UserError(f"{robot.name} is read as '{robot.reads_as}', and the policy is of '{policy.family.name}'")
    return replace(policy, family=robot.family)


def _moved(adapted: Adapted | None, robot: VendorRobot) -> Adapted | None:
    if adapted is None:
        return None
    after, last = _in_world(adapted.after_episodes, robot), _in_world(adapted.policy, robot)
    return replace(adapted, after_episodes=after, policy=last)


# -- the stages --------------------------------------------------------------------------------------------------------


def _without(policy: Policy, task: Tasks, seed: int, simulator: str | None) -> Panel:
    env = TaskWorlds(policy, task, simulator=simulator).env(1)
    belief = policy.learner.begin(1, streams(seed, "adaptation")[0])
    return Panel("without adaptation", policy, belief, env, remember=False)


def _without_and_after(policy: Policy, task: Tasks, episodes: int, seed: int, simulator: str | None) -> list[Panel]:
    worlds = TaskWorlds(policy, task, simulator=simulator)
    belief = adapted_belief(policy, worlds, episodes, seed)
    title = f"after {_episodes(episodes, policy)}" if episodes else "after adaptation"
    return [_without(policy, task, seed, simulator), Panel(title, policy, belief, worlds.env(1))]


def _stages(policy: Policy, task: Tasks, adapted: Adapted, seed: int, simulator: str | None) -> list[Panel]:
    panels = [_without(policy, task, seed, simulator)]
    after = [(f"after {_episodes(adapted.first_episodes, policy)}", adapted.after_episodes)]
    if adapted.fine_tuned is not None:
        fit, no_gain = "" if adapted.fit is None else "fit and ", "" if adapted.fine_tuned.kept else ": no gain"
        after.append((f"after {fit}fine-tuning{no_gain}", adapted.policy))
    for title, acting in after:
        env = TaskWorlds(acting, task, simulator=simulator).env(1)
        panels.append(Panel(title, acting, acting.begin(1), env))
    return panels


def _episodes(number: int, policy: Policy) -> str:
    return f"{number} {'more ' if policy.belief is not None else ''}episode{'' if number == 1 else 's'}"


# -- the film ----------------------------------------------------------------------------------------------------------


def _film(
    panels: list[Panel],
    caption: Band,
    out: Path,
    seed: int,
    size_of_panel: tuple[int, int],
    quality: float,
    progress: Callable[[int, int], None],
) -> list[Outcome]:
    """Plays all panels at once, and returns how they ended."""
    width, height = size_of_panel
    horizon = panels[0].env.horizon
    dt, size = panels[0].policy.family.dt, font_size(width, height)
    stride = math.ceil(1.0 / (dt * _MAX_FPS) - 1e-9)  # control steps per frame
    above, shown = caption.draw(), [Outcome(0.0, None, False)] * len(panels)

    def frame() -> np.ndarray:
        below = [panel.draw(now, width, height, size) for panel, now in zip(panels, shown, strict=True)]
        return np.concatenate([above, side_by_side(below)])

    total = len(panels) * width, caption.height + panel_height(height, size)
    with replaced(out) as partial, video(partial, total, 1.0 / (dt * stride), quality) as append:
        t = 0
        for t, now in enumerate(itertools.zip_longest(*(panel.played(seed) for panel in panels)), start=1):
            shown = [last if new is None else new for new, last in zip(now, shown, strict=True)]
            if t % stride == 0:
                append(frame())
            progress(t, horizon)
        if t % stride:  # the last step always has a frame
            append(frame())
    progress(horizon, horizon)
    return shown
