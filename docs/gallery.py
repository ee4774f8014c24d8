"""Writes the gallery of task families, ``docs/families.md``, and its pictures: ``python docs/gallery.py [FAMILY ...]``.

Draws the pictures of the named families, or of all families without a name. The page always lists all families.
"""

from __future__ import annotations

import argparse
from dataclasses import astuple
from pathlib import Path

import robotmeta as rm  # decides how MuJoCo renders, before that is imported

# isort: split
import numpy as np
import torch
from pictures import save, side_by_side, titled

from robotmeta.envs import FAMILIES, Parameter, TaskBatchEnv, TaskFamily, Tasks

PAGE = Path(__file__).parent / "families.md"
_SHOWN = 3  # held-out tasks in a picture, beside the nominal one
_BASES = 8  # held-out tasks over which an effect is averaged
_SECOND = 1.0  # seconds of random actions
VIDEOS = PAGE.parent / "videos"
_OTHERS = {"quadruped": "go2", "quadruped-terrain": "go2-rough"}  # families whose video has another name
_SOURCE = ("Source", "Reward", "Differences")

_HEAD = """# Task families

Each picture shows the nominal robot and {shown} held-out tasks after half a second of the same random actions.

*Effect* compares the two ends of a parameter's training range. It is the root-mean-square difference of the
observations and of the rewards within one second of the same random actions, in standard deviations of each, averaged
over {bases} held-out tasks. A goal changes rewards only. Random actions are not those of a trained policy: a parameter
with a small effect here can have a large effect on a robot that runs.

`robotmeta families NAME` prints the interface. `--task NAME=VALUE` sets a parameter. `python docs/gallery.py` makes
this page.
"""


def picture(family: TaskFamily) -> np.ndarray:
    """The nominal task and some held-out tasks, side by side."""
    rows = np.concatenate([family.space.nominal().values, family.tasks("test", _SHOWN).values])
    env = TaskBatchEnv(family, len(rows), 1)
    env.load(Tasks(family.space.names, rows))
    generator = torch.Generator().manual_seed(0)
    env.reset(generator)
    for _ in range(max(1, round(0.5 * _SECOND / family.dt))):
        action = 2.0 * torch.rand(1, 1, family.action_size, generator=generator) - 1.0
        env.step(action.expand(len(rows), 1, -1))
    titles = ["nominal", *("held-out" for _ in range(_SHOWN))]
    return side_by_side([titled(env.render(240, 180, task), title) for task, title in enumerate(titles)])


def effect(family: TaskFamily, parameter: Parameter) -> tuple[float, float]:
    """Difference of observations and of rewards between the ends of a parameter's range, in standard deviations."""
    low, high = (_play(family, parameter, end) for end in parameter.train.support)
    moved = []
    for one, other in zip(low, high, strict=True):
        spread = torch.cat([one, other]).flatten(0, 2).std(dim=0)
        apart = (one - other).square().mean(dim=(0, 1, 2)).sqrt()
        seen = spread > 1e-6
        moved.append(float((apart[seen] / spread[seen]).square().mean().sqrt()) if bool(seen.any()) else 0.0)
    return moved[0], moved[1]


def _play(family: TaskFamily, parameter: Parameter, value: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Observations and rewards ``[time, task, episode, number]`` of held-out tasks with one value replaced."""
    tasks = family.tasks("test", _BASES)
    rows = tasks.values.copy()
    rows[:, tasks.names.index(parameter.name)] = value
    env = TaskBatchEnv(family, _BASES, 1)
    env.load(Tasks(tasks.names, rows))
    generator = torch.Generator().manual_seed(0)
    observations, rewards = [env.reset(generator)], []
    for _ in range(max(2, round(_SECOND / family.dt))):
        step = env.step(2.0 * torch.rand(_BASES, 1, family.action_size, generator=generator) - 1.0)
        observations.append(step.observation)
        rewards.append(step.reward.unsqueeze(-1))
    return torch.stack(observations), torch.stack(rewards)


def section(family: TaskFamily) -> str:
    """The section of the page about a family."""
    rows = []
    for p in family.space:
        observed, rewards = effect(family, p)
        ood = "" if p.ood is None else p.spelled(p.ood)
        rows.append(f"| `{p.name}` | {p.description} | {p.spelled(p.train)} | {ood} | {observed:.2g} | {rewards:.2g} |")
    shape = f"{family.observation_size} observations, {family.action_size} actions"
    time = f"{family.horizon} control steps of {family.dt:g} s"
    privileged = ", ".join(name for name, _ in family.privileged_state)
    return "\n".join(
        (
            f"\n## {family.name}\n",
            f"![{family.name}](images/family-{family.name}.png)\n",
            *_video(family.name),
            f"{family.summary} {shape}, {time}." + (f" Privileged state: {privileged}." if privileged else "") + "\n",
            *(f"{what}: {text}\n" for what, text in zip(_SOURCE, astuple(family.source), strict=True) if text),
            "| parameter | what it is | train and test | ood | effect on observations | on rewards |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
        )
    )


def _video(family: str) -> list[str]:
    """A paragraph that links to the video of a family, if there is one; the site makes a player of it."""
    file = VIDEOS / f"{_OTHERS.get(family, family)}.mp4"
    return [f"[Video: zero-shot, and after adaptation](videos/{file.name})\n"] if file.exists() else []


def main() -> None:
    """Draws the pictures and writes the page."""
    parser = argparse.ArgumentParser(description="Writes the gallery of task families.")
    parser.add_argument("families", nargs="*", choices=[[], *FAMILIES])
    chosen = parser.parse_args().families or list(FAMILIES)
    for name in chosen:
        print(save(f"family-{name}", picture(rm.make(name))))
    page = _HEAD.format(shown=_SHOWN, bases=_BASES)
    PAGE.write_text(page + "".join(section(rm.make(name)) for name in FAMILIES))
    print(PAGE)


if __name__ == "__main__":
    main()
