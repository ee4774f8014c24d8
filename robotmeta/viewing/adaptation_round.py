"""Adaptation episodes one after another, with an adaptation step after those that the learner asks for."""

from __future__ import annotations

from robotmeta.experience.rollout import Belief, Rollout, concatenate_episodes
from robotmeta.metalearners import MetaLearner


class AdaptationRound:
    """A number of adaptation episodes of one policy in one task.

    Args:
        learner: The learner.
        episodes: Number of episodes.
        belief: The belief before them.

    Attributes:
        episodes: Number of episodes.
        done: Number of episodes so far.
        belief: The belief that the next episode starts from.
    """

    def __init__(self, learner: MetaLearner, episodes: int, belief: Belief) -> None:
        self._learner, self._counts = learner, learner.schedule(episodes)
        self._rollouts: list[Rollout] = []
        self.episodes, self.done, self.belief = episodes, 0, belief

    @property
    def over(self) -> bool:
        """Whether all episodes are done."""
        return self.done == self.episodes

    def add(self, rollout: Rollout, belief: Belief) -> None:
        """Adapts to an episode, together with others if the learner asks for several an adaptation step.

        Args:
            rollout: The episode.
            belief: The belief at its end.
        """
        self.done += 1
        self._rollouts.append(rollout)
        if len(self._rollouts) == self._counts[0]:
            experience = self._rollouts[0] if len(self._rollouts) == 1 else concatenate_episodes(self._rollouts)
            self.belief = self._learner.adapt(belief, experience)
            self._counts, self._rollouts = self._counts[1:], []
