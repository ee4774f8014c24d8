"""The environments of gymnasium-robotics: their registration, and a fix for current MuJoCo.

The package is imported when one of its environments, or an id that Gymnasium does not know, is requested.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np

from robotmeta.errors import UserError, reason

_PACKAGE = "gymnasium_robotics"
_PREFIXES = ("Fetch", "Hand", "AdroitHand", "PointMaze", "AntMaze", "FrankaKitchen")


def prepare(name: str) -> None:
    """Prepares an environment of the package for ``gymnasium.make``. Other names change nothing.

    Args:
        name: A Gymnasium id, such as ``"FetchPush-v4"``.

    Raises:
        UserError: For an id of the package if the package is not installed, or does not import.
    """
    if name not in gymnasium.registry:
        if importlib.util.find_spec(_PACKAGE) is not None:
            # The package prints a notice about the rewards of AdroitHand, which concerns no other environment.
            notice = contextlib.nullcontext() if "Adroit" in name else contextlib.redirect_stderr(io.StringIO())
            try:
                with notice:
                    importlib.import_module(_PACKAGE)  # registers its environments
            except Exception as error:  # such as one that does not fit this version of MuJoCo
                if name.startswith(_PREFIXES):
                    raise UserError(
                        f"environment '{name}' needs gymnasium-robotics, which does not import: {reason(error)}"
                    ) from error
        elif name.startswith(_PREFIXES):
            raise UserError(f"environment '{name}' needs gymnasium-robotics: pip install gymnasium-robotics")
    spec = gymnasium.registry.get(name)
    if spec is not None and str(spec.entry_point).startswith(f"{_PACKAGE}."):
        mend()


def mend() -> None:
    """Fixes the comparison of joint types in the package's utilities. Calling it again changes nothing.

    Since MuJoCo 3.12, an enum on the left of ``==`` equals no NumPy integer. So ``model.jnt_type[0] in (mjJNT_HINGE,
    mjJNT_SLIDE)`` is false, and the Fetch, hand and kitchen environments of gymnasium-robotics 1.4.2 stop at an
    assertion. The module that compares this way gets plain integers. MuJoCo itself is not changed.
    """
    utilities: Any = importlib.import_module(f"{_PACKAGE}.utils.mujoco_utils")
    joint = utilities.mujoco.mjtJoint
    hinge = joint.mjJNT_HINGE
    if np.int32(int(hinge)) not in (hinge,):
        types = {kind: int(value) for kind, value in joint.__members__.items()}
        utilities.mujoco = SimpleNamespace(**{**vars(utilities.mujoco), "mjtJoint": SimpleNamespace(**types)})
