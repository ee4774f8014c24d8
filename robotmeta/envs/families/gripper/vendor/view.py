"""A vendor's arm as the family sees it: a hand on a gantry. Actions become targets of joints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.devices import reads_at_once
from robotmeta.envs.families import objects
from robotmeta.envs.families.gripper.hand import DT, HAND, servo_targets, turned
from robotmeta.envs.families.gripper.model import HEIGHT, OPENING, SPEEDS
from robotmeta.envs.families.gripper.vendor.chain import Arm
from robotmeta.envs.families.gripper.vendor.kinematics import Chain
from robotmeta.envs.families.gripper.vendor.world import PREFIX, SIDES, closure_offset
from robotmeta.envs.family import Columns, State, TaskFamily, Transition

_SEEN = ("qpos", "qvel", "act", "sensordata")
"""What the family's state is made from."""
_STEPS, _AT_START = 2, 25  # of inverse kinematics, in a control step and at the start of an episode


@dataclass(frozen=True)
class View:
    """Turns the state of the vendor's model into that of the family's, and the family's actions into controls.

    Attributes:
        chain: The arm's kinematics at the table.
        home: Positions of the joints with the hand above the table, ``[joint]``.
        axes: The family's actuators.
        ranges: The ranges of their activations, ``[2, axis]``.
        joints: Where the arm's joints are in ``qpos`` and in ``qvel``, ``[2, joint]``.
        fingers: Likewise the slides of the fingers, ``[2, 2]``; None without a gripper.
        opened: Their positions at which the gripper is widest, m, ``[2]``.
        signs: Whether each finger closes toward larger positions, ``[2]``.
        offset: The family's closure minus that of the slides, m.
        widest: The family's closure with the gripper open as far as it goes, m.
        thing: Where the object begins in ``qpos`` and ``qvel``; None without one.
        sides: Which readings of touch belong to the left finger, and which to the right, ``[2, reading]``.
    """

    chain: Chain
    home: Tensor
    axes: tuple[str, ...]
    ranges: Tensor
    joints: Tensor
    fingers: Tensor | None
    opened: Tensor
    signs: Tensor
    offset: float
    widest: float
    thing: tuple[int, int] | None
    sides: Tensor

    @classmethod
    def of(cls, world: mujoco.MjModel, model: mujoco.MjModel, arm: Arm, chain: Chain, home: Tensor) -> View:
        """The view of an arm.

        Args:
            world: The family's world with the arm.
            model: The vendor's model.
            arm: Its arm.
            chain: Its kinematics at the table.
            home: Positions of its joints.
        """
        axes = tuple(name for i in range(world.nu) if not (name := world.actuator(i).name).startswith(PREFIX))
        gripper = arm.fingers if "fingers" in axes else None
        names = [mujoco.mj_id2name(world, int(mujoco.mjtObj.mjOBJ_SENSOR), i) for i in range(world.nsensor)]
        thing = mujoco.mj_name2id(world, int(mujoco.mjtObj.mjOBJ_BODY), objects.BODY)
        free = int(world.body_jntadr[thing])
        return cls(
            chain=chain,
            home=home,
            axes=axes,
            ranges=torch.tensor(world.actuator_actrange[: len(axes)].T.copy()),
            joints=_places(world, model, arm.joints),
            fingers=None if gripper is None else _places(world, model, gripper.joints),
            opened=torch.tensor([0.0, 0.0] if gripper is None else gripper.opened, dtype=torch.float64),
            signs=torch.tensor([1.0, 1.0] if gripper is None else gripper.signs, dtype=torch.float64),
            offset=0.0 if gripper is None else closure_offset(gripper),
            widest=0.0 if gripper is None else max(0.0, OPENING - gripper.opening),
            thing=(int(world.jnt_qposadr[free]), int(world.jnt_dofadr[free])) if thing >= 0 else None,
            sides=torch.tensor([[n.startswith(side) for n in names] for side in SIDES], dtype=torch.float64),
        )

    # -- states --------------------------------------------------------------------------------------------------------

    def state(self, state: State, task: Columns) -> State:
        """The family's state: the hand as a gantry's, in the frame of its motion."""
        return {**state, **self._seen(state, task)}

    def _seen(self, state: State, task: Columns) -> State:
        """What the family's state has instead of the vendor's."""
        qpos, qvel = state["qpos"], state["qvel"]
        angle = _turn(task, qpos)
        place, axes, jacobian = self.chain.hand(qpos[..., self.joints[0]])
        moving = (jacobian @ qvel[..., self.joints[1], None]).squeeze(-1)
        place, linear = turned(place, -angle), turned(moving[..., :3], -angle)
        height = torch.cat([place[..., :2], place[..., 2:] - HEIGHT], dim=-1)
        hand, speed = [height], [linear]
        if len(self.axes) == len(HAND):
            hand.append(torch.atan2(axes[..., 1, 0], axes[..., 0, 0]).unsqueeze(-1))
            speed.append(moving[..., 5:])
        if self.fingers is not None:
            closed = (qpos[..., self.fingers[0]] @ self.signs + self.offset).unsqueeze(-1)
            closing = (qvel[..., self.fingers[1]] @ self.signs).unsqueeze(-1)
            hand.append((closed / 2.0).expand(*closed.shape[:-1], 2))
            speed.append((closing / 2.0).expand(*closing.shape[:-1], 2))
        if self.thing is not None:
            hand.append(qpos[..., self.thing[0] : self.thing[0] + 7])
            speed.append(qvel[..., self.thing[1] : self.thing[1] + 6])
        act = state["act"][..., : len(self.axes)]
        touch = {"sensordata": state["sensordata"] @ self.sides.T} if "sensordata" in state else {}
        return {"qpos": torch.cat(hand, dim=-1), "qvel": torch.cat(speed, dim=-1), "act": act, **touch}

    def start(self, family: TaskFamily) -> Callable[[State, torch.Generator, Columns], State]:
        """The family's initial states, for the vendor's model."""
        positions = len(self.axes) + (2 if self.fingers is not None else 0) - ("fingers" in self.axes)

        def start(nominal: State, generator: torch.Generator, task: Columns) -> State:
            qpos, qvel = nominal["qpos"].clone(), nominal["qvel"]
            thing = 0 if self.thing is None else 7
            blank = qpos.new_zeros(*qpos.shape[:-1], positions + thing)
            drawn = family.reset({"qpos": blank, "qvel": blank[..., : positions + max(thing - 1, 0)]}, generator, task)
            act = drawn["act"].clone()
            to, yaw = self._wanted(act, task)
            joints = self.chain.reached(self.home.expand(*to.shape[:-1], -1), to, yaw, self.home, _AT_START)
            qpos[..., self.joints[0]] = joints
            if self.fingers is not None:
                qpos[..., self.fingers[0]] = self._open_fingers()
                act[..., self.axes.index("fingers")] = self.opened_activation
            if self.thing is not None:
                qpos[..., self.thing[0] : self.thing[0] + 7] = drawn["qpos"][..., -7:]
            return {"qpos": qpos, "qvel": qvel, "act": torch.cat([act, joints], dim=-1)}

        return start

    def at_home(self, qpos: np.ndarray) -> np.ndarray:
        """Positions of all joints with the arm at home and the gripper open, ``[qpos]``."""
        home = qpos.copy()
        home[self.joints[0].numpy()] = self.home.numpy()
        if self.fingers is not None:
            home[self.fingers[0].numpy()] = self._open_fingers().numpy()
        return home

    @property
    def opened_activation(self) -> float:
        """The activation of the fingers' actuator at which the gripper is open."""
        return self.widest / SPEEDS["fingers"]

    def _open_fingers(self) -> Tensor:
        """Positions of the open fingers, m, ``[2]``. The family's open 8 cm at most."""
        closed = self.widest - self.offset - float(self.opened @ self.signs)
        return self.opened + self.signs * closed / 2.0

    # -- actions -------------------------------------------------------------------------------------------------------

    def drive(self, state: State, action: Tensor, task: Columns) -> State:
        """Controls of an action: rates of the targets of the hand, and those of the joints that follow them."""
        axes = len(self.axes)
        act, joints, before = state["act"][..., :axes], state["act"][..., axes:], state["ctrl"][..., :axes]
        late = (1e-3 * task["latency"]).clamp(max=DT).unsqueeze(-1)  # the control of the step before acts so long
        after = (act + late * before + (DT - late) * action).clamp(self.ranges[0], self.ranges[1])
        to, yaw = self._wanted(after, task)
        moved = self.chain.reached(joints, to, yaw, self.home, _STEPS) - joints
        return {"ctrl": torch.cat([action.to(moved), moved / DT], dim=-1)}

    def _wanted(self, act: Tensor, task: Columns) -> tuple[Tensor, Tensor]:
        """Place of the hand, m ``[..., 3]``, and its turn, rad ``[...]``, at the targets."""
        targets = servo_targets({"act": act}, self.axes)
        place = turned(targets[..., :3], _turn(task, act))
        yaw = targets[..., 3] if len(self.axes) == len(HAND) else torch.zeros_like(place[..., 0])
        return torch.cat([place[..., :2], place[..., 2:] + HEIGHT], dim=-1), yaw

    # -- functions -----------------------------------------------------------------------------------------------------

    def functions(self, family: TaskFamily) -> dict[str, Callable[..., Tensor | None]]:
        """The family's functions, for the state of the vendor's model."""
        view = _Latest(self._seen)

        def seeing(function: Callable[..., Tensor | None]) -> Callable[..., Tensor | None]:
            return lambda state, task: function(view(state, task), task)

        def reward(step: Transition) -> Tensor:
            before, after = view(step.before, step.task), view(step.after, step.task)
            return family.reward(Transition(before, step.action, after, step.task))

        named = [n for n in ("observe", "terminated", "success", "distance") if getattr(family, n) is not None]
        return {"reward": reward, **{name: seeing(getattr(family, name)) for name in named}}


