"""The plot of a curriculum shows every level, and none is drawn of a training without one."""

from __future__ import annotations

import numpy as np
import pytest

from robotmeta.reporting.level_plot import level_curve


def test_every_level_is_drawn_and_the_shares_add_up() -> None:
    lines = [{"env_steps": 100 * i, "level": 0.1 * i, "level_0": 1 - 0.1 * i, "level_1": 0.1 * i} for i in range(5)]
    figure = level_curve([{"env_steps": 0}, *lines])
    assert figure is not None
    (axes,) = figure.axes
    assert axes.get_legend_handles_labels()[1] == ["level 0", "level 1", "mean level"]
    top = np.asarray(axes.collections[-1].get_paths()[0].vertices)[:, 1].max()
    assert top == pytest.approx(1.0)


def test_a_training_without_a_curriculum_has_no_such_plot() -> None:
    assert level_curve([{"env_steps": 10, "return_pre": 1.0}]) is None
