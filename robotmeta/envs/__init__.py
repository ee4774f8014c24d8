"""Task families and the worlds they run in. Only this folder and the adapters import MuJoCo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robotmeta.lazy import lazy_names

if TYPE_CHECKING:
    from robotmeta.envs.distributions import Choice, LogUniform, Uniform
    from robotmeta.envs.encoding import Estimate
    from robotmeta.envs.families import FAMILIES
    from robotmeta.envs.family import Observation, ObservationGroup, Source, TaskFamily
    from robotmeta.envs.own_robot.actuators import motor, servo
    from robotmeta.envs.own_robot.from_mjcf import from_mjcf
    from robotmeta.envs.own_robot.variations import add, goal, scale, set_to
    from robotmeta.envs.parameters import Parameter, ParameterSpace
    from robotmeta.envs.registry import family_names, family_package, make
    from robotmeta.envs.task_batch import BatchEnv, Step, TaskBatchEnv
    from robotmeta.envs.tasks import Tasks
    from robotmeta.envs.vendor.reading import read_robot
    from robotmeta.envs.vendor.robot import VendorRobot
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "robotmeta.envs.distributions": ("Choice", "LogUniform", "Uniform"),
            "robotmeta.envs.encoding": ("Estimate",),
            "robotmeta.envs.families": ("FAMILIES",),
            "robotmeta.envs.family": ("Observation", "ObservationGroup", "Source", "TaskFamily"),
            "robotmeta.envs.own_robot.actuators": ("motor", "servo"),
            "robotmeta.envs.own_robot.from_mjcf": ("from_mjcf",),
            "robotmeta.envs.own_robot.variations": ("add", "goal", "scale", "set_to"),
            "robotmeta.envs.parameters": ("Parameter", "ParameterSpace"),
            "robotmeta.envs.registry": ("family_names", "family_package", "make"),
            "robotmeta.envs.task_batch": ("BatchEnv", "Step", "TaskBatchEnv"),
            "robotmeta.envs.tasks": ("Tasks",),
            "robotmeta.envs.vendor.reading": ("read_robot",),
            "robotmeta.envs.vendor.robot": ("VendorRobot",),
        },
    )

__all__ = [
    "FAMILIES",
    "BatchEnv",
    "Choice",
    "Estimate",
    "LogUniform",
    "Observation",
    "ObservationGroup",
    "Parameter",
    "ParameterSpace",
    "Source",
    "Step",
    "TaskBatchEnv",
    "TaskFamily",
    "Tasks",
    "Uniform",
    "VendorRobot",
    "add",
    "family_names",
    "family_package",
    "from_mjcf",
    "goal",
    "make",
    "motor",
    "read_robot",
    "scale",
    "servo",
    "set_to",
]