class _Latest:
    """Makes the family's states, and keeps the last two: those before and after a control step.

    Reward, observation, success and end of a step all ask for them, and the kinematics of the arm take time. On a GPU
    nothing is kept, because to compare states is to wait for it.

    Args:
        seen: ``(state, task) -> what the family's state has instead``.
    """

    def __init__(self, seen: Callable[[State, Columns], State]) -> None:
        self._seen = seen
        self._made: list[tuple[Sequence[Tensor], State]] = []

    def __call__(self, state: State, task: Columns) -> State:
        """The family's state."""
        if not reads_at_once(state["qpos"].device):
            return {**state, **self._seen(state, task)}
        given = [value for name, value in state.items() if name in _SEEN] + [_turn(task, state["qpos"])]
        for of, made in self._made:
            if len(of) == len(given) and all(map(torch.equal, of, given)):
                return {**state, **made}
        made = self._seen(state, task)
        self._made = [*self._made[-1:], ([value.clone() for value in given], made)]
        return {**state, **made}


def _turn(task: Columns, like: Tensor) -> Tensor:
    """The turn of the axes of the hand's motion, rad ``[task, 1]``."""
    return task["gantry_turn"] if "gantry_turn" in task else like.new_zeros(1, 1)


def _places(world: mujoco.MjModel, model: mujoco.MjModel, joints: Sequence[int]) -> Tensor:
    """Where joints of the vendor's model are in ``qpos`` and ``qvel`` of the world, ``[2, joint]``."""
    ours = [world.joint(PREFIX + model.joint(joint).name).id for joint in joints]
    return torch.tensor([world.jnt_qposadr[ours].tolist(), world.jnt_dofadr[ours].tolist()])
