"""A policy: its family, its configuration, its learner, and its belief about a task once it is adapted."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from robotmeta.config import RunConfig
from robotmeta.envs import Estimate, TaskFamily, make
from robotmeta.errors import TrainingDiverged, UserError, reason
from robotmeta.experience.rollout import Belief
from robotmeta.memory import check_memory
from robotmeta.metalearners import MetaLearner, Sizes, learner_class
from robotmeta.seeding import streams
from robotmeta.threads import one_torch_thread

_COPIES = 4  # of the weights in meta-training: themselves, their gradient, and two of Adam


@dataclass(frozen=True)
class Policy:
    """A meta-trained policy: the run that trained it, and the learner that acts and adapts.

    Attributes:
        family: The task family.
        config: The configuration of the run that trained it.
        learner: The networks, and how they adapt.
        iteration: Number of iterations of meta-training so far.
        env_steps: Control steps of meta-training so far.
        belief: The belief about one task, if the policy is adapted; None before adaptation.
    """

    family: TaskFamily
    config: RunConfig
    learner: MetaLearner = field(repr=False)
    iteration: int = 0
    env_steps: int = 0
    belief: Belief | None = field(default=None, repr=False)

    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        """The belief that adaptation starts from: the adapted policy's own, or the learner's initial belief."""
        if self.belief is None:
            return self.learner.begin(num_tasks, generator)
        return {name: value.expand(num_tasks, *value.shape[1:]) for name, value in self.belief.items()}

    def check_finite(self) -> None:
        """Raises TrainingDiverged if a weight, or a number of the belief, is not finite."""
        named = {**self.learner.state_dict(), **(self.belief or {})}
        bad = next((name for name, value in named.items() if not bool(value.isfinite().all())), None)
        if bad is not None:
            raise TrainingDiverged(f"weights are not finite ({bad}): the training or the adaptation diverged")

    def estimates(self, belief: Belief) -> dict[str, Estimate] | None:
        """The estimate of each parameter that a belief about one task contains, from the most to the least certain.

        None for learners that make no estimates.
        """
        posterior = self.learner.infer(belief)
        if posterior is None:
            return None
        (estimates,) = self.family.encoding.decode(posterior.mean, posterior.log_std.exp())
        return dict(sorted(estimates.items(), key=lambda item: -item[1].known))


def new_policy(config: RunConfig, device: torch.device | str = "cpu", family: TaskFamily | None = None) -> Policy:
    """Creates an untrained policy. The seed of the configuration determines its weights.

    Args:
        config: The run that will train it.
        device: Device of the policy.
        family: The task family; None to look it up by the name in the configuration.

    Raises:
        UserError: For sizes that a network cannot have, or that do not fit into memory.
    """
    family = family or make(config.family)
    size = sum(value.numel() * value.element_size() for value in outline(config, family).learner.state_dict().values())
    check_memory("a policy with these layers", _COPIES * size)
    generator, _ = streams(config.seed, "weights")
    with one_torch_thread():  # orthogonal weights come from a QR that rounds differently on several threads
        return Policy(family, config, _learner(config, family, generator).to(device))


def outline(config: RunConfig, family: TaskFamily) -> Policy:
    """A policy whose tensors have names, types and shapes, and neither memory nor values.

    Raises:
        UserError: For sizes that a network cannot have.
    """
    try:
        with torch.device("meta"):
            return Policy(family, config, _learner(config, family, torch.Generator()))
    except (RuntimeError, OverflowError, ZeroDivisionError) as error:
        raise UserError(f"no network of learner '{config.learner}' has these sizes: {reason(error)}") from None


def _learner(config: RunConfig, family: TaskFamily, generator: torch.Generator) -> MetaLearner:
    sizes = Sizes(
        family.observation_size + config.hyperparameters.oracle * family.encoding.size,
        family.action_size,
        family.encoding.size,
        len(family.privileged_state),
        family.observation_groups,
    )
    return learner_class(config.learner)(sizes, config.hyperparameters, generator)
