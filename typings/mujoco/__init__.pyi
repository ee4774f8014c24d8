"""Types for the part of MuJoCo that robotmeta uses.

MuJoCo's modules are compiled and come without types. These stubs cover what this repository uses and nothing else, in
the modules in which MuJoCo defines it. If pyright does not know a name that MuJoCo has, add the name here.
``tests/test_stubs.py`` checks that the installed MuJoCo has every name.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from mujoco._enums import *
from mujoco._functions import *
from mujoco._specs import *
from mujoco._structs import *

class FatalError(Exception): ...

class Renderer:
    _gl_context: Any  # None where there is no rendering context

    def __init__(self, model: MjModel, height: int = 240, width: int = 320) -> None: ...
    @property
    def scene(self) -> MjvScene: ...
    def update_scene(
        self, data: MjData, camera: int | str | MjvCamera = -1, scene_option: MjvOption | None = None
    ) -> None: ...
    def render(self) -> np.ndarray: ...  # [height, width, 3], uint8
    def close(self) -> None: ...
    def __enter__(self) -> Renderer: ...
    def __exit__(self, *error: object) -> None: ...

def get_mju_user_warning() -> Callable[[str], None] | None: ...
def set_mju_user_warning(handler: Callable[[str], None] | None, /) -> None: ...
