"""Meta-learners: one algorithm a file, behind one protocol. To add one, add a file and a line in LEARNERS."""

from __future__ import annotations

from typing import Any

from robotmeta.errors import unknown
from robotmeta.metalearners.domain_randomization import DomainRandomization
from robotmeta.metalearners.maml import MAML
from robotmeta.metalearners.promp import ProMP
from robotmeta.metalearners.protocol import LearnerConfig, MetaLearner, Sizes
from robotmeta.metalearners.rl2 import RL2
from robotmeta.metalearners.task_inference import TaskInference

__all__ = [
    "CONTROL",
    "DEFAULT",
    "FROM_SCRATCH",
    "LEARNERS",
    "LearnerConfig",
    "MetaLearner",
    "Sizes",
    "learner_class",
]

LEARNERS: dict[str, type[MetaLearner[Any]]] = {
    "promp": ProMP,
    "maml": MAML,
    "rl2": RL2,
    "task-inference": TaskInference,
    "domain-randomization": DomainRandomization,
}

DEFAULT = "task-inference"
"""Learner of meta-training if none is named."""
CONTROL = "domain-randomization"
"""Learner of the controls that do not adapt."""
FROM_SCRATCH = "promp"
"""Learner of the control with random initial weights."""


def learner_class(name: str) -> type[MetaLearner[Any]]:
    """The learner of that name.

    Raises:
        UserError: For an unknown name.
    """
    if name not in LEARNERS:
        raise unknown("learner", name, LEARNERS)
    return LEARNERS[name]
