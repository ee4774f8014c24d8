"""Every family's functions run on the device of the state they are given.

The device ``meta`` stands for a GPU: its tensors have a shape and no numbers, and an operation that mixes them with a
tensor on the CPU raises an error.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from robotmeta.envs import FAMILIES, TaskBatchEnv, make
from robotmeta.envs.family import MujocoWorld, State, Transition

ELSEWHERE = torch.device("meta")


def elsewhere(values: State) -> dict[str, Tensor]:
    return {name: value.to(ELSEWHERE) for name, value in values.items()}


@pytest.mark.parametrize("name", FAMILIES)
def test_functions_of_a_family_keep_their_numbers_on_the_device_of_the_state(name: str) -> None:
    family = make(name)
    env = TaskBatchEnv(family, 2, 3)
    env.load(family.tasks("test", 2))
    env.reset(torch.Generator().manual_seed(0))
    state, task = elsewhere(env.simulator.state), elsewhere(env.tasks.columns())
    action = torch.zeros(2, 3, family.action_size, device=ELSEWHERE)
    remembered: dict[str, Tensor] = {}
    if family.memory is not None:
        remembered = dict(family.memory.start(state, torch.Generator().manual_seed(0), task))
        advanced = family.memory.advance(Transition({**state, **remembered}, action, state, task))
        if family.memory.resume is not None:
            seen = torch.zeros(2, 3, family.observation_size, device=ELSEWHERE)
            advanced = {**advanced, "resumed": family.memory.resume(state, seen, task)["command"]}
        assert all(value.device == ELSEWHERE for value in (*remembered.values(), *advanced.values()))
    state |= remembered
    step = Transition(state, action, state, task)
    results = [family.observe(state, task), family.reward(step), family.terminated(state, task)]
    if family.shaping_reward is not None:
        results.append(family.shaping_reward(step))
    results += [f(state, task) for f in (family.success, family.distance, family.observe_privileged_state) if f]
    results += [measure.of(state, task) for measure in family.measures]
    if isinstance(family.world, MujocoWorld):
        results += [] if family.world.control is None else [family.world.control(action)]
        results += [] if family.world.drive is None else family.world.drive(state, action, task).values()
    for result in results:
        assert result is None or result.device == ELSEWHERE


# These draw an object's place again until it is beside the gripper, which depends on numbers.
REDRAWN = ("fetch-push", "fetch-slide", "fetch-pick-and-place")


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in REDRAWN])
def test_initial_states_are_on_the_device_of_the_nominal_state(name: str) -> None:
    family = make(name)
    env = TaskBatchEnv(family, 2, 3)
    nominal = {n: v.expand(2, 3, -1) for n, v in elsewhere(env.simulator.nominal).items()}
    start = family.reset(nominal, torch.Generator().manual_seed(0), elsewhere(env.tasks.columns()))
    for value in start.values():
        assert value.device == ELSEWHERE
