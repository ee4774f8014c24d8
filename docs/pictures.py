"""Draws the pictures of this documentation: ``python docs/pictures.py terrain``, or ``all`` of them.

A set of pictures is a function that yields file names and images, with a line in ``SETS``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import robotmeta as rm  # decides how MuJoCo renders, before that is imported

# isort: split
import mujoco
import numpy as np
import torch
from concept_pictures import concepts
from PIL import Image, ImageDraw, ImageFont

from robotmeta.envs import TaskBatchEnv, Tasks
from robotmeta.envs.families.gripper.objects.kinds import NAMES
from robotmeta.envs.families.gripper.objects.scene import GRIPPERS, NEIGHBOURS
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.rendering import Camera, render
from robotmeta.envs.terrain.kinds import KINDS, Patch, heights, replace_floor

IMAGES = Path(__file__).parent / "images"
Pictures = Iterator[tuple[str, np.ndarray]]


def titled(picture: np.ndarray, title: str) -> np.ndarray:
    """Writes a title into the upper left corner of a picture, uint8 ``[height, width, 3]``."""
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text((10, 8), title, fill="white", font=ImageFont.load_default(16))
    return np.asarray(image)


def side_by_side(pictures: list[np.ndarray]) -> np.ndarray:
    """Joins pictures of the same height."""
    return np.concatenate(pictures, axis=1)


def save(name: str, picture: np.ndarray) -> Path:
    """Writes a picture with a palette of 160 colours, so that its file is small."""
    file = IMAGES / f"{name}.png"
    Image.fromarray(picture).quantize(160).save(file, optimize=True)
    return file


# -- sets of pictures ------------------------------------------------------------------------------------------------


def terrain() -> Pictures:
    """Every kind of terrain at three difficulties, with a half-cheetah for scale."""
    camera = Camera(body="torso", distance=8.5, azimuth=115.0, elevation=-30.0)
    for kind in KINDS[1:]:
        panels = []
        for difficulty in (0.3, 0.6, 1.0):
            model = _cheetah_on(kind, difficulty)
            picture = render(model, mujoco.MjData(model), camera, 400, 270)
            panels.append(titled(picture, f"{kind}, difficulty {difficulty:g}"))
        yield f"terrain-{kind}", side_by_side(panels)


def _cheetah_on(kind: str, difficulty: float) -> mujoco.MjModel:
    world, patch = rm.make("cheetah-direction").world, Patch(4.0)
    assert isinstance(world, MujocoWorld)
    ground, spec = heights(kind, difficulty, 0, patch, scale=0.6, apron=0.8), world.spec()
    replace_floor(spec, ground, patch, ground.min(), ground.max())
    # One colour and light from the side make shapes visible.
    spec.geom("floor").material, spec.geom("floor").rgba = "", [0.85, 0.82, 0.75, 1.0]
    spec.visual.headlight.diffuse, spec.visual.headlight.ambient = [0.0] * 3, [0.25] * 3
    spec.lights[0].dir, spec.lights[0].diffuse = [0.75, -0.5, -0.55], [1.0] * 3
    return spec.compile()


def composed() -> Pictures:
    """Every kind of object of grasp-objects, under the two grippers in turn."""
    family = rm.make("grasp-objects")
    rows = [
        family.task(object=name, gripper=GRIPPERS[number % 2], neighbour=NEIGHBOURS[number % 3], neighbour_side=2.2)
        for number, name in enumerate(NAMES)
    ]
    env = TaskBatchEnv(family, len(rows), 1)
    env.load(Tasks(family.space.names, np.concatenate([row.values for row in rows])))
    env.reset(torch.Generator().manual_seed(3))
    panels = [titled(env.render(240, 220, task), name) for task, name in enumerate(NAMES)]
    yield "composed-objects", np.concatenate([side_by_side(panels[row : row + 3]) for row in (0, 3, 6)])


SETS: dict[str, Callable[[], Pictures]] = {"terrain": terrain, "concepts": concepts, "composed": composed}


def main() -> None:
    """Draws the sets named on the command line."""
    parser = argparse.ArgumentParser(description="Draws the pictures of this documentation.")
    parser.add_argument("set", choices=[*SETS, "all"])
    chosen = parser.parse_args().set
    for name in SETS if chosen == "all" else (chosen,):
        for file, picture in SETS[name]():
            print(save(file, picture))


if __name__ == "__main__":
    main()
