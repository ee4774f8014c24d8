"""Observations, actions and initial states that follow from a robot's model."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.draws import normal_like, uniform_like
from robotmeta.envs.family import Columns, State
from robotmeta.errors import UserError

Signals = tuple[tuple[str, str], ...]
"""Name and unit of each quantity."""

_FREE, _BALL = int(mujoco.mjtJoint.mjJNT_FREE), int(mujoco.mjtJoint.mjJNT_BALL)
_SLIDE, _HINGE = int(mujoco.mjtJoint.mjJNT_SLIDE), int(mujoco.mjtJoint.mjJNT_HINGE)
_POSITION = tuple((f"_{axis}", "m") for axis in "xyz")
_ORIENTATION = tuple((f"_orientation_{part}", "1") for part in "wxyz")
_VELOCITY = tuple((f"_{axis}_velocity", "m/s") for axis in "xyz")
_ROTATION = tuple((f"_{axis}_angular_velocity", "rad/s") for axis in "xyz")
_ON_BODIES = (int(mujoco.mjtTrn.mjTRN_SITE), int(mujoco.mjtTrn.mjTRN_BODY))  # such as thrusters
_MUSCLE = int(mujoco.mjtGain.mjGAIN_MUSCLE)
_SIGNALS: dict[int, tuple[Signals, Signals]] = {  # suffix and unit of each entry of a joint's qpos and qvel
    _FREE: (_POSITION + _ORIENTATION, _VELOCITY + _ROTATION),
    _BALL: (_ORIENTATION, _ROTATION),
    _SLIDE: ((("", "m"),), (("_velocity", "m/s"),)),
    _HINGE: ((("", "rad"),), (("_velocity", "rad/s"),)),
}

# -- the robot in its world --------------------------------------------------------------------------------------------


class FloatingBase:
    """The joints that move a robot as a whole. A robot is a tree of bodies with at least one actuator.

    Args:
        model: The model.

    Attributes:
        roots: Root bodies of the trees that actuators drive.
        root: Name of the root body of the tree that the first actuator drives; None without actuators.
        floating: The joints of each robot's root body, if it has a free joint, or a slide joint without an actuator.
        ground: Entries of ``qpos`` that are positions of a robot along the ground.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        data = mujoco.MjData(model)
        mujoco.mj_fwdPosition(model, data)
        driven: set[int] = set()
        roots: list[int] = []
        kinds = np.repeat(model.actuator_trntype, model.actuator_outnum)
        for start, entries, kind in zip(data.moment_rowadr, data.moment_rownnz, kinds, strict=True):
            dofs = data.moment_colind[start : start + entries]
            roots += model.body_rootid[model.dof_bodyid[dofs]].tolist()
            if kind not in _ON_BODIES:
                driven |= set(model.dof_jntid[dofs].tolist())
        free = [joint for joint in range(model.njnt) if model.jnt_type[joint] == _FREE]
        slides = [joint for joint in range(model.njnt) if model.jnt_type[joint] == _SLIDE and joint not in driven]
        bases = {int(model.jnt_bodyid[joint]) for joint in free + slides} & set(roots)
        self.roots = roots
        self.root = model.body(roots[0]).name if roots else None
        self.floating = [joint for joint in range(model.njnt) if model.jnt_bodyid[joint] in bases]
        self.ground: set[int] = set()
        for joint in self.floating:
            address = int(model.jnt_qposadr[joint])
            if joint in free:
                self.ground |= {address, address + 1}
            elif joint in slides and abs(data.xaxis[joint][2]) < 0.5:
                self.ground.add(address)


# -- observations ------------------------------------------------------------------------------------------------------


def joint_signals(model: mujoco.MjModel, called: Callable[[str], str] = str) -> tuple[Signals, Signals]:
    """Returns name and unit of each entry of ``qpos``, and of each entry of ``qvel``.

    Args:
        model: The model.
        called: Returns the name to use for a joint. For ``""``, a signal is named after its axis alone.
    """
    positions: list[tuple[str, str]] = []
    velocities: list[tuple[str, str]] = []
    for joint in range(model.njnt):
        name = called(model.joint(joint).name)
        of_position, of_velocity = _SIGNALS[int(model.jnt_type[joint])]
        positions += [(name + suffix if name else suffix[1:], unit) for suffix, unit in of_position]
        velocities += [(name + suffix if name else suffix[1:], unit) for suffix, unit in of_velocity]
    return tuple(positions), tuple(velocities)


