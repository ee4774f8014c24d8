"""Before/after videos: one task and one seed, played by the policy as it was and as it adapted, side by side."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import imageio_ffmpeg
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from robotmeta.adaptation.worlds import TaskWorlds, adapted_belief
from robotmeta.envs import TaskBatchEnv, TaskFamily, Tasks
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Belief, play
from robotmeta.files import replaced
from robotmeta.policy import Policy
from robotmeta.seeding import streams

_MAX_FPS = 30.0
# One palette a frame: a palette for the whole video would need the whole video in memory.
_PALETTE = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=none"
_ENCODERS: dict[str, dict[str, Any]] = {
    ".mp4": {"codec": "libx264", "pix_fmt_out": "yuv420p", "quality": 8, "output_params": ["-movflags", "+faststart"]},
    ".gif": {"codec": "gif", "pix_fmt_out": "pal8", "quality": None, "output_params": ["-vf", _PALETTE, "-loop", "0"]},
}


@dataclass(frozen=True)
class Recording:
    """A video, and the returns of the episodes in it.

    Attributes:
        file: The video.
        return_before: Undiscounted return of the episode on the left, without adaptation.
        return_after: Of the episode on the right, after adaptation, from the same initial state.
    """

    file: Path
    return_before: float
    return_after: float


@dataclass(frozen=True)
class _Side:
    """One half of the picture: who acts, where, and what is written above."""

    env: TaskBatchEnv
    belief: Belief
    title: str
    remember: bool


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
    """Records one episode without (left) and one after adaptation (right), in real time.

    Without adaptation means the zero-shot control: a learner that adapts within an episode has its belief reset at
    every step, for others it is the policy initialization.

    Both start from the same state and act by the mean of the policy. Where one ends first, its last picture stays.
    Where the learner says what it thinks the task is, that is written below the task as it changes.

    Args:
        policy: A meta-trained policy, or one that is adapted already.
        task: One task of its family; None for the first held-out one.
        out: The video, ``.mp4`` or ``.gif``; it appears in full or not at all.
        episodes: Adaptation episodes; 0 only for a policy that is adapted already.
        seed: Fixes adaptation and initial state.
        width: Of each half, pixels; rounded up to an even number.
        height: Of each half, pixels, without the caption above it; rounded up to an even number.
        simulator: Physics backend; None for that of the policy's run.

    Raises:
        UserError: For another suffix, more than one task, no adaptation to show, a simulator that cannot run the task,
            no GL library, or a file that cannot be written.
        SimulationDiverged: Where the simulation of the task breaks.
    """
    out = Path(out)
    task = policy.family.tasks("test", 1) if task is None else task
    if out.suffix.lower() not in _ENCODERS:
        raise UserError(f"no video format '{out.suffix}' for {out}; there are: {', '.join(_ENCODERS)}")
    if len(task) != 1:
        raise UserError(f"a recording shows 1 task, not {len(task)}")
    if episodes < (policy.belief is None):
        raise UserError(f"a recording needs at least 1 adaptation episode, not {episodes}")
    if min(width, height) < 1:
        raise UserError(f"a picture of {width} x {height} pixels cannot be drawn")
    before, after = (TaskWorlds(policy, task, simulator=simulator) for _ in range(2))
    width, height = width + width % 2, height + height % 2  # yuv420p shares colour between 2 x 2 pixels
    stride = math.ceil(1.0 / (policy.family.dt * _MAX_FPS) - 1e-9)
    thinks = policy.learner.infer(policy.begin(1)) is not None
    caption = _caption(_words(policy.family, task), width, height, thinks)
    size = 2 * width, height + caption.height
    with replaced(out) as partial, _encoder(partial, size, 1.0 / (policy.family.dt * stride)) as show:
        sides = _sides(policy, before, after, episodes, seed)
        runs = [_played(policy, side, seed) for side in sides]
        t, shown = 0, [_Shown(0.0, policy.begin(1))] * 2
        for t, now in enumerate(itertools.zip_longest(*runs), start=1):
            shown = [last if new is None else new for new, last in zip(now, shown, strict=True)]
            if t % stride == 0:
                show(_frame(policy, sides, shown, caption, height))
        if t % stride:  # the end is worth a picture, even off the beat
            show(_frame(policy, sides, shown, caption, height))
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


class _Shown(NamedTuple):
    """What is written on a picture: the running return, and what the belief says."""

    total: float
    belief: Belief


def _played(policy: Policy, side: _Side, seed: int) -> Iterator[_Shown]:
    """Plays one episode; what there is to say after each control step."""
    total = 0.0
    start = streams(seed, "recording")[0]
    for played in play(side.env, policy.learner, side.belief, start, explore=False, remember=side.remember):
        total += played.step.reward.item()
        yield _Shown(total, played.belief)


# -- pictures ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Caption:
    """A dark band of text above a picture, so that it is legible and hides nothing."""

    task: list[str]
    width: int
    font_size: int
    thinks: bool
    """Whether there is a line for what the policy thinks the task is."""

    @property
    def height(self) -> int:
        """Pixels, an even number."""
        return 2 * round((len(self.task) + self.thinks + 1.9) * self.font_size * 1.35 / 2)

    def draw(self, title: str, total: float, thoughts: list[str]) -> np.ndarray:
        """Title, running return, task and as many thoughts as there is room for, uint8 ``[height, width, 3]``."""
        image = Image.new("RGB", (self.width, self.height), (28, 30, 34))
        draw = ImageDraw.Draw(image)
        line, left = self.font_size * 1.35, self.font_size * 0.6
        large, small, white = _font(self.font_size * 5 // 4), _font(self.font_size), (255, 255, 255)
        draw.text((left, 0.25 * line), title, font=large, fill=white)
        draw.text((self.width - left, 0.25 * line), f"return {total:.1f}", font=large, fill=white, anchor="ra")
        for row, text in enumerate(self.task):
            draw.text((left, (1.6 + row) * line), text, font=small, fill=(215, 218, 224))
        if self.thinks:
            while thoughts and small.getlength(_thought(thoughts)) > self.width - 2.0 * left:
                thoughts = thoughts[:-1]
            draw.text((left, (1.6 + len(self.task)) * line), _thought(thoughts), font=small, fill=(140, 200, 255))
        return np.array(image)


def _thought(thoughts: list[str]) -> str:
    return "thinks: " + (", ".join(thoughts) or "cannot tell yet")


def _words(family: TaskFamily, task: Tasks) -> list[str]:
    """The task's values, but for parts of the robot that are nominal; those of a robot that has a name are its name."""
    row = next(iter(task))
    robots = (name for name, columns in family.robots.items() if all(row[c] == v for c, v in columns.items()))
    robot = next(robots, None)
    named = {} if robot is None else family.robots[robot]
    nominal = {p.name for p in family.space if row[p.name] == p.nominal}
    shown = [
        p
        for p in family.space
        if p.name not in named and (p.name not in nominal or not p.edits) and p.qualifies not in nominal
    ]
    values = [f"{p.name} = {p.text(row[p.name], unit=False)}" for p in shown]
    return (values if robot is None else [f"robot = {robot}", *values]) or ["nominal"]


