"""Meta-learners: one algorithm a file, behind one protocol. To add one, add a file and a line in LEARNERS."""

from __future__ import annotations

import inspect
import re
from typing import Any

from robotmeta.errors import UserError, unknown
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
    "register_learner",
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
        hint = "a learner of your own is registered first: robotmeta.register_learner(name, class)"
        raise UserError(f"{unknown('learner', name, LEARNERS)}; {hint}")
    return LEARNERS[name]


def register_learner(name: str, learner: type[MetaLearner[Any]]) -> None:
    """Gives a learner of your own a name. It is then used like the others.

    A run keeps the name, not the code: register the learner again before you load or resume the run in another process.

    Args:
        name: The name: letters, digits, ``_``, ``-`` and ``.``.
        learner: The class. One of the same name and module is replaced.

    Raises:
        UserError: For a name that another learner has, or a class that is no whole :class:`MetaLearner`.
    """
    if not re.fullmatch(r"[\w.-]+", name):
        raise UserError(f"the name of a learner has letters, digits, _, - and . only, not {name!r}")
    if not (inspect.isclass(learner) and issubclass(learner, MetaLearner)):
        raise UserError(f"learner '{name}' must be a class that is derived from robotmeta.MetaLearner, not {learner!r}")
    missing = sorted(learner.__abstractmethods__) if inspect.isabstract(learner) else []
    missing += [attribute for attribute in ("Config", "adaptation", "source") if not hasattr(learner, attribute)]
    if missing:
        raise UserError(f"learner '{name}' has no {', '.join(missing)}")
    known = LEARNERS.get(name, learner)
    if (known.__module__, known.__qualname__) != (learner.__module__, learner.__qualname__):
        raise UserError(f"there is a learner '{name}' already: {known.__module__}.{known.__qualname__}")
    LEARNERS[name] = learner
