"""MuJoCo Warp on the CPU: the physics of the CPU simulator, in single precision."""

from __future__ import annotations

import dataclasses
import math

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("mujoco_warp", reason="MuJoCo Warp is not installed: pip install 'robotmeta[gpu]'")

import robotmeta as rm
from robotmeta.bench.agreement import agreement
from robotmeta.envs import Choice, Parameter, ParameterSpace, TaskBatchEnv, TaskFamily, make
from robotmeta.envs.edits import ModelEdit
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.simulators import check_simulator
from robotmeta.envs.simulators.warp_fields import ModelFields
from robotmeta.errors import UserError

pytestmark = pytest.mark.slow  # the kernels of a model are compiled at its first use

ALL_POSITIONS = 1e-4  # of the difference relative to the size of the number plus one, after a control step
MANY_POSITIONS = 1e-5
MANY = 0.95


def worlds(name: str, tasks: int = 2, episodes: int = 3, simulator: str = "mujoco-warp") -> TaskBatchEnv:
    env = TaskBatchEnv(make(name), tasks, episodes, simulator=simulator)
    env.load(env.family.tasks("test", tasks))
    env.reset(torch.Generator().manual_seed(0))
    return env


def actions(env: TaskBatchEnv, steps: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.rand(steps, env.num_tasks, env.num_episodes, env.action_size, generator=generator) - 1.0


@pytest.mark.parametrize("name", ["cheetah-dynamics", "reach"])
def test_a_control_step_is_that_of_the_cpu_from_the_same_states(name: str) -> None:
    found = agreement(make(name), "mujoco-warp")
    assert found.states >= 90
    assert found.within(MANY_POSITIONS) >= MANY
    assert found.within(ALL_POSITIONS) == 1.0
    assert found.termination == 1.0


def test_each_task_has_its_own_heightfield() -> None:
    # Warp keeps fewer contacts with a heightfield than MuJoCo on the CPU, so it is compared with itself.
    both = worlds("cheetah-terrain")
    alone = TaskBatchEnv(both.family, 1, 3, simulator="mujoco-warp")
    for task in (0, 1):
        alone.load(both.tasks[task : task + 1])
        alone.start(both.simulator.full_state[task : task + 1])
        state = both.snapshot()
        for action in actions(both, 15):
            both.step(action)
            alone.step(action[task : task + 1])
        found = (both.simulator.state["qpos"][task], alone.simulator.state["qpos"][0])
        assert torch.allclose(*found, atol=1e-4)
        both.restore(state)


def test_an_episode_is_near_that_of_the_cpu() -> None:
    ours, theirs = worlds("cheetah-dynamics"), worlds("cheetah-dynamics", simulator="mujoco")
    for action in actions(ours, 10):
        one, other = ours.step(action), theirs.step(action)
        torch.testing.assert_close(one.reward, other.reward, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(ours.simulator.state["qpos"].double(), theirs.simulator.state["qpos"], atol=1e-3, rtol=0)


def test_worlds_that_are_not_active_stay_as_they_are() -> None:
    env = worlds("cheetah-direction")
    active = torch.tensor([[True, False, True], [False, True, True]])
    before = {name: value.clone() for name, value in env.simulator.state.items()}
    for action in actions(env, 3):
        env.step(action, active)
    for name, value in env.simulator.state.items():
        assert torch.equal(value[~active], before[name][~active])
        assert not torch.isclose(value[active], before[name][active]).all(dim=-1).any()


def test_a_world_that_diverges_is_reported_and_harms_no_other() -> None:
    env, whole = worlds("cheetah-direction"), worlds("cheetah-direction")
    env.simulator.state["qvel"][0, 1] = math.nan
    other = torch.ones(2, 3, dtype=torch.bool)
    other[0, 1] = False
    for number, action in enumerate(actions(env, 3)):
        diverged = env.step(action).diverged
        whole.step(action)
        assert (diverged is not None and diverged.tolist() == (~other).tolist()) if number == 0 else diverged is None
        for name, value in env.simulator.state.items():
            assert bool(value.isfinite().all())
            torch.testing.assert_close(value[other], whole.simulator.state[name][other])


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    env = worlds("reach")  # its controls are delayed
    first, second = actions(env, 4), actions(env, 4, seed=2)
    for action in first:
        env.step(action)
    snapshot = env.snapshot()
    results = []
    for _ in range(2):
        results.append(torch.stack([env.step(action).observation for action in second]))
        env.restore(snapshot)
    torch.testing.assert_close(results[0], results[1])


def test_a_reset_forgets_the_time_and_delayed_controls() -> None:
    env = worlds("reach")
    first = torch.stack([env.step(action).observation for action in actions(env, 4)])
    env.reset(torch.Generator().manual_seed(0))
    assert torch.equal(first, torch.stack([env.step(action).observation for action in actions(env, 4)]))


def test_states_of_the_cpu_are_states_here() -> None:
    ours, theirs = worlds("quadruped"), worlds("quadruped", simulator="mujoco")
    for action in actions(theirs, 3):
        theirs.step(action)
    ours.start(theirs.simulator.full_state.float())
    torch.testing.assert_close(ours.simulator.full_state.double(), theirs.simulator.full_state, atol=1e-3, rtol=1e-5)


# -- what cannot be done -----------------------------------------------------------------------------------------------

BALLS = """
<mujoco>
  {size}
  <option solver="{solver}"/>
  <worldbody>
    <geom name="floor" type="plane" size="1 1 1"/>
    <body name="cart" pos="0 0 .1">
      <joint name="slide" type="slide" axis="1 0 0"/>
      <joint name="fall" type="slide" axis="0 0 1"/>
      <geom name="one" type="box" size=".1 .1 .1"/>
      <geom name="other" type="box" size=".1 .1 .1" pos=".3 0 0"/>
    </body>
  </worldbody>
  <actuator><motor name="push" joint="slide" ctrlrange="-1 1"/></actuator>
</mujoco>
"""


def cart(edit: ModelEdit | None = None, *, size: str = "", solver: str = "Newton") -> TaskFamily:
    """The family of a cart of two boxes on a floor. Its parameter changes the model by the edit."""
    family = make("cheetah-direction")
    edits = () if edit is None else (edit,)
    kind = Parameter("kind", "kind of cart", train=Choice((0.0, 1.0)), nominal=0.0, bounds=(0.0, 1.0), edits=edits)
    xml = BALLS.format(size=size, solver=solver)
    return dataclasses.replace(
        family,
        name="cart",
        space=ParameterSpace((kind,)),
        world=MujocoWorld(lambda: mujoco.MjSpec.from_string(xml), frame_skip=2),
        observations=(("x", "m"),),
        actions=(("push", "N"),),
        reset=lambda nominal, generator, task: nominal,
        observe=lambda state, task: state["qpos"][..., :1],
        reward=lambda step: step.after["qpos"][..., 0],
    )


def test_a_field_that_cannot_differ_from_task_to_task_is_named() -> None:
    def round_off(model: mujoco.MjModel, value: float, row: object) -> None:
        if value:
            model.geom("one").type = int(mujoco.mjtGeom.mjGEOM_SPHERE)

    family = cart(ModelEdit(round_off))
    with pytest.raises(UserError, match=r"family 'cart' does not run on mujoco-warp: .* the same geom_type; use"):
        check_simulator(family, "mujoco-warp")
    assert check_simulator(family, "auto") == "mujoco"


def test_an_option_may_differ_from_task_to_task() -> None:
    def lighten(model: mujoco.MjModel, value: float, row: object) -> None:
        model.opt.gravity[2] *= 1.0 - value

    env = TaskBatchEnv(cart(ModelEdit(lighten)), 2, 1, simulator="mujoco-warp")
    env.load(dataclasses.replace(env.tasks, values=np.array([[0.0], [1.0]])))
    env.reset(torch.Generator())
    env.simulator.state["qpos"][..., 1] += 1.0
    for _ in range(3):
        env.step(torch.zeros(2, 1, 1))
    assert env.simulator.state["qvel"][:, 0, 1].tolist() == pytest.approx([-6 * 9.81 * 0.002, 0.0])


@pytest.mark.parametrize("name", ["push", "slide"])
def test_a_family_that_needs_double_precision_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"family '{name}' does not run on mujoco-warp: its physics needs double"):
        check_simulator(make(name), "mujoco-warp")


def test_a_solver_that_warp_lacks_is_named() -> None:
    with pytest.raises(UserError, match=r"does not run on mujoco-warp: .*PGS.*; use --simulator mujoco"):
        check_simulator(cart(solver="PGS"), "mujoco-warp")


def test_an_effect_that_warp_ignores_is_named() -> None:
    model = mujoco.MjModel.from_xml_string(BALLS.format(size="", solver="Newton"))
    model.actuator_armature[:] = 0.1  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(UserError, match="ignores actuator_armature"):
        ModelFields(model)


def test_too_little_room_for_contacts_ends_with_the_sizes_to_raise() -> None:
    env = TaskBatchEnv(cart(size='<size nconmax="8" njmax="64"/>'), 2, 2, simulator="mujoco-warp")
    env.reset(torch.Generator())
    env.end_episode()  # each of the two boxes stands on four corners
    env = TaskBatchEnv(cart(size='<size nconmax="4" njmax="64"/>'), 2, 2, simulator="mujoco-warp")
    wrong = r'no room for all contacts.*<size nconmax="8" njmax="128"/>; now they are 4 and 64'
    for _ in range(2):
        env.simulator.step(torch.zeros(2, 2, 1), None)
        with pytest.raises(UserError, match=wrong):
            env.end_episode()
    env.end_episode()  # it was said


def test_a_change_and_a_push_within_an_episode_are_those_of_the_cpu() -> None:
    family = rm.disturbed(make("hopper-dynamics"), pushes=0.5, push_seconds=make("hopper-dynamics").dt)
    family = dataclasses.replace(family, changing=("torso_mass", "push"))
    speeds = []
    for simulator in ("mujoco", "mujoco-warp"):
        env = TaskBatchEnv(family, 1, 2, simulator=simulator)
        env.reset(torch.Generator().manual_seed(0))
        for step in range(4):
            if step == 2:
                env.change(family.task(torso_mass=1.5, push=0.5))
            env.step(torch.full((1, 2, env.action_size), 0.3, device=env.simulator.device))
        speeds.append(env.simulator.state["qvel"].double().cpu())
    assert torch.allclose(*speeds, atol=1e-3)
    assert float(speeds[0][..., 0].abs().max()) > 0.1
