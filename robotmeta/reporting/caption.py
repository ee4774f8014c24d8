"""The text above the pictures of a recording: title, running return, task, and the policy's estimate of the task."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from robotmeta.envs import TaskFamily, Tasks
from robotmeta.experience.rollout import Belief
from robotmeta.policy import Policy


@dataclass(frozen=True)
class Caption:
    """A dark band of text above a picture, where it is legible and hides nothing.

    Attributes:
        task: Lines that describe the task.
        width: Pixels.
        font_size: Pixels.
        has_estimates: Whether there is a line for the policy's estimates of the task's parameters.
    """

    task: list[str]
    width: int
    font_size: int
    has_estimates: bool

    @classmethod
    def fitting(cls, policy: Policy, task: Tasks, width: int, height: int) -> Caption:
        """The caption of a task, with as many lines as it needs, above a picture of ``width x height`` pixels."""
        size = max(8, min(height // 22, width // 26))  # the longest title and its return fit on one line
        lines: list[str] = []
        for words in task_words(policy.family, task):
            longer = f"{lines[-1]}, {words}" if lines else words
            if lines and _font(size).getlength(longer) <= width - 1.2 * size:
                lines[-1] = longer
            else:
                lines.append(words)
        return cls(lines, width, size, policy.estimates(policy.begin(1)) is not None)

    @property
    def height(self) -> int:
        """Pixels, an even number."""
        return 2 * round((len(self.task) + self.has_estimates + 1.9) * self.font_size * 1.35 / 2)

    def draw(self, title: str, total: float, estimates: list[str]) -> np.ndarray:
        """Title, running return, task and as many estimates as fit, uint8 ``[height, width, 3]``."""
        image = Image.new("RGB", (self.width, self.height), (28, 30, 34))
        draw = ImageDraw.Draw(image)
        line, left = self.font_size * 1.35, self.font_size * 0.6
        large, small, white = _font(self.font_size * 5 // 4), _font(self.font_size), (255, 255, 255)
        draw.text((left, 0.25 * line), title, font=large, fill=white)
        draw.text((self.width - left, 0.25 * line), f"return {total:.1f}", font=large, fill=white, anchor="ra")
        for row, text in enumerate(self.task):
            draw.text((left, (1.6 + row) * line), text, font=small, fill=(215, 218, 224))
        if self.has_estimates:
            while estimates and small.getlength(_listed(estimates)) > self.width - 2.0 * left:
                estimates = estimates[:-1]
            draw.text((left, (1.6 + len(self.task)) * line), _listed(estimates), font=small, fill=(140, 200, 255))
        return np.array(image)


def task_words(family: TaskFamily, task: Tasks) -> list[str]:
    """A task's values as text.

    Nominal values of parameters that edit the model are left out. So are the values that make a robot with a name:
    its name stands for them.
    """
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


def estimate_words(policy: Policy, belief: Belief) -> list[str]:
    """A belief's estimates of the parameters it is certain about as text, the most certain first."""
    space, estimates = policy.family.space, policy.estimates(belief) or {}
    return [f"{n} = {space[n].text(e.value, digits=2, unit=False)}" for n, e in estimates.items() if e.sure]


def _listed(estimates: list[str]) -> str:
    return "inferred: " + (", ".join(estimates) or "nothing yet")


@functools.cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
