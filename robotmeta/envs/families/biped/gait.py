"""The clock of a biped's gait, the steps in place that a policy starts from, and the reward for steps in time with it.

After Siekmann et al. 2021, "Sim-to-Real Learning of All Common Bipedal Gaits via Periodic Reward Composition"
(arXiv:2011.01387): a cycle has phases in which a foot should swing or stand. The left foot swings in the first half of
a cycle, the right one in the second half, and both stand in between. Here a cycle takes as long for a robot as its legs
are long, in natural times.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.episode_memory import EpisodeMemory
from robotmeta.envs.families.biped.feet import lift, load, slip, touching
from robotmeta.envs.families.biped.model import KINDS, LEGS
from robotmeta.envs.families.legged.commands.motion import memory
from robotmeta.envs.families.legged.commands.rewards import still
from robotmeta.envs.families.legged.measurements import DT
from robotmeta.envs.families.legged.world import GRAVITY
from robotmeta.envs.family import Columns, State, Transition

CYCLE = 3.0  # natural times, that is 0.76 s for a G1
DOUBLE = 0.25  # size of the clock's sine below which both feet should stand: a sixth of the time
CLEARANCE = 0.08  # leg lengths, height of a swinging foot from which nothing is gained

_COMMANDS = memory(slip)

# -- robot -------------------------------------------------------------------------------------------------------------


def mass(task: Columns) -> Tensor:
    """Mass of a robot with its load, kg, ``[task, 1]``."""
    links = (task[f"{link}_mass"] for link in ("hip", "thigh", "calf", "foot"))
    return task["torso_mass"] + len(LEGS) * sum(links) + task["payload_mass"]


# -- clock -------------------------------------------------------------------------------------------------------------

CLOCK = (("clock_sin", "1, above 0 while the left foot swings"), ("clock_cos", "1"))
"""Name and unit of the clock's observations."""
_CLOCK = slice(-7, -5)  # in an observation; the command and the heading come last


def clock(state: State) -> Tensor:
    """Sine and cosine of the phase, ``[task, episode, 2]``."""
    return torch.stack([state["phase"].sin(), state["phase"].cos()], dim=-1)


def _start(state: State, generator: torch.Generator, task: Columns) -> State:
    begun = _COMMANDS.start(state, generator, task)
    drawn = torch.rand(begun["slip"].shape, generator=generator, dtype=torch.float64)
    return {**begun, "phase": 2.0 * math.pi * drawn.to(begun["slip"])}


def _advance(step: Transition) -> State:
    memory = _COMMANDS.advance(step)
    ahead = 2.0 * math.pi * DT / (CYCLE * memory["units"][..., 2])
    return {**memory, "phase": torch.remainder(step.before["phase"] + ahead, 2.0 * math.pi)}


def _phase(observation: Tensor) -> Tensor:
    sine, cosine = observation[..., _CLOCK].unbind(dim=-1)
    return torch.atan2(sine, cosine)


def _resume(state: State, observation: Tensor, task: Columns) -> State:
    assert _COMMANDS.resume is not None
    resumed = _COMMANDS.resume(state, observation, task)
    return {**resumed, "phase": _phase(observation).to(resumed["slip"])}


def _follow(memory: State, observation: Tensor) -> State:
    assert _COMMANDS.follow is not None
    return {**_COMMANDS.follow(memory, observation), "phase": _phase(observation).to(memory["phase"])}


MEMORY = EpisodeMemory(_start, _advance, resume=_resume, follow=_follow)
"""Commands, heading and the clock."""

# -- reference ---------------------------------------------------------------------------------------------------------

# Found by a search over open-loop gaits on random and on real robots, without a policy.
SWAY, SWAY_AHEAD = {"hip_roll": -0.11, "ankle_roll": -0.18}, 0.23
LIFT, LIFT_AHEAD = {"hip_pitch": -0.08, "knee": 0.17}, 0.09
CROUCH = {"hip_pitch": 0.10, "knee": -0.18, "ankle_pitch": 0.16}
"""Amplitudes in units of an action, by kind of joint, and how far they are ahead of the clock, rad."""


def _of_legs() -> Tensor:
    """Amplitude of each joint for the sway and the lift of each leg, and for the crouch, ``[5, joint]``."""
    one, both = torch.eye(len(LEGS)), torch.ones(1, len(LEGS))
    kinds = (torch.tensor([[part.get(kind, 0.0) for kind in KINDS]]) for part in (SWAY, LIFT, CROUCH))
    return torch.cat([torch.kron(legs, kind) for legs, kind in zip((one, one, both), kinds, strict=True)])


_JOINTS = per_device(_of_legs())


def reference(state: State, task: Columns) -> Tensor:
    """Steps in place in time with the clock, in units of an action, ``[task, episode, joint]``; 0 if told to stand.

    The robot sways from foot to foot and bends the leg that swings.
    """
    phase = state["phase"]
    sway, lift = (phase + SWAY_AHEAD).sin(), (phase + LIFT_AHEAD).sin()
    legs = torch.stack([sway, -sway, lift.clamp(min=0.0), (-lift).clamp(min=0.0), torch.ones_like(phase)], dim=-1)
    return legs @ _JOINTS(phase.device).to(phase) * ~still(state).unsqueeze(-1)


# -- steps -------------------------------------------------------------------------------------------------------------


def stepping(step: Transition) -> Tensor:
    """How well the feet keep time, in [0, 1], ``[task, episode]``; both should stand if a robot is told to stand.

    It is the product over the feet. For a foot that should stand, it is 1 on the ground and 0 in the air. For one that
    should swing, it rises from 0 under half of the robot's weight to 0.5 without load, and to 1 with its height.
    """
    now, task = step.after, step.task
    sine = now["phase"].sin()
    swings = torch.stack([sine > DOUBLE, sine < -DOUBLE], dim=-1) & ~still(step.before).unsqueeze(-1)
    half = (0.5 * GRAVITY * mass(task)).unsqueeze(-1)
    free = (1.0 - load(now) / half).clamp(min=0.0)
    high = (lift(now, task) / CLEARANCE).clamp(0.0, 1.0)
    return torch.where(swings, free * (0.5 + 0.5 * high), touching(now)).prod(dim=-1)
