"""Task families and the worlds they run in. MuJoCo is imported here and in the adapters alone."""

from robotmeta.envs.distributions import Choice
from robotmeta.envs.encoding import Estimate
from robotmeta.envs.families import FAMILIES
from robotmeta.envs.family import Observation, ObservationGroup, Source, TaskFamily
from robotmeta.envs.own_robot.from_mjcf import from_mjcf
from robotmeta.envs.own_robot.variations import add, goal, scale, set_to
from robotmeta.envs.parameters import Parameter, ParameterSpace
from robotmeta.envs.registry import family_names, family_package, make
from robotmeta.envs.task_batch import BatchEnv, Step, TaskBatchEnv
from robotmeta.envs.tasks import Tasks

__all__ = [
    "FAMILIES",
    "BatchEnv",
    "Choice",
    "Estimate",
    "Observation",
    "ObservationGroup",
    "Parameter",
    "ParameterSpace",
    "Source",
    "Step",
    "TaskBatchEnv",
    "TaskFamily",
    "Tasks",
    "add",
    "family_names",
    "family_package",
    "from_mjcf",
    "goal",
    "make",
    "scale",
    "set_to",
]

TaskFamily.from_mjcf = staticmethod(from_mjcf)
