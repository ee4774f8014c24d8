"""Pictures of the concepts, from the package's own families, pretrained policies and result files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import robotmeta as rm  # decides how MuJoCo renders, before that is imported

# isort: split
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from robotmeta.experience.rollout import play
from robotmeta.reporting.plots import INK, STYLES, decorate

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
_TRUE, _BELIEF, _FIT, _RANGE = "#111111", "#1f77b4", "#d9822b", "#e3e6ea"
_SPLITS = {"train": "#9aa5b1", "test": "#1f77b4", "ood": "#d9822b"}


def concepts() -> Iterator[tuple[str, np.ndarray]]:
    """One picture for each concept."""
    for draw in (task_rows, splits, belief, fit, fine_tuning, controls):
        yield f"concept-{draw.__name__.replace('_', '-')}", draw()


def task_rows() -> np.ndarray:
    """Three tasks of a family: their rows, and the robots that these describe."""
    family, shown = rm.make("quadruped"), ("trunk_mass", "thigh_length", "payload_mass", "friction", "latency")
    tasks = family.tasks("test", 3)
    env = rm.TaskBatchEnv(family, len(tasks), 1)
    env.load(tasks)
    env.reset(torch.Generator().manual_seed(0))
    figure, panels = _panels(1, 3, 3.6)
    units = {parameter.name: _unit(parameter) for parameter in family.space}
    for task, axes in enumerate(panels):
        axes.imshow(env.render(360, 260, task))
        axes.set_axis_off()
        row = dict(zip(tasks.names, tasks.values[task], strict=True))
        lines = [f"{name:<13}{row[name]:7.2f} {units[name]}" for name in shown]
        axes.text(0.02, -0.06, "\n".join((*lines, "...")), va="top", family="monospace", transform=axes.transAxes)
    return _drawn(figure)


def splits() -> np.ndarray:
    """Two parameters of the tasks of each split."""
    family, count = rm.make("cheetah-dynamics"), 150
    figure, (axes,) = _panels(1, 1, 3.6, width=6.0)
    decorate(axes)
    drawn = {"train": family.sample(count, np.random.default_rng(0))}
    drawn |= {split: family.tasks(split, count) for split in ("test", "ood")}
    for split, tasks in drawn.items():
        mass, friction = (tasks.values[:, tasks.names.index(name)] for name in ("mass", "friction"))
        axes.plot(mass, friction, "o", color=_SPLITS[split], markersize=4, alpha=0.7, label=split)
    axes.set(xscale="log", yscale="log", xlabel="mass (multiplier)", ylabel="friction (multiplier)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _drawn(figure)


def belief() -> np.ndarray:
    """What a policy infers about one task during its first control steps."""
    policy = rm.load("pretrained:cheetah-dynamics")
    true = {"mass": 1.4, "leg_length": 1.15, "motor_strength": 0.8}
    env = rm.TaskBatchEnv(policy.family, 1, 1)
    env.load(policy.family.task(**true))
    steps = list(play(env, policy.learner, policy.begin(1), torch.Generator().manual_seed(0)))
    figure, panels = _panels(1, len(true), 2.6)
    for axes, (name, value) in zip(panels, true.items(), strict=True):
        decorate(axes)
        estimates = [found[name] for step in steps if (found := policy.estimates(step.belief)) is not None]
        time = np.arange(1, len(estimates) + 1)
        low, high = ([getattr(e, end) for e in estimates] for end in ("low", "high"))
        axes.fill_between(time, low, high, color=_BELIEF, alpha=0.25, linewidth=0)
        axes.plot(time, [e.value for e in estimates], color=_BELIEF, label="belief")
        axes.axhline(value, color=_TRUE, linestyle="--", linewidth=1.2, label="true value")
        axes.set_title(name, loc="left", fontsize=10, color=INK)
        axes.set_xlabel("control step")
    panels[0].legend(frameon=False)
    return _drawn(figure)


def fit() -> np.ndarray:
    """Belief, fit and true value of the parameters of an out-of-distribution task, beside the training range."""
    result, family = _result("adapt-grasp-capsule-0"), rm.make("grasp")
    shown = ("latency", "friction", "finger_strength", "mass")
    figure, panels = _panels(1, len(shown), 1.9)
    for axes, name in zip(panels, shown, strict=True):
        decorate(axes)
        axes.grid(visible=False)
        parameter = next(p for p in family.space if p.name == name)
        axes.axvspan(*parameter.train.support, color=_RANGE, linewidth=0)
        inferred, fitted = result["inferred"][name], result["fit"]["parameters"][name]
        _interval(axes, 1, inferred["value"], (inferred["low"], inferred["high"]), _BELIEF)
        _interval(axes, 0, fitted["value"], fitted["ci90"], _FIT)
        axes.axvline(result["task"][name], color=_TRUE, linestyle="--", linewidth=1.2)
        axes.set_title(f"{name} {_unit(parameter)}".strip(), loc="left", fontsize=10, color=INK)
        axes.set_yticks([0, 1], ["fit", "belief"] if axes is panels[0] else ["", ""])
        axes.set_ylim(-0.6, 1.6)
    return _drawn(figure)


def fine_tuning() -> np.ndarray:
    """The return on the robot after each stage of an adaptation to an out-of-distribution task."""
    figure, (axes,) = _panels(1, 1, 2.4, width=6.0)
    decorate(axes)
    stages = ("zero-shot", "after 3 episodes", "fitted and fine-tuned")
    for seed in range(3):
        result = _result(f"adapt-grasp-capsule-{seed}")
        returns = result["return_before"], result["return_after"], result["fine_tuned"]["return"]
        axes.plot(stages, returns, "o-", color=_FIT, alpha=0.8)
    axes.set(ylabel="return", ylim=(0, None))
    return _drawn(figure)


def controls() -> np.ndarray:
    """An adapted policy and its controls on held-out tasks."""
    curves = _result("quadruped-task-inference")["evaluations"]["test"]["success"]
    kinds = ("adapted", "zero_shot", "domain_randomized", "from_scratch")
    figure, (axes,) = _panels(1, 1, 2.2, width=6.0)
    decorate(axes)
    for place, kind in enumerate(kinds):
        low, high = curves[kind]["ci95"][-1]
        _interval(axes, place, 100.0 * curves[kind]["mean"][-1], (100.0 * low, 100.0 * high), STYLES[kind][0])
    axes.set_yticks(range(len(kinds)), [kind.replace("_", "-") for kind in kinds])
    axes.set(ylim=(len(kinds) - 0.5, -0.5), xlim=(-2, 100), xlabel="success on 200 held-out tasks, %")
    return _drawn(figure)


def _unit(parameter: rm.Parameter) -> str:
    return "" if parameter.unit == "1" else parameter.unit


def _interval(axes: Axes, height: float, value: float, ends: Sequence[float], colour: str) -> None:
    axes.plot(ends, [height, height], color=colour, linewidth=2, alpha=0.5)
    axes.plot(value, height, "o", color=colour)


def _panels(rows: int, columns: int, height: float, width: float = 9.0) -> tuple[Figure, list[Axes]]:
    figure = Figure((width, height), dpi=120, layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def _drawn(figure: Figure) -> np.ndarray:
    """A figure as a picture, uint8 ``[height, width, 3]``."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _result(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())
