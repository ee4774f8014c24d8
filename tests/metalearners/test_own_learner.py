"""Learners that are not of this package: how they get a name, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import robotmeta as rm
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Belief
from robotmeta.metalearners import LEARNERS
from robotmeta.metalearners.domain_randomization import DomainRandomization


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    known = dict(LEARNERS)
    yield
    LEARNERS.clear()
    LEARNERS.update(known)


class Silent(DomainRandomization):
    """A learner that does not say what it would have done."""

    distributions = rm.MetaLearner.distributions


def test_a_run_needs_its_learner_registered_before_it_is_loaded(tmp_path: Path) -> None:
    rm.register_learner("silent", Silent)
    hyper = {"meta_batch": 2, "episodes": 1}
    run = rm.meta_train("point-navigation", "silent", iterations=1, hyper=hyper, out=tmp_path / "run", progress=False)
    assert type(rm.load(run.folder).learner) is Silent
    with pytest.raises(UserError, match=r"learner 'silent' cannot be fine-tuned; these can: .*task-inference"):
        rm.fine_tune(run.policy, rm.TaskPosterior.of(run.policy.family.task()), budget=100)
    del LEARNERS["silent"]
    with pytest.raises(UserError, match=r"no learner 'silent'.*a learner of your own is registered first"):
        rm.load(run.folder)


def test_a_class_that_is_defined_again_replaces_itself_and_no_other() -> None:
    rm.register_learner("silent", Silent)
    rm.register_learner("silent", Silent)
    for name in ("silent", "rl2"):
        with pytest.raises(UserError, match=f"there is a learner '{name}' already"):
            rm.register_learner(name, type("Other", (Silent,), {}))


class Half(rm.MetaLearner[Any]):
    """Some methods are missing."""

    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        return {}


@pytest.mark.parametrize(
    ("name", "learner", "said"),
    [
        ("half", Half, "learner 'half' has no __init__, act, adapt, optimizers, update, Config, adaptation, source"),
        ("no", object(), "must be a class that is derived from robotmeta.MetaLearner"),
        ("no", dict, "must be a class that is derived from robotmeta.MetaLearner"),
        ("a/b", Silent, "has letters, digits, _, - and . only, not 'a/b'"),
    ],
)
def test_what_is_no_learner_is_refused(name: str, learner: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        rm.register_learner(name, learner)
