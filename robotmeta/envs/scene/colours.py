"""Colours of geoms and sites."""

from __future__ import annotations

import mujoco
import numpy as np

_UNSET = (0.5, 0.5, 0.5, 1.0)  # MuJoCo's default, for which a material's colour is taken


def colour(model: mujoco.MjModel, rgba: np.ndarray, material: int) -> np.ndarray:
    """Red, green, blue and opacity from 0 to 1, ``[4]``, by MuJoCo's rules. A texture has its mean colour.

    Args:
        model: The model.
        rgba: The colour of the geom or site itself, ``[4]``.
        material: Number of its material; -1 for none.
    """
    if material < 0 or not np.allclose(rgba, _UNSET):
        return np.asarray(rgba, dtype=np.float64)
    found = np.array(model.mat_rgba[material], dtype=np.float64)
    textures = [int(number) for number in model.mat_texid[material] if number >= 0]
    if textures:
        found[:3] *= _mean(model, textures[0])
    return found


def _mean(model: mujoco.MjModel, texture: int) -> np.ndarray:
    """Mean colour of a texture, ``[3]``."""
    channels, start = int(model.tex_nchannel[texture]), int(model.tex_adr[texture])
    count = int(model.tex_height[texture]) * int(model.tex_width[texture]) * channels
    values = model.tex_data[start : start + count].reshape(-1, channels).mean(axis=0) / 255.0
    return values[:3] if channels >= 3 else np.full(3, values[0])
