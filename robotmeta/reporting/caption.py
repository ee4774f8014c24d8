"""The text above the pictures of a video: the task, and a heading for each panel."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from robotmeta.adaptation.fitting.result import Fit
from robotmeta.envs import Estimate, TaskFamily, Tasks
from robotmeta.envs.parameters import Parameter

Colour = tuple[int, int, int]
_PAPER: Colour = (28, 30, 34)
_TITLE: Colour = (255, 255, 255)
_TRUE: Colour = (215, 218, 224)
_INFERRED: Colour = (140, 200, 255)
_FITTED: Colour = (255, 200, 120)

_SMALL = 0.2  # share of a parameter's spread over the training tasks below which a difference is left out
_FEW_LINES = 4  # of the task, before its font gets smaller
_SMALLEST_FONT = 0.7  # share of the largest one
_LEADING = 1.35  # height of a line in font sizes


class Word(NamedTuple):
    """A piece of text that stays on one line."""

    text: str
    colour: Colour


Item = list[Word]
"""What there is to say about one parameter: its true value, and the inferred and the fitted one."""


def task_items(
    family: TaskFamily, task: Tasks, inferred: Mapping[str, Estimate] | None = None, fit: Fit | None = None
) -> list[Item]:
    """What differs from the nominal task, such as ``latency 110 ms: inferred 74, fitted 113``.

    Values that the policy or the fit is not certain about are left out.

    Args:
        family: The family.
        task: The task.
        inferred: The policy's estimates; None for learners that make none.
        fit: The fit; None if there is none.
    """
    row = next(iter(task))
    robots = (name for name, columns in family.robots.items() if all(row[c] == v for c, v in columns.items()))
    robot = next(robots, None)
    named = {} if robot is None else family.robots[robot]
    items = [] if robot is None else [[Word(f"robot {robot}", _TRUE)]]
    shown = [parameter for parameter in differing(family, task) if parameter.name not in named]
    items += [_item(parameter, row[parameter.name], inferred, fit) for parameter in shown]
    colours = {word.colour for item in items for word in item}
    for found, colour, nothing in ((inferred, _INFERRED, "nothing inferred"), (fit, _FITTED, "nothing fitted")):
        if shown and found is not None and colour not in colours:
            items.append([Word(nothing, colour)])
    return items or [[Word("nominal task", _TRUE)]]


def differing(family: TaskFamily, task: Tasks) -> list[Parameter]:
    """The parameters of a task that are not nominal, by more than a small part of their spread over training tasks.

    A kind that details one of them is among them, such as the kind of a fault, and what the policy is told.
    """
    nominal = family.space.nominal()
    distances = family.encoding.distances(task, nominal)
    far = {name for name, distance in distances.items() if distance > _SMALL}
    (given,), (usual,) = task, nominal
    far |= {name for name in family.told if given[name] != usual[name]}
    return [
        p
        for p in family.space
        if (p.name in far or (p.qualifies is not None and p.labels)) and (p.qualifies is None or p.qualifies in far)
    ]


def _item(parameter: Parameter, value: float, inferred: Mapping[str, Estimate] | None, fit: Fit | None) -> Item:
    words = [Word(f"{parameter.name} {parameter.text(value)}", _TRUE)]
    estimate = None if inferred is None else inferred.get(parameter.name)
    if estimate is not None and estimate.sure:
        words.append(Word(f"inferred {parameter.text(estimate.value, unit=False)}", _INFERRED))
    fitted = None if fit is None else fit.parameters.get(parameter.name)
    if fitted is not None and fitted.known:
        how = "given" if not fitted.kinds and fitted.low == fitted.high else "fitted"
        words.append(Word(f"{how} {parameter.text(fitted.value, unit=False)}", _FITTED))
    return [Word(w.text + (":" if i == 0 else ","), w.colour) for i, w in enumerate(words[:-1])] + words[-1:]


# -- drawing -----------------------------------------------------------------------------------------------------------


def font_size(width: int, height: int) -> int:
    """Pixels of text that is legible above a picture of ``width x height`` pixels."""
    return max(8, min(height // 18, width // 24))


@dataclass(frozen=True)
class Band:
    """A dark band of words, where they are legible and hide nothing.

    Attributes:
        width: Pixels.
        size: Pixels of the font.
        words: The words, with the place of the left upper corner of each.
    """

    width: int
    size: int
    words: Sequence[tuple[float, float, Word]]

    @classmethod
    def of_task(cls, items: Sequence[Item], width: int, size: int) -> Band:
        """The items one after another, in as many lines as they need, in a smaller font if these are many."""
        smallest = max(8, round(_SMALLEST_FONT * size))
        for chosen in range(size, smallest - 1, -1):
            band = cls(width, chosen, list(_placed(items, width, chosen)))
            if band.lines <= _FEW_LINES or chosen == smallest:
                return band
        raise AssertionError("the smallest font is no larger than the largest one")

    @property
    def lines(self) -> int:
        """Number of lines."""
        return 1 + max((round(top) for _, top, _ in self.words), default=0)

    @property
    def height(self) -> int:
        """Pixels, an even number."""
        return 2 * round((self.lines + 0.5) * _LEADING * self.size / 2)

    def draw(self) -> np.ndarray:
        """The band, uint8 ``[height, width, 3]``."""
        image = Image.new("RGB", (self.width, self.height), _PAPER)
        draw, line = ImageDraw.Draw(image), _LEADING * self.size
        for left, row, word in self.words:
            font = _fitting(word.text, self.size, self.width - 2.0 * _margin(self.size))
            draw.text((left, (row + 0.3) * line), word.text, font=font, fill=word.colour)
        return np.array(image)


def _placed(items: Sequence[Item], width: int, size: int) -> list[tuple[float, float, Word]]:
    """The words of each item together on one line if they fit on one."""
    font, left, row = _font(size), _margin(size), 0
    space, gap, right = font.getlength(" "), 2.0 * size, width - _margin(size)
    x, placed = left, []
    for item in items:
        whole = sum(font.getlength(word.text) for word in item) + space * (len(item) - 1)
        if x > left and x + whole > right:
            x, row = left, row + 1
        for word in item:
            length = font.getlength(word.text)
            if x > left and x + length > right:
                x, row = left, row + 1
            placed.append((x, float(row), word))
            x += length + space
        x += gap - space
    return placed


def heading(title: str, result: str, width: int, size: int) -> np.ndarray:
    """The heading of a panel: its title, and its result below, uint8 ``[height, width, 3]``."""
    image = Image.new("RGB", (width, heading_height(size)), _PAPER)
    draw, line, left = ImageDraw.Draw(image), _LEADING * size, _margin(size)
    for top, text, large, colour in ((0.2, title, size * 6 // 5, _TITLE), (1.4, result, size, _TRUE)):
        font = _fitting(text, large, width - 2.0 * left)
        draw.text((left, top * line), text, font=font, fill=colour)
    return np.array(image)


def heading_height(size: int) -> int:
    """Pixels of a heading, an even number."""
    return 2 * round(2.6 * _LEADING * size / 2)


def _margin(size: int) -> float:
    return 0.6 * size


def _fitting(text: str, size: int, width: float) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """The largest font of at most a size in which text is not cut off."""
    while size > 4 and _font(size).getlength(text) > width:
        size -= 1
    return _font(size)


@functools.cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
