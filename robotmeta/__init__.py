"""robotmeta meta-trains policies over parameterized MuJoCo task families and adapts them in a few episodes."""

from __future__ import annotations

from robotmeta.interrupts import say_so_while_importing

say_so_while_importing()  # before the imports that take time

# isort: split
import ctypes.util  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

from robotmeta.adapters.gymnasium_ids import register_families  # noqa: E402
from robotmeta.lazy import lazy_names  # noqa: E402

_asked_gl = os.environ.get("MUJOCO_GL", "")  # what robotmeta doctor tries

# MuJoCo chooses a GL library when it is imported. Without a display, only EGL works. If the chosen library is missing,
# the import of MuJoCo fails, though only pictures need it.
if sys.platform == "linux":
    if "DISPLAY" not in os.environ and ctypes.util.find_library("EGL"):
        os.environ.setdefault("MUJOCO_GL", "egl")
    _asked = os.environ.get("MUJOCO_GL", "").lower()
    _libraries = {"egl": "EGL", "osmesa": "OSMesa"}
    _others = ("", "glfw", "glx", "on", "enable", "enabled", "true", "1", "off", "disable", "disabled", "false", "0")
    if _asked in _libraries:
        _works = ctypes.util.find_library(_libraries[_asked]) is not None
    else:
        _works = _asked in _others
    if not _works:
        os.environ["MUJOCO_GL"] = "disable"

# Idle threads of torch would otherwise spin on the cores that the physics needs. torch reads this when it is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from robotmeta.adaptation.adapt import adapt
    from robotmeta.adaptation.adapted import Adapted
    from robotmeta.adaptation.fine_tune import FineTuned, fine_tune
    from robotmeta.adaptation.fit import fit
    from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
    from robotmeta.adaptation.fitting.result import Fit
    from robotmeta.adaptation.posterior import TaskPosterior
    from robotmeta.adapters.gymnasium_in import wrap
    from robotmeta.adapters.robot import RobotEnv
    from robotmeta.envs import (
        FAMILIES,
        Parameter,
        ParameterSpace,
        TaskBatchEnv,
        TaskFamily,
        Tasks,
        VendorRobot,
        from_mjcf,
        make,
        read_robot,
    )
    from robotmeta.envs.curriculum import Curriculum
    from robotmeta.envs.disturbed import disturbed
    from robotmeta.envs.episode_memory import EpisodeMemory, Measure
    from robotmeta.envs.sensors import Sensor
    from robotmeta.errors import (
        AdaptationInterrupted,
        EnvironmentFailed,
        EnvironmentWarning,
        FitFailed,
        ModelWarning,
        RobotmetaWarning,
        SimulationDiverged,
        TrainingDiverged,
        UserError,
    )
    from robotmeta.evaluation.evaluate import evaluate
    from robotmeta.evaluation.evaluation import Evaluation
    from robotmeta.experience.rollout import Rollout, collect
    from robotmeta.metalearners import LEARNERS, MetaLearner, register_learner
    from robotmeta.policy import Policy
    from robotmeta.policy_file import pretrained, save_policy
    from robotmeta.reporting.export import Exported, export
    from robotmeta.reporting.record import Recording, record
    from robotmeta.reporting.report import report
    from robotmeta.training.checkpoint import load
    from robotmeta.training.train import Run, meta_train, resume
    from robotmeta.viewing.view import view
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "robotmeta.adaptation.adapt": ("adapt",),
            "robotmeta.adaptation.adapted": ("Adapted",),
            "robotmeta.adaptation.fit": ("fit",),
            "robotmeta.adaptation.fitting.result": ("Fit",),
            "robotmeta.adaptation.fitting.recorded": ("RecordedEpisodes",),
            "robotmeta.adaptation.fine_tune": ("FineTuned", "fine_tune"),
            "robotmeta.adaptation.posterior": ("TaskPosterior",),
            "robotmeta.adapters.gymnasium_in": ("wrap",),
            "robotmeta.adapters.robot": ("RobotEnv",),
            "robotmeta.envs": (
                *("FAMILIES", "Parameter", "ParameterSpace", "TaskBatchEnv", "TaskFamily", "Tasks"),
                *("VendorRobot", "from_mjcf", "make", "read_robot"),
            ),
            "robotmeta.envs.curriculum": ("Curriculum",),
            "robotmeta.envs.disturbed": ("disturbed",),
            "robotmeta.envs.episode_memory": ("EpisodeMemory", "Measure"),
            "robotmeta.envs.sensors": ("Sensor",),
            "robotmeta.errors": (
                *("AdaptationInterrupted", "EnvironmentFailed", "EnvironmentWarning", "FitFailed"),
                *("ModelWarning", "RobotmetaWarning", "SimulationDiverged", "TrainingDiverged", "UserError"),
            ),
            "robotmeta.evaluation.evaluate": ("evaluate",),
            "robotmeta.evaluation.evaluation": ("Evaluation",),
            "robotmeta.experience.rollout": ("Rollout", "collect"),
            "robotmeta.metalearners": ("LEARNERS", "MetaLearner", "register_learner"),
            "robotmeta.policy": ("Policy",),
            "robotmeta.policy_file": ("pretrained", "save_policy"),
            "robotmeta.reporting.export": ("Exported", "export"),
            "robotmeta.reporting.record": ("Recording", "record"),
            "robotmeta.reporting.report": ("report",),
            "robotmeta.training.checkpoint": ("load",),
            "robotmeta.training.train": ("Run", "meta_train", "resume"),
            "robotmeta.viewing.view": ("view",),
        },
    )

__version__ = "0.2.0"

__all__ = [
    "FAMILIES",
    "LEARNERS",
    "AdaptationInterrupted",
    "Adapted",
    "Curriculum",
    "EnvironmentFailed",
    "EnvironmentWarning",
    "EpisodeMemory",
    "Evaluation",
    "Exported",
    "FineTuned",
    "Fit",
    "FitFailed",
    "Measure",
    "MetaLearner",
    "ModelWarning",
    "Parameter",
    "ParameterSpace",
    "Policy",
    "RecordedEpisodes",
    "Recording",
    "RobotEnv",
    "RobotmetaWarning",
    "Rollout",
    "Run",
    "Sensor",
    "SimulationDiverged",
    "TaskBatchEnv",
    "TaskFamily",
    "TaskPosterior",
    "Tasks",
    "TrainingDiverged",
    "UserError",
    "VendorRobot",
    "adapt",
    "collect",
    "disturbed",
    "evaluate",
    "export",
    "fine_tune",
    "fit",
    "from_mjcf",
    "load",
    "make",
    "meta_train",
    "pretrained",
    "read_robot",
    "record",
    "register_learner",
    "report",
    "resume",
    "save_policy",
    "view",
    "wrap",
]

register_families()
