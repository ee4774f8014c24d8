"""The protocol of meta-learners: begin, act, adapt, update. Nothing else in the package asks which learner it is."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import torch
from torch import Tensor, nn

from robotmeta.envs import Observation, ObservationGroup
from robotmeta.errors import UserError
from robotmeta.experience.observations import check_vectors, flatten
from robotmeta.experience.rollout import Belief, PolicyInput, Rollout, Trial
from robotmeta.policies import ActionDistribution, DiagonalGaussian, ObservationNormalizer

_LARGEST = 1e6  # of a hyper-parameter; weights in single precision overflow with much larger ones


@dataclass(frozen=True)
class LearnerConfig:
    """Hyper-parameters of every learner, which the training loop reads; each learner adds its own."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Named sets of hyper-parameters that differ from the defaults."""
    family_defaults: ClassVar[tuple[str, ...]] = ()
    """Hyper-parameters whose default is the family's attribute of the same name, if that is not None."""
    unrecorded: ClassVar[Mapping[str, Any]] = {}
    """Values of hyper-parameters in runs from before they existed, where these are not the defaults."""

    meta_batch: int = 40
    """Tasks a meta-update."""
    episodes: int = 3
    """Episodes of each task in one rollout."""
    adaptation_steps: int = 1
    """Adaptation steps a meta-update, with a rollout before each and one after the last."""
    oracle: bool = False
    """Append the task's parameters to the observation. A real robot cannot observe them, so this is for a control."""
    changing: float = 0.0
    """Share of the training episodes within which the task changes, as a payload does that is put on."""
    curriculum: bool = True
    """Whether tasks get harder with what was achieved, if the family has a curriculum."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise UserError(f"{field.name} must be a finite number, not {value}")
            if isinstance(value, float) and abs(value) > _LARGEST:
                raise UserError(f"{field.name} must be at most {_LARGEST:g}, not {value:g}")
            if isinstance(value, tuple) and min(value, default=1) < 1:
                raise UserError(f"each of {field.name} must be at least 1, not {min(value)}")
        self.check("meta_batch", at_least=1)
        self.check("episodes", at_least=1)
        self.check("adaptation_steps", at_least=0)
        self.check_share("changing")

    @property
    def rollouts(self) -> int:
        """Rollouts a meta-update: one before each adaptation step, and one after the last."""
        return self.adaptation_steps + 1

    @property
    def tasks(self) -> int:
        """Tasks of each of these rollouts."""
        return self.meta_batch

    @property
    def part_length(self) -> int:
        """Control steps of a part of an episode after which there is an update; 0 for updates after whole episodes."""
        return 0

    def control_defaults(self) -> dict[str, Any]:
        """Hyper-parameters that a trained control takes from this learner, so that the two can be compared."""
        return {"curriculum": self.curriculum}

    def fine_tuning(self) -> Self | None:
        """Hyper-parameters with which the learner goes on in tasks that are nearly the same.

        None for a learner whose outer loop does not go on from trained weights.
        """
        return None

    def check(self, name: str, *, at_least: int) -> None:
        """Raises UserError if a hyper-parameter is too small."""
        value = getattr(self, name)
        if value < at_least:
            raise UserError(f"{name} must be at least {at_least}, not {value}")

    def check_positive(self, *names: str) -> None:
        """Raises UserError if a hyper-parameter is zero or less."""
        for name in names:
            value = getattr(self, name)
            if value <= 0.0:
                raise UserError(f"{name} must be positive, not {value:g}")

    def check_share(self, *names: str) -> None:
        """Raises UserError if a hyper-parameter is not between 0 and 1."""
        for name in names:
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise UserError(f"{name} must be between 0 and 1, not {value:g}")


ConfigT = TypeVar("ConfigT", bound=LearnerConfig)


class Sizes(NamedTuple):
    """Sizes of what a learner reads and puts out."""

    observation: int
    """Of an observation. If it consists of groups, of those that are vectors together."""
    action: int
    """Of an action."""
    task: int
    """Of an encoded task, which a learner may use in meta-training."""
    privileged_state: int = 0
    """Of the privileged state, which a learner may use in meta-training."""
    groups: Mapping[str, ObservationGroup] | None = None
    """Groups of an observation by name; None if it is one vector."""


class Anchor(NamedTuple):
    """A policy that meta-updates of another one stay close to."""

    learner: MetaLearner[Any]
    """The policy, of the same learner and sizes. It does not change."""
    weight: float
    """Weight of ``KL(pi || pi_anchor)`` in the loss, a mean over steps."""


class MetaLearner(nn.Module, ABC, Generic[ConfigT]):
    """A policy that adapts, and the outer loop that trains it.

    Args:
        sizes: Sizes of observations, actions and tasks.
        config: Hyper-parameters, an instance of ``Config``.
        generator: Draws the initial weights.

    Raises:
        UserError: For observation groups that are no vectors, unless the learner has ``encoders``.
    """

    Config: ClassVar[type[LearnerConfig]]
    adapts: ClassVar[bool] = True
    """Whether experience changes the belief. A control does not adapt."""
    adaptation: ClassVar[str]
    """How it adapts, in a few words."""
    source: ClassVar[str]
    """The paper that describes it."""
    encoders: ClassVar[bool] = False
    """Whether it has networks for groups of observations that are not vectors, such as images."""

    @abstractmethod
    def __init__(self, sizes: Sizes, config: ConfigT, generator: torch.Generator) -> None:
        super().__init__()
        if not self.encoders:
            check_vectors(sizes.groups)
        self.config = config
        self.sizes = sizes
        self.normalizer = ObservationNormalizer(sizes.observation)

    @abstractmethod
    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        """The belief before any experience of ``num_tasks`` tasks.

        Args:
            num_tasks: Number of tasks.
            generator: A CPU generator for learners that sample a belief; None for a belief without randomness.
        """

    def inform(self, belief: Belief, tasks: Tensor, generator: torch.Generator) -> Belief:
        """The belief before the first episode of trials in meta-training, in some of which the policy is told its task.

        Args:
            belief: From :meth:`begin`.
            tasks: The encoded tasks, ``[task, encoding]``.
            generator: A CPU generator.
        """
        return belief

    @abstractmethod
    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[ActionDistribution, Belief]:
        """The action distribution ``[task, episode, action]``, and the belief after this input.

        Args:
            belief: The belief about each task.
            policy_input: What the policy observes.
            generator: A CPU generator for learners that sample from their belief; None to act without randomness.
        """

    @abstractmethod
    def adapt(self, belief: Belief, rollout: Rollout) -> Belief:
        """The belief after one adaptation step.

        Args:
            belief: The belief after collecting the rollout.
            rollout: Experience of the same tasks.
        """

    @abstractmethod
    def update(self, trial: Trial, generator: torch.Generator, anchor: Anchor | None = None) -> dict[str, float]:
        """One meta-update.

        Args:
            trial: ``config.rollouts`` rollouts of the same tasks, and the tasks.
            generator: A CPU generator for shuffling.
            anchor: What the policy stays close to at the steps of the trial; None for nothing.

        Returns:
            Metrics by name.
        """

    def schedule(self, episodes: int) -> list[int]:
        """Number of episodes of each adaptation step, for a total number of adaptation episodes: one each."""
        return [1] * episodes

    def distributions(self, trial: Trial) -> DiagonalGaussian:
        """What this policy would have done at the steps of a trial that another one collected.

        The leading axes are those that the loss of the learner has, such as ``[task, episode, time]``. A learner that
        can be fine-tuned needs it, see :class:`Anchor`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what it would have done")

    def start_from(self, belief: Belief) -> bool:
        """Makes a belief about one task the initial one, where initial beliefs are weights. Returns whether it did."""
        return False

    def infer(self, belief: Belief) -> DiagonalGaussian | None:
        """Posterior over each task, encoded, ``[task, encoding]``; None for learners without one."""
        return None

    @abstractmethod
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Optimizers of the outer loop; their state is saved with the weights."""

    def observe(self, observation: Observation) -> Tensor:
        """An observation as one normalized vector, ``[..., observation]``."""
        return self.normalizer(flatten(observation))

    @property
    def device(self) -> torch.device:
        """Device of the policy."""
        return self.normalizer.mean.device

    def training_state(self) -> dict[str, Any]:
        """State that resuming needs in addition to the weights."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers()]}

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Restores the state that :meth:`training_state` returned."""
        for optimizer, saved in zip(self.optimizers(), state["optimizers"], strict=True):
            fused = [group.get("fused") for group in optimizer.param_groups]
            optimizer.load_state_dict(saved)
            for group, value in zip(optimizer.param_groups, fused, strict=True):
                group["fused"] = value  # how it is computed, which may have changed since
