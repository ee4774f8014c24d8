"""Meta-learners: one algorithm a file, one small protocol. A new one is a new file and a line in LEARNERS."""

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
"""What meta-training uses where no learner is named."""
CONTROL = "domain-randomization"
"""What trains the controls that do not adapt."""
FROM_SCRATCH = "promp"
"""What adapts the control with random initial weights."""


def learner_class(name: str) -> type[MetaLearner[Any]]:
    """The learner of that name.

    Raises:
        UserError: For an unknown name.
    """
    if name not in LEARNERS:
        raise unknown("learner", name, LEARNERS)
    return LEARNERS[name]
