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
from robotmeta.metalearners.in_context import InContext, InContextConfig, Timeline
from robotmeta.metalearners.parallel import gradients, minibatches, shares
from robotmeta.metalearners.ppo import ActorCriticConfig, PPOInputs, ReturnScale, ppo_update, step
from robotmeta.metalearners.protocol import Sizes
from robotmeta.policies import ActorCritic, DiagonalGaussian, ObservationNormalizer, TaskEstimator


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

    def __init__(self, sizes: Sizes, config: TaskInferenceConfig, generator: torch.Generator) -> None:
        super().__init__(sizes, config, generator)
        self.return_scale = ReturnScale()
        self.privileged_normalizer = ObservationNormalizer(sizes.privileged_state)
        inferred = sizes.task + sizes.privileged_state
        self.estimator = TaskEstimator(self.input_size, inferred, config.hidden_size, generator)
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

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[DiagonalGaussian, Belief]:
        reading = self.read(belief, policy_input)
        estimate, hidden = self.estimator(*reading)
        observation = reading.inputs[..., : self.sizes.observation]
        distribution = self.network(torch.cat([observation, self._policy_features(estimate)], dim=-1))
        mean = distribution.mean.view(*policy_input.reward.shape, -1)
        return DiagonalGaussian(mean, distribution.log_std), self.remember(belief, policy_input, hidden)

    @torch.no_grad()
    def infer(self, belief: Belief) -> DiagonalGaussian:
        return self._parts(self.estimator.posterior(belief["hidden"][:, 0]))[0]

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
        inputs, sequences = self._read(trial)
        whole = joined(trial.rollouts)
        found = ppo_update(self.config, self.network, self.adam, self.return_scale, whole, inputs, generator)
        inferred = self._improve_estimator(sequences, generator)
        self.normalizer.update(trial.observations())
        self.privileged_normalizer.update(whole.privileged_states[:, :, :-1][whole.mask > 0])
        return {**found, **inferred}

    @torch.no_grad()
    def _read(self, trial: Trial) -> tuple[PPOInputs, dict[str, Tensor]]:
        """Inputs of policy and critic in a trial, and what the estimator read, in sequences of ``bptt`` steps."""
        timeline = Timeline(trial.rollouts)
        inputs, mask = self.read_along(timeline), timeline.joined(lambda r: r.mask)

        def told(piece: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
            estimate, after = self.estimator(piece, before)
            return self._policy_features(estimate), after

        estimates, hidden = self.in_pieces(told, inputs)
        ppo_inputs = self._ppo_inputs(joined(trial.rollouts), torch.cat(timeline.parted(estimates), dim=1), trial.tasks)
        truth = timeline.joined(lambda r: self._truth(r, trial.tasks)[:, :, :-1])
        return ppo_inputs, self.pieces({"inputs": inputs, "mask": mask, "truth": truth}, hidden)

    def _truth(self, rollout: Rollout, tasks: Tensor) -> Tensor:
        """What there is to infer, ``[task, episode, time + 1, task + privileged_state]``."""
        state = self.privileged_normalizer(rollout.privileged_states)
        return torch.cat([tasks[:, None, None].expand(*state.shape[:-1], -1), state], dim=-1)

    def _ppo_inputs(self, rollout: Rollout, estimates: Tensor, tasks: Tensor) -> PPOInputs:
        observations = self.normalizer(rollout.observations)
        truth = self._truth(rollout, self._scaled(tasks))
        actor = torch.cat([observations, estimates], dim=-1)
        taken = rollout.mask.sum(dim=-1).long()
        # After an episode the estimate is, near enough, what it was at the last step.
        estimate = _at(estimates, (taken - 1).clamp(min=0))
        last = torch.cat([self.normalizer(rollout.last_observations), estimate, _at(truth, taken)], dim=-1)
        return PPOInputs(actor, torch.cat([actor, truth[:, :, :-1]], dim=-1), last)

    def _improve_estimator(self, data: dict[str, Tensor], generator: torch.Generator) -> dict[str, float]:
        """Passes of Adam over the sequences; returns means of the first one, on tasks it had not learned from."""
        config, parameters = self.config, list(self.estimator.parameters())
        means: dict[str, float] = {}
        for epoch in range(config.estimator_epochs):
            batches = minibatches(data["mask"].shape[1], config.estimator_minibatches, generator, self.device)
            for chosen in batches:
                steps = data["mask"][:, chosen].sum().clamp(min=1.0)
                parts = [partial(self._estimation, data, rows, steps) for rows in shares(chosen, config.shards)]
                sums, found = gradients(parts, parameters, of="nll")
                step(self.estimator_adam, parameters, found, config.max_grad_norm)
                if epoch == 0:
                    means = {name: means.get(name, 0.0) + value / len(batches) for name, value in sums.items()}
        return means

    def _estimation(self, data: dict[str, Tensor], rows: Tensor, steps: Tensor) -> dict[str, Tensor]:
        """Negative log-likelihood and squared error a number, the share of some sequences in that many steps."""
        size, states = self.sizes.task, self.sizes.privileged_state
        batch = {name: value[:, rows] for name, value in data.items()}
        estimate, _ = self.estimator(batch["inputs"], batch["hidden"][0])
        share = batch["mask"] / steps
        likelihood = (estimate.log_prob(batch["truth"]) * share).sum() / (size + states)
        with torch.no_grad():
            squared = (estimate.mean - batch["truth"]).square() * share.unsqueeze(-1)
        found = {"nll": -likelihood, "task_error": squared[..., :size].sum() / size}
        return found | ({"privileged_state_error": squared[..., size:].sum() / states} if states else {})


def _at(values: Tensor, times: Tensor) -> Tensor:
    """``[task, episode, time, ...]`` at one time of each episode, ``[task, episode, ...]``."""
    return values.gather(2, times[..., None, None].expand(-1, -1, 1, values.shape[-1])).squeeze(2)
