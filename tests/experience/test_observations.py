"""Observations in groups: vectors are read as one, images are collected as they are and refused by who cannot see."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

import robotmeta as rm
from robotmeta.adapters.gymnasium_out import FamilyEnv
from robotmeta.envs import Observation, ObservationGroup, TaskBatchEnv, TaskFamily
from robotmeta.errors import UserError
from robotmeta.experience.rollout import Belief, PolicyInput, collect
from robotmeta.metalearners import LEARNERS
from robotmeta.metalearners.domain_randomization import DomainRandomization
from robotmeta.policies import DiagonalGaussian
from tests.learning import HYPER, diverging, ending_early, generator, in_groups, learner_of, same


def with_image(family: TaskFamily) -> TaskFamily:
    """The position as a vector, and a picture of 3 x 4 pixels that is as bright as it is far to the right."""

    def observe(state: Mapping[str, Tensor], task: Mapping[str, Tensor]) -> Observation:
        brightness = 128.0 + 100.0 * state["position"][..., :1].nan_to_num()
        return {"state": state["position"], "image": brightness.unsqueeze(-1).expand(-1, -1, 3, 4).byte()}

    groups = {"state": ObservationGroup((2,)), "image": ObservationGroup((3, 4), torch.uint8)}
    return dataclasses.replace(family, observe=observe, observation_groups=groups)


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("oracle", [False, True])
def test_groups_that_are_vectors_are_learned_from_as_the_same_numbers_in_one(
    learner: str, oracle: bool, tmp_path: Path
) -> None:
    found = []
    for family in (ending_early(), in_groups(ending_early())):
        run = rm.meta_train(
            family,
            learner,
            iterations=2,
            hyper=HYPER[learner] | {"oracle": oracle},
            out=tmp_path / str(family.observation_groups is None),
            progress=False,
        )
        adapted = rm.adapt(run.policy, family.task(goal_x=0.3), episodes=2, evaluation_episodes=2)
        assert adapted.policy.belief is not None
        returns = adapted.return_before, adapted.return_after
        found.append((dict(run.policy.learner.state_dict()), dict(adapted.policy.belief), returns))
    assert same(*found)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_group_that_is_no_vector_is_named(learner: str) -> None:
    message = r"^observation group 'image' is \[3, 4\] of torch.uint8, .* vectors of torch.float32; .*: state$"
    with pytest.raises(UserError, match=message):
        rm.meta_train(with_image(ending_early()), learner, progress=False)
    with pytest.raises(UserError, match=message):
        FamilyEnv(with_image(ending_early()))


def test_the_names_of_observations_are_those_of_the_vectors() -> None:
    with pytest.raises(UserError, match=r"observations must name the 2 numbers of the groups that are vectors$"):
        dataclasses.replace(in_groups(ending_early()), observations=(("x", "m"),))


def group(observation: Observation, name: str) -> Tensor:
    assert isinstance(observation, dict)
    return observation[name]


def test_a_group_of_another_shape_is_named() -> None:
    groups = {"state": ObservationGroup((2,)), "image": ObservationGroup((5, 4), torch.uint8)}
    family = dataclasses.replace(with_image(ending_early()), observation_groups=groups)
    with pytest.raises(UserError, match=r"observe of image returns the shape \[2, 3, 3, 4\]; .* need \[2, 3, 5, 4\]$"):
        TaskBatchEnv(family, 4, 3)


class Seeing(DomainRandomization):
    """Moves right where its image is bright, left where it is dark."""

    encoders = True

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[DiagonalGaussian, Belief]:
        brightness = group(policy_input.observation, "image").float().mean(dim=(-1, -2)).unsqueeze(-1)
        return DiagonalGaussian((brightness / 255.0 - 0.5).expand(-1, -1, 2), torch.zeros(2)), belief


@pytest.mark.filterwarnings("ignore::robotmeta.errors.RobotmetaWarning")
@pytest.mark.parametrize("build", [ending_early, diverging])
def test_images_are_collected_with_their_shape_and_type(
    build: Callable[[], TaskFamily], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LEARNERS, "domain-randomization", Seeing)
    family = with_image(build())
    learner = learner_of("domain-randomization", family)
    assert learner.sizes.groups == family.observation_groups
    rollout, _ = collect(TaskBatchEnv(family, 4, 3), learner, learner.begin(4), generator())
    image, position = (group(rollout.observations, name) for name in ("image", "state"))
    assert (image.shape, image.dtype) == ((4, 3, 12, 3, 4), torch.uint8)
    assert (position.shape, position.dtype) == ((4, 3, 12, 2), torch.float32)
    last = group(rollout.last_observations, "image")
    assert (last.shape, last.dtype) == ((4, 3, 3, 4), torch.uint8)
    happened = rollout.mask > 0
    expected = (128.0 + 100.0 * position[..., 0]).byte()
    for pixels in image.flatten(3).unbind(dim=-1):
        assert bool((pixels.int() - expected.int()).abs()[happened].max() <= 1)
    assert bool(rollout.diverged.any()) == (build is diverging)
    if build is diverging:
        steps = (rollout.mask.sum(dim=-1).long() - 1)[rollout.diverged]
        seen = image[rollout.diverged][torch.arange(len(steps)), steps]
        assert torch.equal(last[rollout.diverged], seen)
