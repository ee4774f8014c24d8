"""Arrays have the shapes and types that their documentation states.

A shape is documented as ``[task, episode, 2]``, after its type where that is stated: "float32 ``[task, episode]``". An
axis is a name, a number, or a name plus a number. A name stands for one size throughout a test. A last ``...`` stands
for any further axes.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from typing import Any

import numpy as np
import pytest
import torch

from robotmeta.envs import Step, TaskBatchEnv, make
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.experience.rollout import Belief, PolicyInput, collect, play
from robotmeta.metalearners import LEARNERS
from robotmeta.metalearners.gradient import GradientLearner
from robotmeta.metalearners.trials import collect_trial
from robotmeta.training.train import Run
from tests.learning import ONE_FAMILY_A_KIND, env_of, generator, in_groups, learner_of, partly_observed, short

SHAPE = re.compile(r"(?:\b(bool|float32|uint8) )?``\[([^\]]*)\]``", re.IGNORECASE)
ARRAY = re.compile(r"Tensor|ndarray|Observation|Gaussian|ActionDistribution")


def documented(owner: type) -> dict[str, str]:
    """What the documentation says of each array that a class has as a field or a property."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(tree, ast.ClassDef)
    found = dict(re.findall(r"^    (\w+): ((?:.|\n {8})*)", inspect.cleandoc(owner.__doc__ or ""), re.MULTILINE))
    arrays = []
    for node, following in zip(tree.body, [*tree.body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, annotation = node.target.id, node.annotation
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                found[name] = str(following.value.value)
        elif isinstance(node, ast.FunctionDef) and any(ast.unparse(d) == "property" for d in node.decorator_list):
            name, annotation = node.name, node.returns
            found[name] = ast.get_docstring(node) or ""
        else:
            continue
        if annotation is not None and ARRAY.search(ast.unparse(annotation)):
            arrays.append(name)
    return {name: found.get(name, "") for name in arrays}


class Sizes(dict[str, int]):
    """Sizes of named axes: those given, and the others as they first occur."""

    def check(self, value: Any, text: str, where: str) -> None:
        """Fails where an array is not as documented. Of a distribution, its mean is compared.

        A group of observations has any axes and any type in place of the last axis of a vector.
        """
        documented_shape = SHAPE.search(text)
        assert documented_shape, f"{where}: the documentation states no shape"
        if isinstance(value, dict):
            for name, group in value.items():
                self.check(group, f"``[{documented_shape[2].rpartition(',')[0]}, ...]``", f"{where}: {name}")
            return
        array = value if isinstance(value, torch.Tensor | np.ndarray) else value.mean
        kind, axes = documented_shape.groups()
        names = [axis.strip() for axis in axes.split(",")]
        actual = tuple(array.shape)
        if names[-1] == "...":
            names.pop()
            actual = actual[: len(names)]
        assert len(actual) == len(names), f"{where}: {actual} is not [{axes}]"
        expected = tuple(self.size(name, size) for name, size in zip(names, actual, strict=True))
        assert actual == expected, f"{where}: {actual} is not [{axes}], which is {expected}"
        if kind:
            assert str(array.dtype).removeprefix("torch.") == kind.lower(), f"{where}: {array.dtype} is not {kind}"

    def size(self, name: str, otherwise: int) -> int:
        axis, *more = (part.strip() for part in name.split("+"))
        return (int(axis) if axis.isdigit() else self.setdefault(axis, otherwise)) + sum(map(int, more))

    def check_all(self, value: Any) -> None:
        """Checks every array that is a field or a property of an object."""
        owner = type(value)
        for name, text in documented(owner).items():
            array = getattr(value, name)
            if array is not None:
                self.check(array, text, f"{owner.__name__}.{name}")

    def check_call(self, method: Any, *arguments: Any) -> None:
        """Checks what a method returns, unless it is None."""
        value = method(*arguments)
        if value is not None:
            self.check(value, inspect.getdoc(method) or "", method.__qualname__)


def sizes_of(env: TaskBatchEnv) -> Sizes:
    return Sizes(
        task=env.num_tasks,
        episode=env.num_episodes,
        time=env.horizon,
        observation=env.observation_size,
        action=env.action_size,
        encoding=env.family.encoding.size,
        privileged_state=len(env.family.privileged_state),
    )


def check_belief(sizes: Sizes, belief: Belief) -> None:
    for name, value in belief.items():
        sizes.check(value, "``[task, ...]``", f"belief {name}")


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("groups", [False, True])
def test_experience_and_beliefs_have_their_documented_shapes(
    name: str, groups: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = in_groups(short(5)) if groups else partly_observed(5)
    learner = learner_of(name, family, meta_batch=3)
    env = env_of(family, learner)
    sizes = sizes_of(env)
    belief = learner.begin(3)
    check_belief(sizes, belief)
    act = learner.act

    def checked_act(belief: Belief, policy_input: PolicyInput, *more: Any) -> Any:
        sizes.check_all(policy_input)
        return act(belief, policy_input, *more)

    monkeypatch.setattr(learner, "act", checked_act)
    for played in play(env, learner, belief, generator()):
        sizes.check_all(played)
        sizes.check_all(played.step)
        check_belief(sizes, played.belief)
    rollout, belief = collect(env, learner, belief, generator())
    sizes.check_all(rollout)
    check_belief(sizes, learner.adapt(belief, rollout))
    trial = collect_trial(env, learner, generator())
    sizes.check_all(trial)
    sizes.check_call(trial.observations)
    for part in trial.rollouts:
        sizes.check_all(part)
    sizes.check_call(learner.infer, belief)
    if isinstance(learner, GradientLearner):
        sizes.check_all(learner.samples(rollout))


@pytest.mark.parametrize("name", ONE_FAMILY_A_KIND)
def test_environments_return_arrays_of_their_documented_shapes(name: str) -> None:
    env = TaskBatchEnv(make(name), 3, 2)
    sizes = sizes_of(env)
    env.load(env.family.tasks("test", 3))
    sizes.check(env.reset(generator()), documented(Step)["observation"], "TaskBatchEnv.reset")
    sizes.check_all(env.step(torch.zeros(3, 2, env.action_size)))
    for method in (env.success, env.distance, env.privileged_state):
        sizes.check_call(method)


@pytest.mark.parametrize("name", ONE_FAMILY_A_KIND)
def test_experience_of_every_kind_of_family_has_its_documented_shapes(name: str) -> None:
    family = dataclasses.replace(make(name), horizon=4)
    learner = learner_of("task-inference", family, meta_batch=3)
    env = env_of(family, learner)
    rollout, _ = collect(env, learner, learner.begin(3), generator())
    sizes_of(env).check_all(rollout)


def test_curves_of_an_evaluation_have_their_documented_shapes(trained: Run) -> None:
    curves = evaluate(trained.policy, tasks=4, episodes=2).returns.values()
    sizes = Sizes(task=4, budget=3)
    for curve in curves:
        if curve is not None:
            sizes.check_all(curve)


def test_a_wrong_shape_is_found() -> None:
    family = partly_observed(5)
    learner = learner_of("promp", family, meta_batch=4)
    env = env_of(family, learner)
    rollout, _ = collect(env, learner, learner.begin(4), generator())
    arrays = {name: value for name, value in vars(rollout).items() if isinstance(value, torch.Tensor)}
    assert len(arrays) > 5
    for name, value in arrays.items():
        wrong = dataclasses.replace(rollout, **{name: value.transpose(0, 1)})
        with pytest.raises(AssertionError, match=f"Rollout.{name}: .* is not"):
            sizes_of(env).check_all(wrong)
