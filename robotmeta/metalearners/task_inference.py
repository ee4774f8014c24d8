"""Meta-learning as task inference (Humplik et al. 2019): a network infers the task, a memoryless policy acts on it.

The parameters of each task are known in meta-training, so the estimator is trained by supervised learning. The policy
is trained with PPO on the observation and the estimate, and its gradient does not reach the estimator. RL^2 trains both
end to end, from the return alone. The privileged state, which no sensor of the robot measures, such as its velocity, is
inferred in the same way (Ji et al. 2022). Related methods are the online system identification of Yu et al. (2017) and
the adaptation module of Kumar et al. (2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import ClassVar, Self

import torch
from torch import Tensor

from robotmeta.errors import UserError
from robotmeta.experience.rollout import INFORMED, Belief, PolicyInput, Rollout, Trial, concatenate_episodes
from robotmeta.experience.trees import tree_map
from robotmeta.metalearners.anchor import anchored_at
from robotmeta.metalearners.in_context import InContext, InContextConfig
from robotmeta.metalearners.parallel import Rows, minibatch_gradients, moments
from robotmeta.metalearners.ppo import ActorCriticConfig, PPOInputs, adam, exploration, ppo_update, step
from robotmeta.metalearners.protocol import Anchor, Sizes
from robotmeta.metalearners.sequences import Sequences, Timeline, cut, run_in_segments
from robotmeta.policies import (
    MIN_LOG_STD,
    ActorCritic,
    DiagonalGaussian,
    Memory,
    MemoryState,
    ObservationNormalizer,
    ReturnScale,
    TaskEstimator,
    scaled,
)

_TOLD = "told"
"""Entry of a belief: the encoded task, ``[task, 1, encoding]``."""


@dataclass(frozen=True)
class TaskInferenceConfig(InContextConfig, ActorCriticConfig):
    """Hyper-parameters of task inference. Those of PPO are for the policy."""

    learning_rate: float = 5e-4
    """Initial learning rate of Adam, for the policy."""
    desired_kl: float = 0.02
    """KL divergence of the policy from the one that acted at which the learning rate is kept; see PPO."""
    unroll_length: int = 50
    """Control steps of each world from one meta-update to the next; 0 for whole episodes."""
    minibatches: int = 4
    """Gradient steps a pass over the policy's data; fewer where some episodes had ended before a part."""
    hidden_size: int = 64
    """Size of the estimator's memory: units of a GRU."""
    estimator_learning_rate: float = 1e-3
    """Learning rate of Adam, for the estimator."""
    estimator_epochs: int = 2
    """Passes over the estimator's sequences a meta-update; 0 leaves the estimator as it is."""
    estimator_minibatches: int = 2
    """Gradient steps a pass over the estimator's sequences."""

    informed: float = 0.0
    """Share of the trials in which the policy is told the task (Kamienny et al. 2020). So it learns what to do in each
    task before it can infer the task."""
    staggered: bool = True
    """Whether a meta-update takes one episode each of (adaptation_steps + 1) * meta_batch trials that are in progress,
    instead of whole trials. Then more worlds run side by side, which is faster."""

    family_defaults: ClassVar = (*InContextConfig.family_defaults, "informed")
    unrecorded: ClassVar = {**InContextConfig.unrecorded, "staggered": False, "unroll_length": 0, "desired_kl": 0.0}

    @property
    def rollouts(self) -> int:
        return 1 if self.staggered else super().rollouts

    @property
    def tasks(self) -> int:
        return self.meta_batch * (self.adaptation_steps + 1 if self.staggered else 1)

    def fine_tuning(self) -> Self:
        """The estimator goes on learning too: a robot that no training had can mislead it, even about its state."""
        staggered = replace(self, staggered=True)
        return replace(super(TaskInferenceConfig, staggered).fine_tuning(), informed=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()

        self.check_share("informed")
        if self.informed and self.changing:
            raise UserError("informed must be 0 where tasks change: a task that changes cannot be told")
        self.check("estimator_epochs", at_least=0)
        self.check("estimator_minibatches", at_least=1)
        self.check("estimator_learning_rate", at_least=0)


class TaskInference(InContext[TaskInferenceConfig]):
    """Infers the task and the privileged state from experience, and acts on the observation and the estimate.

    The policy maximizes the return of each episode separately. Unlike RL^2, it does not learn to explore in one episode
    for a higher return in the next.
    """

    Config = TaskInferenceConfig
    adaptation = "as it acts: a network infers the task"
    beside_memory = (*InContext.beside_memory, INFORMED, _TOLD)
    source = "Humplik et al. 2019, arXiv:1905.06424"

    def __init__(self, sizes: Sizes, config: TaskInferenceConfig, generator: torch.Generator) -> None:
        super().__init__(sizes, config, generator)
        self.return_scale = ReturnScale()
        self.privileged_normalizer = ObservationNormalizer(sizes.privileged_state)
        inferred = sizes.task + sizes.privileged_state
        self.estimator = TaskEstimator(self.new_memory(generator), inferred, generator)
        self.network = ActorCritic(
            sizes.observation + 2 * inferred,  # mean and standard deviation of the estimate
            sizes.action,
            config.hidden,
            critic_size=sizes.observation + 3 * inferred,  # and the true values (Pinto et al. 2018)
            init_std=config.init_std,
            min_std=config.min_std,
            generator=generator,
        )

    @cached_property
    def adam(self) -> torch.optim.Adam:
        return adam(self.network.parameters(), self.config.learning_rate)

    @cached_property
    def estimator_adam(self) -> torch.optim.Adam:
        return adam(self.estimator.parameters(), self.config.estimator_learning_rate)

    @property
    def memory(self) -> Memory:
        return self.estimator.memory

    def inform(self, belief: Belief, tasks: Tensor, generator: torch.Generator) -> Belief:
        if not self.config.informed:
            return belief
        drawn = torch.rand(len(tasks), 1, 1, generator=generator).to(tasks.device)
        return {**belief, INFORMED: drawn < self.config.informed, _TOLD: tasks.unsqueeze(1)}

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[DiagonalGaussian, Belief]:
        inputs, state = self.network_input(belief, policy_input)
        estimate, state = self.estimator(inputs, state)
        estimate = self._told(estimate, belief, policy_input.reward.shape)
        observation = inputs[..., : self.sizes.observation]
        features = torch.cat([observation, self._policy_features(estimate)], dim=-1)
        distribution = self.network(features.view(*policy_input.reward.shape, -1))
        return distribution, self.updated(belief, policy_input, state)

    @torch.no_grad()
    def infer(self, belief: Belief) -> DiagonalGaussian:
        state = tree_map(lambda value: value[:, 0], self.memory_state(belief))
        return self._split(self.estimator.posterior(state))[0]

    def _told(self, estimate: DiagonalGaussian, belief: Belief, worlds: Sequence[int]) -> DiagonalGaussian:
        """The estimate ``[..., world, task + privileged_state]``, with the task itself where the policy is told it.

        Args:
            estimate: Of worlds that are all episodes of all tasks.
            belief: Their belief at the start.
            worlds: Numbers of tasks and of episodes of each.
        """
        if INFORMED not in belief:
            return estimate
        informed, told = (belief[name].expand(*worlds, -1).flatten(0, 1) for name in (INFORMED, _TOLD))
        task, state = self._split(estimate)
        mean = torch.where(informed, told, task.mean)
        log_std = task.log_std.masked_fill(informed, MIN_LOG_STD)
        joined = (torch.cat(pair, dim=-1) for pair in ((mean, state.mean), (log_std, state.log_std)))
        return DiagonalGaussian(*joined)

    def _policy_features(self, estimate: DiagonalGaussian) -> Tensor:
        """Mean and log standard deviation as inputs of the policy, ``[..., 2 * (task + privileged_state)]``."""
        task, state = self._split(estimate)
        return torch.cat([scaled(task.flat(), self.sizes.task), state.flat()], dim=-1)

    def _split(self, estimate: DiagonalGaussian) -> tuple[DiagonalGaussian, DiagonalGaussian]:
        """The posteriors over the task and over the privileged state."""
        size = self.sizes.task
        mean, log_std = estimate
        task = DiagonalGaussian(mean[..., :size], log_std[..., :size])
        return task, DiagonalGaussian(mean[..., size:], log_std[..., size:])

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.adam, self.estimator_adam]

    def distributions(self, trial: Trial) -> DiagonalGaussian:
        inputs, _ = self._training_data(trial, concatenate_episodes(trial.rollouts))
        return self.network(inputs.actor)  # [task, episode, time, action]

    def update(self, trial: Trial, generator: torch.Generator, anchor: Anchor | None = None) -> dict[str, float]:
        # q_t = N(mu_t, sigma_t), the posterior over z = (task, privileged state) after t steps of the trial
        # pi(a | o_t, q_t): PPO on single steps, with a critic V(o_t, q_t, z)
        # q_t: maximize log q_t(z) at every step
        rollout = concatenate_episodes(trial.rollouts)
        inputs, sequences = self._training_data(trial, rollout)
        anchored, scale = anchored_at(trial, anchor), self.return_scale
        metrics = ppo_update(self.config, self.network, self.adam, scale, rollout, inputs, generator, anchored)
        metrics |= exploration(self.network.log_std, self.adam)
        metrics |= self._update_estimator(sequences, generator)
        self.update_normalizers(trial)
        self.privileged_normalizer.update(moments(rollout.privileged_states[:, :, :-1][rollout.mask > 0]))
        return metrics

    @torch.no_grad()
    def _training_data(self, trial: Trial, rollout: Rollout) -> tuple[PPOInputs, Sequences]:
        """Inputs of the policy and its critic, and sequences of ``bptt`` steps for the estimator.

        Args:
            trial: The trial.
            rollout: All its episodes.
        """
        timeline = Timeline(trial.rollouts)
        inputs, mask = self.trial_inputs(timeline, trial), timeline.concatenate(lambda r: r.mask)

        def features(inputs: Tensor, state: MemoryState) -> tuple[Tensor, MemoryState]:
            estimate, after = self.estimator(inputs, state)
            return self._policy_features(self._told(estimate, trial.belief, worlds)), after

        bptt, start, worlds = self.config.bptt, self.state_before(trial), trial.rollouts[0].rewards.shape[:2]
        estimates, states = run_in_segments(features, inputs, start, bptt)
        tasks = [
            trial.tasks_at(number).expand(*r.privileged_states.shape[:3], -1) for number, r in enumerate(trial.rollouts)
        ]
        ppo_inputs = self._ppo_inputs(rollout, torch.cat(timeline.split(estimates), dim=1), torch.cat(tasks, dim=1))
        truths = [self._truth(r, task)[:, :, :-1] for r, task in zip(trial.rollouts, tasks, strict=True)]
        truth = timeline.joined(truths)
        return ppo_inputs, cut({"inputs": inputs, "mask": mask, "truth": truth}, states, bptt)

    def _truth(self, rollout: Rollout, tasks: Tensor) -> Tensor:
        """The values to infer, ``[task, episode, time + 1, task + privileged_state]``.

        Args:
            rollout: The episodes.
            tasks: The encoded task at each step and after the last one, ``[task, episode, time + 1, task]``.
        """
        return torch.cat([tasks, self.privileged_normalizer(rollout.privileged_states)], dim=-1)

    def _ppo_inputs(self, rollout: Rollout, estimates: Tensor, tasks: Tensor) -> PPOInputs:
        """Inputs of the policy ``[o, q]`` and of its critic ``[o, q, z]``."""
        observations = self.observe(rollout.observations)
        truth = self._truth(rollout, scaled(tasks, self.sizes.task))
        actor = torch.cat([observations, estimates], dim=-1)
        steps = rollout.mask.sum(dim=-1).long()
        # The estimate after an episode is nearly that of its last step.
        estimate = _at(estimates, (steps - 1).clamp(min=0))
        last = torch.cat([self.observe(rollout.last_observations), estimate, _at(truth, steps)], dim=-1)
        return PPOInputs(actor, torch.cat([actor, truth[:, :, :-1]], dim=-1), last)

    def _update_estimator(self, data: Sequences, generator: torch.Generator) -> dict[str, float]:
        """Some passes of Adam over the sequences; returns means of the first pass, over tasks that are new to it."""
        config, parameters = self.config, list(self.estimator.parameters())
        loss, rows = partial(self._estimator_loss, data), Rows(data.counts, tasks=1)
        means: dict[str, float] = {}
        for epoch in range(config.estimator_epochs):
            batches = list(rows.minibatches(config.estimator_minibatches, generator))
            for batch in batches:
                # One part: the many small operations of a memory on two threads mostly wait for each other.
                sums, gradient = minibatch_gradients(loss, batch, parameters, shards=1, of="nll")
                step(self.estimator_adam, parameters, gradient, config.max_grad_norm)
                if epoch == 0:
                    means = {name: means.get(name, 0.0) + value / len(batches) for name, value in sums.items()}
        return means

    def _estimator_loss(self, data: Sequences, rows: Tensor, steps: Tensor) -> dict[str, Tensor]:
        """Negative log-likelihood and squared error of an inferred number, the share of some of that many steps."""
        size, states = self.sizes.task, self.sizes.privileged_state
        batch, state, _ = data.select(rows)
        estimate, _ = self.estimator(batch["inputs"], state)
        share = batch["mask"] / steps
        likelihood = (estimate.log_prob(batch["truth"]) * share).sum() / (size + states)
        with torch.no_grad():
            squared = (estimate.mean - batch["truth"]).square() * share.unsqueeze(-1)
        errors = {"nll": -likelihood, "task_error": squared[..., :size].sum() / size}
        return errors | ({"privileged_state_error": squared[..., size:].sum() / states} if states else {})


def _at(values: Tensor, times: Tensor) -> Tensor:
    """``[task, episode, time, ...]`` at one time of each episode, ``[task, episode, ...]``."""
    return values.gather(2, times[..., None, None].expand(-1, -1, 1, values.shape[-1])).squeeze(2)
