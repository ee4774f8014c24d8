"""RL^2: a policy with a memory that learns to adapt as it acts (Duan et al. 2016), trained with PPO."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from robotmeta.experience.returns import discounted_returns, generalized_advantages
from robotmeta.experience.rollout import Belief, PolicyInput, Rollout, Trial
from robotmeta.experience.trees import tree_map
from robotmeta.metalearners.anchor import Anchored, add_anchor, anchored_at
from robotmeta.metalearners.in_context import InContext, InContextConfig
from robotmeta.metalearners.parallel import Rows, masked_moments, minibatch_gradients, normalize
from robotmeta.metalearners.ppo import adam, adjust_learning_rate, exploration, policy_loss, step
from robotmeta.metalearners.protocol import Anchor, Sizes
from robotmeta.metalearners.sequences import Sequences, Timeline, cut, run_in_segments
from robotmeta.policies import DiagonalGaussian, Memory, RecurrentActorCritic, ReturnScale


@dataclass(frozen=True)
class RL2Config(InContextConfig):
    """Hyper-parameters of RL^2."""


class RL2(InContext[RL2Config]):
    """Learns what to remember and how to act on it end to end, from the return of whole trials."""

    Config = RL2Config
    adaptation = "as it acts: a recurrent policy, trained end to end"
    source = "Duan et al. 2016, arXiv:1611.02779"

    def __init__(self, sizes: Sizes, config: RL2Config, generator: torch.Generator) -> None:
        super().__init__(sizes, config, generator)
        self.return_scale = ReturnScale()
        self.network = RecurrentActorCritic(
            self.new_memory(generator),
            sizes.action,
            init_std=config.init_std,
            min_std=config.min_std,
            generator=generator,
        )

    @cached_property
    def adam(self) -> torch.optim.Adam:
        return adam(self.network.parameters(), self.config.learning_rate)

    @property
    def memory(self) -> Memory:
        return self.network.memory

    def act(
        self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None
    ) -> tuple[DiagonalGaussian, Belief]:
        distribution, _, state = self.network(*self.network_input(belief, policy_input))
        shape = policy_input.reward.shape
        # [1, world, action] -> [task, episode, action]; a parameter that all worlds share stays as it is
        distribution = tree_map(lambda value: value.view(*shape, -1) if value.ndim == 3 else value, distribution)
        return distribution, self.updated(belief, policy_input, state)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.adam]

    def distributions(self, trial: Trial) -> DiagonalGaussian:
        inputs = self.trial_inputs(Timeline(trial.rollouts), trial)
        return self.network(inputs, self.state_before(trial))[0]  # [time, trial, action]

    def update(self, trial: Trial, generator: torch.Generator, anchor: Anchor | None = None) -> dict[str, float]:
        # A_t = GAE over the whole trial: information from one episode is worth the rewards of the next ones
        # for each epoch, for each minibatch of sequences: Adam on the loss of PPO, each sequence in one call
        config = self.config
        anchored = anchored_at(trial, anchor)
        data, weight = self._sequences(trial, anchored), anchor.weight if anchor else 0.0
        loss, rows = partial(self._loss, data, weight), Rows(data.counts, tasks=1)
        parameters = list(self.network.parameters())
        sums: dict[str, float] = {}
        for _ in range(config.epochs):
            for batch in rows.minibatches(config.minibatches, generator):
                sums, gradient = minibatch_gradients(loss, batch, parameters, shards=config.shards)
                adjust_learning_rate(config, self.adam, sums["kl"])
                step(self.adam, parameters, gradient, config.max_grad_norm)
        self.update_normalizers(trial)
        return {**sums, **exploration(self.network.log_std, self.adam)}

    def _loss(self, data: Sequences, anchor_weight: float, rows: Tensor, steps: Tensor) -> dict[str, Tensor]:
        """The share of some sequences in the loss of a minibatch with that many steps."""
        batch, state, _ = data.select(rows)
        distribution, values, _ = self.network(batch["inputs"], state)
        policy, kl = policy_loss(self.config, distribution, batch["actions"], batch["log_probs"], batch["advantages"])
        loss = policy + self.config.value_weight * (values - batch["targets"]).square()
        weights = batch["mask"] / steps
        losses = {"loss": (loss * weights).sum(), "kl": (kl * weights).sum()}
        if "anchor_mean" not in batch:
            return losses
        anchored = Anchored(DiagonalGaussian(batch["anchor_mean"], batch["anchor_log_std"]), anchor_weight)
        return add_anchor(losses, distribution, anchored, weights)

    @torch.no_grad()
    def _sequences(self, trial: Trial, anchored: Anchored | None = None) -> Sequences:
        """Trials as sequences, cut every ``bptt`` steps."""
        config = self.config
        timeline = Timeline(trial.rollouts)
        x = self.trial_inputs(timeline, trial)
        mask, rewards = timeline.concatenate(lambda r: r.mask), timeline.concatenate(lambda r: r.training_rewards)
        start = self.state_before(trial)
        values, states = run_in_segments(lambda x, state: self.network(x, state)[1:], x, start, config.bptt)
        elapsed = timeline.concatenate(_until_next)
        returns = discounted_returns(rewards.T, config.discount, elapsed.T).T
        self.return_scale.update(masked_moments(returns.square(), mask).mean)
        advantages = generalized_advantages(
            rewards.T / self.return_scale(),
            values.T,
            torch.zeros_like(rewards[0]),
            mask.T,
            discount=config.discount,
            lam=config.gae_lambda,
            elapsed=elapsed.T,
        ).T
        whole = {
            "inputs": x,
            "actions": timeline.concatenate(lambda r: r.actions),
            "log_probs": timeline.concatenate(lambda r: r.distribution.log_prob(r.actions)),
            "advantages": normalize(advantages, mask, per_task=False),
            "targets": advantages + values,
            "mask": mask,
        }
        if anchored is not None:
            mean, log_std = anchored.distribution
            whole |= {"anchor_mean": mean, "anchor_log_std": log_std.expand_as(mean)}
        return cut(whole, states, config.bptt)


def _until_next(rollout: Rollout) -> Tensor:
    """Control steps from each step to the next one in the trial, ``[task, episode, time]``.

    After an episode that ended early, the rest of its time limit counts as steps without reward. Otherwise a fall would
    cost nothing, because the next episode follows at once.
    """
    mask = rollout.mask
    remaining = torch.arange(mask.shape[-1], 0, -1, device=mask.device, dtype=mask.dtype)
    goes_on = torch.cat([mask[..., 1:], torch.zeros_like(mask[..., :1])], dim=-1) > 0
    return torch.where(goes_on, 1.0, remaining)