def observed(model: mujoco.MjModel) -> tuple[Signals, Callable[[State, Columns], Tensor]]:
    """Returns the default observations: positions, without those of a robot along the ground, then velocities.

    Returns:
        Name and unit of each observation, and the function that observes them.
    """
    positions, velocities = joint_signals(model)
    ground = FloatingBase(model).ground
    shown = [entry for entry in range(model.nq) if entry not in ground]
    entries = per_device(torch.tensor(shown, dtype=torch.long))

    def observe(state: State, task: Columns) -> Tensor:
        qpos = state["qpos"]
        return torch.cat([qpos[..., entries(qpos.device)], state["qvel"]], dim=-1)

    return (*(positions[entry] for entry in shown), *velocities), observe


# -- actions -----------------------------------------------------------------------------------------------------------


def controlled(model: mujoco.MjModel, robot: str) -> tuple[Signals, Callable[[Tensor], Tensor] | None]:
    """Returns the default actions: [-1, 1] is scaled to the control range of each actuator.

    Args:
        model: The model.
        robot: Name of the model in errors.

    Returns:
        Name of each control, with its range as the unit, and the function from actions to controls; None if they are
        equal. A control has the name of its actuator, with a number if the actuator has several.

    Raises:
        UserError: For a model without actuators, or an actuator without a control range.
    """
    if model.nu == 0:
        driven = [joint for joint in range(model.njnt) if model.jnt_type[joint] in (_SLIDE, _HINGE)]
        joints = ", ".join(model.joint(joint).name for joint in driven)
        ways = f'actuators={{"NAME": motor(force)}} or {{"*": servo(kp=...)}} for its joints: {joints}'
        raise UserError(f"{robot} has no actuators; add some to the file" + (f", or give {ways}" if driven else ""))
    names: list[str] = []
    examples: list[str] = []
    for actuator, count in enumerate(model.actuator_ctrlnum.tolist()):
        name, muscle = model.actuator(actuator).name, model.actuator_gaintype[actuator] == _MUSCLE
        names += [name] if count == 1 else [f"{name}_{number}" for number in range(1, count + 1)]
        examples += ['ctrlrange="0 1"' if muscle else 'ctrlrange="-1 1"'] * min(count, 1)
        examples += ["a velrange or an ffrange"] * (count - 1)
    for name, example, limited in zip(names, examples, model.actuator_ctrllimited, strict=True):
        if not limited:
            raise UserError(f"actuator '{name}' of {robot} has no control range; add one, such as {example}")
    low, high = torch.from_numpy(model.actuator_ctrlrange.copy()).unbind(dim=-1)
    middle, half = per_device((high + low) / 2.0), per_device((high - low) / 2.0)
    signals = tuple((name, f"{a:g} to {b:g}") for name, (a, b) in zip(names, model.actuator_ctrlrange, strict=True))

    def control(action: Tensor) -> Tensor:
        return middle(action.device) + half(action.device) * action.double()

    return signals, None if bool((low == -1.0).all() and (high == 1.0).all()) else control


# -- initial states ----------------------------------------------------------------------------------------------------


def noisy_start(
    model: mujoco.MjModel, noise: float, *, normal_velocity: bool = True
) -> Callable[[State, torch.Generator, Columns], State]:
    """Returns a ``reset`` function: the nominal state with uniform noise on positions and normal noise on velocities.

    Args:
        model: The nominal model.
        noise: Half the range of positions (m, rad), and standard deviation of velocities (m/s, rad/s).
        normal_velocity: Whether the noise on velocities is normal. Otherwise it is uniform, as that on positions.
    """
    turning = {_FREE: 3, _BALL: 0}  # where the quaternion starts in the positions of a joint
    kinds = zip(model.jnt_type.tolist(), model.jnt_qposadr.tolist(), strict=True)
    quaternions = [slice(start + turning[kind], start + turning[kind] + 4) for kind, start in kinds if kind in turning]

    def start(nominal: State, generator: torch.Generator, task: Columns) -> State:
        qpos = nominal["qpos"] + uniform_like(nominal["qpos"], generator, scale=noise, dtype=torch.float32)
        for part in quaternions:
            qpos[..., part] /= qpos[..., part].norm(dim=-1, keepdim=True)
        draw = normal_like if normal_velocity else uniform_like
        qvel = nominal["qvel"]
        return {"qpos": qpos, "qvel": qvel + draw(qvel, generator, scale=noise, dtype=torch.float32)}

    return start