def _thoughts(policy: Policy, belief: Belief) -> list[str]:
    """What the belief says of the parameters it is sure of, surest first."""
    space, estimates = policy.family.space, policy.estimates(belief) or {}
    return [f"{n} = {space[n].text(e.value, digits=2, unit=False)}" for n, e in estimates.items() if e.sure]


def _caption(words: list[str], width: int, height: int, thinks: bool) -> _Caption:
    """A caption of as many lines as the words need."""
    size = max(8, min(height // 22, width // 26))  # the longest title and its return share a line
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]}, {word}" if lines else word
        if lines and _font(size).getlength(longer) <= width - 1.2 * size:
            lines[-1] = longer
        else:
            lines.append(word)
    return _Caption(lines, width, size, thinks)


@functools.cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _frame(policy: Policy, sides: list[_Side], shown: list[_Shown], caption: _Caption, height: int) -> np.ndarray:
    """Both worlds as they are now, each below its caption, uint8 ``[height + caption, 2 * width, 3]``."""
    halves = []
    for side, (total, belief) in zip(sides, shown, strict=True):
        words = caption.draw(side.title, total, _thoughts(policy, belief) if caption.thinks else [])
        halves.append(np.concatenate([words, side.env.render(caption.width, height)]))
    halves[0][:, -1:] = halves[1][:, :1] = 255  # a line between them
    return np.concatenate(halves, axis=1)


# -- files -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _encoder(file: Path, size: tuple[int, int], fps: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Gives out a function that appends a frame to the file at once."""
    options = {**_ENCODERS[file.suffix.lower()], "fps": fps}
    encoder = imageio_ffmpeg.write_frames(str(file), size, macro_block_size=1, ffmpeg_log_level="quiet", **options)
    frames = 0

    def show(frame: np.ndarray) -> None:
        nonlocal frames
        if not frames:  # only now, for it complains about a video without frames
            encoder.send(None)
        try:
            encoder.send(np.ascontiguousarray(frame))
        except OSError:
            raise OSError(0, "the video encoder stopped; is the disk full?") from None
        frames += 1

    try:
        yield show
    finally:
        encoder.close()
    _check(file, frames)


def _check(file: Path, frames: int) -> None:
    # The encoder says nothing where the disk fills up: it leaves a file that no player opens.
    try:
        found = imageio_ffmpeg.count_frames_and_secs(str(file))[0]
    except RuntimeError:
        found = 0
    if found != frames:
        raise OSError(0, f"the video holds {found} of {frames} frames; is the disk full?")
