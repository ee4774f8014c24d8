"""A policy in one world that goes on and on, and in which everything can be changed meanwhile."""

from __future__ import annotations

import numpy as np

from robotmeta.adaptation.worlds import check_tasks
from robotmeta.envs import TaskFamily, Tasks, VendorRobot
from robotmeta.envs.live_world import LiveWorld
from robotmeta.errors import SimulationDiverged, UserError
from robotmeta.experience.rollout import Belief
from robotmeta.policy import Policy
from robotmeta.seeding import streams
from robotmeta.viewing.actor import WatchedActor
from robotmeta.viewing.adaptation_round import AdaptationRound
from robotmeta.viewing.live_episode import LiveEpisode
from robotmeta.viewing.status import Status

PUSH = 0.1
"""Seconds that a push lasts."""


class LiveSession:
    """Adapts a policy to a task as :func:`robotmeta.adapt` does, and goes on, a control step at a time.

    In the adaptation episodes the policy explores. Afterwards it acts by its mean, and each episode starts from the
    belief after them. If the task changes meanwhile, adaptation episodes begin again with the next episode, from the
    belief that the policy has then.

    Args:
        policy: A meta-trained policy, adapted or not.
        task: One task of its family, or a vendor's robot.
        episodes: Number of adaptation episodes.
        seed: Determines initial states and exploration.

    Attributes:
        world: The world.
        family: Its family, which for a vendor's robot is not that of the policy.
        policy: The policy.

    Raises:
        UserError: For another number of tasks than one, fewer than 0 episodes, or a robot of another family.
    """

    def __init__(self, policy: Policy, task: Tasks | VendorRobot, *, episodes: int = 3, seed: int = 0) -> None:
        if episodes < 0:
            raise UserError(f"episodes must be at least 0, not {episodes}")
        self.policy, self._robot = policy, task if isinstance(task, VendorRobot) else None
        self.family, first = _world_of(policy, task)
        if len(first) != 1:
            raise UserError(f"task must be 1 task, not {len(first)}")
        self.world = LiveWorld(self.family, first, oracle=policy.config.hyperparameters.oracle)
        self._episodes, (self._generator, _) = episodes, streams(seed, "adaptation")
        self._actor = WatchedActor(policy.learner, policy.begin(1, self._generator))
        self._round: AdaptationRound | None = None
        self._number, self._returns, self._note = 0, [], ""
        self._pushes = 0  # control steps for which a push still lasts
        self._episode = self._next_episode()
        self.step()

    # -- going on ------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advances one control step; after the end of an episode, the first one of the next."""
        if self._episode.ended is not None:
            self._episode = self._next_episode()
        try:
            self._episode.step()
        except SimulationDiverged as error:
            self._note, self._episode.ended = str(error), "diverged"
            return
        self._end_push()
        if self._episode.ended is not None:
            self._finish()

    def restart(self) -> None:
        """Starts an episode, with its first control step. The one that is running does not count."""
        self._episode = self._next_episode()
        self.step()

    def _next_episode(self) -> LiveEpisode:
        self._number += 1
        self._pushes = 0  # a reset ends all forces
        if self._round is None and self.adapts:
            self._round = AdaptationRound(self.policy.learner, self._episodes, self._actor.belief)
        if self._round is not None:
            self._actor.belief = self._round.belief
        explore = self._round is not None and not self._round.over
        return LiveEpisode(self.world.env, self._actor, self._generator, explore=explore)

    def _finish(self) -> None:
        self._returns.append(self._episode.total_return)
        self._note = ""
        if self._round is not None and not self._round.over:
            self._round.add(self._episode.rollout(), self._actor.belief)
            self._actor.belief = self._round.belief

    # -- the belief ----------------------------------------------------------------------------------------------------

    @property
    def adapts(self) -> bool:
        """Whether the policy adapts. Otherwise its belief is reset at every step."""
        return self._actor.adapts

    @adapts.setter
    def adapts(self, adapts: bool) -> None:
        self._actor.adapts = adapts
        self.reset_belief()

    def reset_belief(self) -> None:
        """Makes the policy forget the task. Adaptation episodes begin with the next episode."""
        self._actor.belief = self.policy.begin(1, self._generator)
        self._round = None

    @property
    def belief(self) -> Belief:
        """The belief now."""
        return self._actor.belief

    # -- the task ------------------------------------------------------------------------------------------------------

    @property
    def task(self) -> Tasks:
        """The task, one row."""
        return self.world.task

    @property
    def truth(self) -> dict[str, float]:
        """True values of the parameters, by name, with those of a vendor's robot as the policy's family has them."""
        return {**(self._robot.row if self._robot else {}), **next(iter(self.task))}

    def set_parameter(self, name: str, value: float | str) -> None:
        """Changes a parameter while the policy acts. The state stays as it is, if it is one of the changed world.

        What naming the parameter sets in a task changes too: to move one command fixes all of them.

        Args:
            name: Name of the parameter.
            value: Its value, or the label of one.

        Raises:
            UserError: For a value that the family refuses. Nothing changes then.
        """
        row = self.task.values.copy()
        parameter = self.family.space[name]
        for column, number in {**parameter.sets, name: parameter.read(value)}.items():
            row[0, self.task.names.index(column)] = number
        fits = self.world.change(Tasks(self.task.names, row))
        self._round, self._returns, self._note = None, [], ""
        if not fits:
            self.restart()
            self._note = f"with {name} changed, bodies would be inside one another: the episode started again"

    def start(self, task: Tasks) -> None:
        """Starts with another task, of which the policy knows nothing.

        Raises:
            UserError: For a task that the family refuses. Nothing changes then.
        """
        self.world.restart(task)
        self._returns, self._note = [], ""
        self.reset_belief()
        self.restart()

    # -- forces --------------------------------------------------------------------------------------------------------

    def push(self, body: int, direction: np.ndarray, newtons: float) -> None:
        """Pushes a body for 0.1 s. With a longer control step, the push is as much weaker.

        Args:
            body: Number of the body.
            direction: Direction in the world's frame, of which the horizontal part counts, ``[3]``.
            newtons: Force.
        """
        steps = max(1, round(PUSH / self.family.dt))
        if self.world.push(body, direction, newtons * PUSH / (steps * self.family.dt)):
            self._pushes, self._note = steps, ""
        else:
            self._note = "a push is horizontal: look at the robot from the side"

    def _end_push(self) -> None:
        self._pushes = max(0, self._pushes - 1)
        if self._pushes == 0 and self.world.pushed:
            self.world.release()

    # -- what it shows -------------------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """What it is doing."""
        episode = self._episode
        return Status(
            self._number,
            episode.steps,
            self.family.horizon,
            episode.total_return,
            episode.success(),
            self._stage(),
            self._note,
            tuple(self._returns),
        )

    def _stage(self) -> str:
        if not self.adapts:
            return "without adaptation"
        if self._round is None:
            return "adaptation begins with the next episode" if self._episodes else "no adaptation episodes"
        number = self._round.done + (self._episode.ended is None)
        if number <= self._round.episodes:
            return f"adaptation episode {number} of {self._round.episodes}"
        return f"after {self._round.episodes} adaptation episode{'s' * (self._round.episodes != 1)}"


def _world_of(policy: Policy, task: Tasks | VendorRobot) -> tuple[TaskFamily, Tasks]:
    """The family of the world, and its task."""
    if not isinstance(task, VendorRobot):
        check_tasks(policy, task)
        return policy.family.of_tasks(task), task
    if task.reads_as != policy.family.name:
        raise UserError(f"{task.name} is read as '{task.reads_as}', and the policy is of '{policy.family.name}'")
    return task.family, task.task
