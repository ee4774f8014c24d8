"""A learner of one's own: its belief is where the reward was highest so far. Training takes a minute or two."""

import torch

import robotmeta as rm
from robotmeta.experience.rollout import Belief, PolicyInput, Rollout, Trial, concatenate_episodes
from robotmeta.metalearners.parallel import moments
from robotmeta.metalearners.ppo import ActorCriticConfig, PPOInputs, adam, ppo_update
from robotmeta.metalearners.protocol import Sizes
from robotmeta.policies import ActorCritic, ReturnScale


class BestPlace(rm.MetaLearner[ActorCriticConfig]):
    Config, adaptation, source = ActorCriticConfig, "by the place where the reward was highest", "own_learner.py"

    def __init__(self, sizes: Sizes, config: ActorCriticConfig, generator: torch.Generator) -> None:
        super().__init__(sizes, config, generator)
        std, least, width = config.init_std, config.min_std, 2 * sizes.observation
        self.network = ActorCritic(width, sizes.action, config.hidden, init_std=std, min_std=least, generator=generator)
        self.scale, self.adam = ReturnScale(), adam(self.network.parameters(), config.learning_rate)

    def begin(self, num_tasks: int, generator: torch.Generator | None = None) -> Belief:
        place = self.normalizer.mean.expand(num_tasks, -1).clone()  # [task, observation]
        return {"place": place, "highest": place.new_full((num_tasks, 1), -1e9)}

    def act(self, belief: Belief, policy_input: PolicyInput, generator: torch.Generator | None = None):
        return self.network(self.inputs(policy_input.observation, belief)), belief

    def adapt(self, belief: Belief, rollout: Rollout) -> Belief:
        rewards = rollout.rewards.masked_fill(rollout.mask == 0, -1e9).flatten(1)  # [task, episode * time]
        highest, step = rewards.max(dim=1, keepdim=True)
        place = rollout.observations.flatten(1, 2).take_along_dim(step.unsqueeze(-1), dim=1).squeeze(1)
        better = highest > belief["highest"]
        return {name: torch.where(better, v, belief[name]) for name, v in (("place", place), ("highest", highest))}

    def update(self, trial: Trial, generator: torch.Generator, anchor: object = None) -> dict[str, float]:
        belief, seen, last = trial.belief, [], []
        for rollout in trial.rollouts:  # one before the adaptation step, one after it
            seen.append(self.inputs(rollout.observations, belief))
            last.append(self.inputs(rollout.last_observations, belief))
            belief = self.adapt(belief, rollout)
        inputs = PPOInputs(torch.cat(seen, dim=1), torch.cat(seen, dim=1), torch.cat(last, dim=1))
        self.normalizer.update(moments(trial.observations()))
        rollout = concatenate_episodes(trial.rollouts)
        return ppo_update(self.config, self.network, self.adam, self.scale, rollout, inputs, generator)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.adam]

    def inputs(self, observation: torch.Tensor, belief: Belief) -> torch.Tensor:
        place = belief["place"].view(len(observation), *[1] * (observation.ndim - 2), -1).expand_as(observation)
        return torch.cat([self.observe(observation), self.observe(place)], dim=-1)


rm.register_learner("best-place", BestPlace)
if __name__ == "__main__":
    small = {"meta_batch": 24, "episodes": 2, "epochs": 6, "learning_rate": 1e-3}
    run = rm.meta_train("cheetah-direction", "best-place", iterations=100, hyper=small, out="runs/best-place")
    print(rm.evaluate(run.policy, tasks=40, episodes=3).verdict())
