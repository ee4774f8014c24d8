"""Meta-learning as task inference (Humplik et al. 2019): a network infers the task, a memoryless policy acts on it.

Meta-training knows each task's parameters, so inferring them from experience is supervised learning. The policy is
trained with PPO on the observation and what is known of the task, and its gradient stays out of the memory; RL^2 trains
both end to end, from the return alone. The privileged state, which no sensor measures, such as a robot's velocity, is
inferred in the same way (Ji et al. 2022).
The same idea, for a policy that is already trained, is the online system identification of Yu et al. (2017) and the
adaptation module of Kumar et al. (2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from robotmeta.experience.rollout import Belief, PolicyInput, Rollout, Trial, joined
from robotmeta.experience.trees import tree_map
from robotmeta.metalearners.in_context import InContext, InContextConfig, Sequences, Timeline
from robotmeta.metalearners.parallel import minibatch_gradients, minibatches, moments
from robotmeta.metalearners.ppo import ActorCriticConfig, PPOInputs, ReturnScale, ppo_update, step
from robotmeta.metalearners.protocol import Sizes
from robotmeta.policies import ActorCritic, DiagonalGaussian, Memory, MemoryState, ObservationNormalizer, TaskEstimator


@dataclass(frozen=True)
class TaskInferenceConfig(InContextConfig, ActorCriticConfig):
    """Hyper-parameters of task inference; those of PPO are the policy's."""

    learning_rate: float = 5e-4
    """Of Adam, for the policy, to begin with."""
    minibatches: int = 8
    """Gradient steps a pass over the policy's data."""
    hidden_size: int = 64
    """GRU units of the estimator."""
    estimator_learning_rate: float = 1e-3
    """Of Adam, for the estimator."""
    estimator_epochs: int = 2
    """Passes over the sequences a meta-update."""
    estimator_minibatches: int = 8
    """Gradient steps a pass over the sequences."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("estimator_epochs", at_least=1)
        self.check("estimator_minibatches", at_least=1)
        self.check("estimator_learning_rate", at_least=0)


class TaskInference(InContext[TaskInferenceConfig]):
    """Remembers in order to tell which task it is, and acts on what it thinks.

    The policy maximizes the return of each episode by itself. It does not explore for the sake of later episodes, as
    RL^2 can learn to.
    """

    Config = TaskInferenceConfig
    adaptation = "as it acts: a network infers the task"
    source = "Humplik et al. 2019, arXiv:1905.06424"

    def __init__(self, sizes: Sizes, config: TaskInferenceConfig, generator: torch.Generator) -> None:
        super().__init__(sizes, config, generator)
        self.return_scale = ReturnScale()
        self.privileged_normalizer = ObservationNormalizer(sizes.privileged_state)
        inferred = sizes.task + sizes.privileged_state
        self.estimator = TaskEstimator(self.new_memory(generator), inferred, generator)
        self.network = ActorCritic(
            sizes.observation + 2 * inferred,  # mean and standard deviation of what it thinks
            sizes.action,
            config.hidden,
            critic_size=sizes.observation + 3 * inferred,  # and the truth (Pinto et al. 2018)
            init_std=config.init_std,
            min_std=config.min_std,
            generator=generator,
        )
        self.adam = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, eps=1e-5)
        self.estimator_adam = torch.optim.Adam(self.estimator.parameters(), lr=config.estimator_learning_rate, eps=1e-5)

    @property
    def memory(self) -> Memory:
        return self.estimator.memory

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[DiagonalGaussian, Belief]:
        inputs, state = self.network_input(belief, policy_input)
        estimate, state = self.estimator(inputs, state)
        observation = inputs[..., : self.sizes.observation]
        distribution = self.network(torch.cat([observation, self._policy_features(estimate)], dim=-1))
        return self.outcome(belief, policy_input, distribution, state)

    @torch.no_grad()
    def infer(self, belief: Belief) -> DiagonalGaussian:
        return self._parts(self.estimator.posterior(tree_map(lambda value: value[:, 0], self.memory_state(belief))))[0]

    def _policy_features(self, estimate: DiagonalGaussian) -> Tensor:
        """Mean and standard deviation of the posterior as policy inputs, ``[..., 2 * (task + privileged_state)]``."""
        task, state = self._parts(estimate)
        return torch.cat([self._scaled(task.flat()), state.flat()], dim=-1)

    def _scaled(self, task: Tensor) -> Tensor:
        """Numbers about the task's parameters, as large in all as those about a single one would be.

        Families have up to some forty parameters, most of which matter little. Unscaled, they drown what the policy
        observes, and a critic learns the few tasks of one meta-update by heart.
        """
        return task / math.sqrt(self.sizes.task)

    def _parts(self, estimate: DiagonalGaussian) -> tuple[DiagonalGaussian, DiagonalGaussian]:
        """The posteriors over the task and over the privileged state."""
        size = self.sizes.task
        mean, log_std = estimate.mean, estimate.log_std
        return (
            DiagonalGaussian(mean[..., :size], log_std[..., :size]),
            DiagonalGaussian(mean[..., size:], log_std[..., size:]),
        )

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.adam, self.estimator_adam]

    def update(self, trial: Trial, generator: torch.Generator) -> dict[str, float]:
        # z_t = N(mu_t, sigma_t), the posterior over the task and the privileged state after t steps of the trial
        # pi(a | o_t, z_t): PPO, each step by itself; the critic is told the truth too
        # z_t: log-likelihood of the truth, after every step
        inputs, sequences = self._training_data(trial)
        whole = joined(trial.rollouts)
        found = ppo_update(self.config, self.network, self.adam, self.return_scale, whole, inputs, generator)
        inferred = self._improve_estimator(sequences, generator)
        self.normalizer.update(moments(trial.observations()))
        self.privileged_normalizer.update(moments(whole.privileged_states[:, :, :-1][whole.mask > 0]))
        return {**found, **inferred}

    @torch.no_grad()
    def _training_data(self, trial: Trial) -> tuple[PPOInputs, Sequences]:
        """What the policy and its critic are trained on, and what the estimator is, cut every ``bptt`` steps."""
        timeline = Timeline(trial.rollouts)
        inputs, mask = self.trial_inputs(timeline), timeline.concatenate(lambda r: r.mask)

        def features(inputs: Tensor, state: MemoryState) -> tuple[Tensor, MemoryState]:
            estimate, after = self.estimator(inputs, state)
            return self._policy_features(estimate), after

        estimates, states = self.run_in_segments(features, inputs)
        ppo_inputs = self._ppo_inputs(joined(trial.rollouts), torch.cat(timeline.split(estimates), dim=1), trial.tasks)
        truth = timeline.concatenate(lambda r: self._truth(r, trial.tasks)[:, :, :-1])
        return ppo_inputs, self.segments({"inputs": inputs, "mask": mask, "truth": truth}, states)

    def _truth(self, rollout: Rollout, tasks: Tensor) -> Tensor:
        """What there is to infer, ``[task, episode, time + 1, task + privileged_state]``."""
        state = self.privileged_normalizer(rollout.privileged_states)
        return torch.cat([tasks[:, None, None].expand(*state.shape[:-1], -1), state], dim=-1)

    def _ppo_inputs(self, rollout: Rollout, estimates: Tensor, tasks: Tensor) -> PPOInputs:
        observations = self.observe(rollout.observations)
        truth = self._truth(rollout, self._scaled(tasks))
        actor = torch.cat([observations, estimates], dim=-1)
        taken = rollout.mask.sum(dim=-1).long()
        # After an episode the estimate is, near enough, what it was at the last step.
        estimate = _at(estimates, (taken - 1).clamp(min=0))
        last = torch.cat([self.observe(rollout.last_observations), estimate, _at(truth, taken)], dim=-1)
        return PPOInputs(actor, torch.cat([actor, truth[:, :, :-1]], dim=-1), last)

    def _improve_estimator(self, data: Sequences, generator: torch.Generator) -> dict[str, float]:
        """Passes of Adam over the sequences; returns means of the first one, on tasks it had not learned from."""
        config, parameters = self.config, list(self.estimator.parameters())
        loss, mask = partial(self._estimation, data), data.steps["mask"]
        means: dict[str, float] = {}
        for epoch in range(config.estimator_epochs):
            batches = minibatches(mask.shape[1], config.estimator_minibatches, generator, self.device)
            for chosen in batches:
                sums, gradient = minibatch_gradients(loss, mask, chosen, parameters, shards=config.shards, of="nll")
                step(self.estimator_adam, parameters, gradient, config.max_grad_norm)
                if epoch == 0:
                    means = {name: means.get(name, 0.0) + value / len(batches) for name, value in sums.items()}
        return means

    def _estimation(self, data: Sequences, rows: Tensor, steps: Tensor) -> dict[str, Tensor]:
        """Negative log-likelihood and squared error a number, the share of some sequences in that many steps."""
        size, states = self.sizes.task, self.sizes.privileged_state
        batch, state = data.select(rows)
        estimate, _ = self.estimator(batch["inputs"], state)
        share = batch["mask"] / steps
        likelihood = (estimate.log_prob(batch["truth"]) * share).sum() / (size + states)
        with torch.no_grad():
            squared = (estimate.mean - batch["truth"]).square() * share.unsqueeze(-1)
        found = {"nll": -likelihood, "task_error": squared[..., :size].sum() / size}
        return found | ({"privileged_state_error": squared[..., size:].sum() / states} if states else {})


def _at(values: Tensor, times: Tensor) -> Tensor:
    """``[task, episode, time, ...]`` at one time of each episode, ``[task, episode, ...]``."""
    return values.gather(2, times[..., None, None].expand(-1, -1, 1, values.shape[-1])).squeeze(2)
