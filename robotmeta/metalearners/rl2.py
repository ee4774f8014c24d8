"""RL^2: a recurrent policy that learns to adapt by acting (Duan et al. 2016), trained with PPO."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from robotmeta.envs.family import bounded
from robotmeta.metalearners.parallel import gradients, shares
from robotmeta.metalearners.ppo import PPOConfig, ReturnScale, ppo_loss, step
from robotmeta.metalearners.protocol import MetaLearner, observed
from robotmeta.policies import DiagonalGaussian, RecurrentActorCritic
from robotmeta.returns import discounted_returns, generalized_advantages, normalize
from robotmeta.rollout import Belief, Rollout, Signal


@dataclass(frozen=True)
class RL2Config(PPOConfig):
    """Hyper-parameters of RL^2."""

    meta_batch: int = 32
    """Trials a meta-update, each with a task of its own."""
    episodes: int = 1
    """A trial's episodes follow one another, so each round holds one."""
    rounds: int = 2
    """Episodes of a trial before the last one. Beyond that many the hidden state leaves what was trained."""
    hidden_size: int = 128
    """GRU units."""
    bptt: int = 50
    """Steps that gradients flow back; 0 for the whole trial. Shorter sequences make larger, faster batches."""


class RL2(MetaLearner[RL2Config]):
    """Its belief is the hidden state, kept across the episodes of a trial; adapting is acting."""

    Config = RL2Config

    def __init__(self, observation_size: int, action_size: int, config: RL2Config, generator: torch.Generator) -> None:
        super().__init__(observation_size, action_size, config, generator)
        self.action_size = action_size
        self.return_scale = ReturnScale()
        self.network = RecurrentActorCritic(
            observation_size + action_size + 2,  # and the last reward, and whether an episode starts
            action_size,
            config.hidden_size,
            init_std=config.init_std,
            min_std=config.min_std,
            generator=generator,
        )
        self.adam = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, eps=1e-5)

    def begin(self, num_tasks: int) -> Belief:
        def nothing(size: int) -> Tensor:
            return torch.zeros(num_tasks, 1, size, device=self.device)

        # The last step of an episode is told with the first observation of the next, so that no reward goes unseen.
        return {"hidden": nothing(self.config.hidden_size), "action": nothing(self.action_size), "reward": nothing(1)}

    def act(self, belief: Belief, signal: Signal) -> tuple[DiagonalGaussian, Belief]:
        tasks, episodes = signal.reward.shape
        start = torch.full((tasks, episodes, 1), float(signal.start), device=self.device)
        action, reward = signal.action, signal.reward
        if signal.start:
            action = belief["action"].expand(tasks, episodes, -1)
            reward = belief["reward"].expand(tasks, episodes, -1).squeeze(-1)
        inputs = self._inputs(signal.observation, action, reward, start)
        hidden = belief["hidden"].expand(tasks, episodes, -1).reshape(tasks * episodes, -1)
        distribution, _, hidden = self.network(inputs.view(1, tasks * episodes, -1), hidden)
        mean = distribution.mean.view(tasks, episodes, -1)
        hidden = hidden.view(tasks, episodes, -1)
        if signal.active is not None:
            hidden = torch.where(signal.active.unsqueeze(-1), hidden, belief["hidden"])
        return DiagonalGaussian(mean, distribution.log_std), {**belief, "hidden": hidden}

    def adapt(self, belief: Belief, rollout: Rollout) -> Belief:
        taken = rollout.mask.sum(dim=-1, keepdim=True)
        last = (taken.long() - 1).clamp(min=0)
        action = rollout.actions.gather(2, last.unsqueeze(-1).expand(-1, -1, 1, self.action_size)).squeeze(2)
        reward = rollout.rewards.gather(2, last)
        return {
            **belief,
            "action": torch.where(taken > 0, action, belief["action"]),
            "reward": torch.where(taken > 0, reward, belief["reward"]),
        }

    def schedule(self, episodes: int) -> list[int]:
        return [1] * episodes

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.adam]

    def update(self, trial: list[Rollout], generator: torch.Generator) -> dict[str, float]:
        # A = GAE over the whole trial: what is learnt in one episode pays in the next
        # for each epoch, for each minibatch of trials: Adam on the PPO loss, sequences as one GRU call
        config = self.config
        data = self._sequences(trial)
        parameters = list(self.network.parameters())
        sequences = data["mask"].shape[1]
        size = -(-sequences // config.minibatches)
        sums: dict[str, float] = {}
        for _ in range(config.epochs):
            for chosen in torch.randperm(sequences, generator=generator).to(self.device).split(size):
                steps = data["mask"][:, chosen].sum().clamp(min=1.0)
                parts = [partial(self._loss, data, rows, steps) for rows in shares(chosen, config.shards)]
                sums, found = gradients(parts, parameters)
                step(self.adam, parameters, found, config.max_grad_norm)
        self.normalizer.update(observed(trial))
        return {**sums, "std": self.network.log_std.exp().mean().item()}

    def _loss(self, data: dict[str, Tensor], rows: Tensor, steps: Tensor) -> dict[str, Tensor]:
        """The share of the PPO loss of some sequences, out of a minibatch with that many steps."""
        batch = {name: value[:, rows] for name, value in data.items()}
        distribution, values, _ = self.network(batch["inputs"], batch["hidden"][0])
        loss = ppo_loss(
            self.config,
            distribution,
            batch["actions"],
            batch["log_probs"],
            batch["advantages"],
            values,
            batch["targets"],
            batch["mask"],
        )
        return {"loss": loss * batch["mask"].sum() / steps}

    def _inputs(self, observation: Tensor, action: Tensor, reward: Tensor, start: Tensor) -> Tensor:
        # A drifting scale would change the meaning of a reward during a trial: the logarithm needs none.
        squashed = (reward.sign() * reward.abs().log1p()).unsqueeze(-1)
        return torch.cat([self.normalizer(observation), bounded(action), squashed, start], dim=-1)

    @torch.no_grad()
    def _sequences(self, trial: list[Rollout]) -> dict[str, Tensor]:
        """The trial as sequences ``[time, sequence, ...]``, cut every ``bptt`` steps."""
        config = self.config

        happened = torch.cat([r.mask.flatten(0, 1) for r in trial], dim=1)
        # Padding moves to the end, so that an episode follows the last step of the one before, as it did in acting.
        order = happened.argsort(dim=1, descending=True, stable=True)

        def joined(parts: list[Tensor]) -> Tensor:  # [task, episode, time, ...] each -> [time, trial, ...]
            whole = torch.cat([p.flatten(0, 1) for p in parts], dim=1)
            index = order.view(*order.shape, *(1 for _ in whole.shape[2:])).expand_as(whole)
            return whole.gather(1, index).transpose(0, 1).contiguous()

        def told(value: Tensor) -> Tensor:  # last step's, whichever episode it was in; zero at the trial's start
            return torch.cat([torch.zeros_like(value[:1]), value[:-1]])

        def until_next(r: Rollout) -> Tensor:
            # An episode that ended early stays unpaid up to its time limit: otherwise a fall, which is followed by a
            # fresh start, would cost nothing.
            remaining = torch.arange(r.mask.shape[-1], 0, -1, device=r.mask.device, dtype=r.mask.dtype)
            goes_on = torch.cat([r.mask[..., 1:], torch.zeros_like(r.mask[..., :1])], dim=-1) > 0
            return torch.where(goes_on, 1.0, remaining)

        starts = [torch.zeros_like(r.rewards).unsqueeze(-1) for r in trial]
        for start in starts:
            start[:, :, 0] = 1.0
        mask, rewards, actions = (joined([getattr(r, name) for r in trial]) for name in ("mask", "rewards", "actions"))
        x = self._inputs(joined([r.observations for r in trial]), told(actions), told(rewards), joined(starts))
        log_probs = joined([r.distribution.log_prob(r.actions) for r in trial])
        horizon, trials = mask.shape
        chunk = min(config.bptt or horizon, horizon)
        hidden, values = [x.new_zeros(trials, config.hidden_size)], []
        for piece in x.split(chunk):
            _, value, last = self.network(piece, hidden[-1])
            values.append(value)
            hidden.append(last)
        elapsed = joined([until_next(r) for r in trial])
        self.return_scale.update(discounted_returns(rewards.T, config.discount, elapsed.T).T, mask)
        advantages = generalized_advantages(
            rewards.T / self.return_scale(),
            torch.cat(values).T,
            rewards.new_zeros(trials),
            mask.T,
            discount=config.discount,
            lam=config.gae_lambda,
            elapsed=elapsed.T,
        ).T
        targets = advantages + torch.cat(values)
        whole = {
            "inputs": x,
            "actions": actions,
            "log_probs": log_probs,
            "advantages": normalize(advantages, mask, per_task=False),
            "targets": targets,
            "mask": mask,
        }
        padding = -horizon % chunk  # steps that did not happen, so that all pieces are equally long
        cut = {}
        for name, value in whole.items():
            padded = torch.cat([value, value.new_zeros(padding, *value.shape[1:])])
            cut[name] = torch.cat(padded.split(chunk), dim=1)
        cut["hidden"] = torch.cat(hidden[:-1]).unsqueeze(0)
        # Where episodes end early, most pieces at the end of a trial hold nothing to learn from.
        happened_in = cut["mask"].sum(dim=0) > 0
        return {name: value[:, happened_in] for name, value in cut.items()}
