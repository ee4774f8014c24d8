"""How episodes of the gripper end, and mistakes that are answered in one line."""

from __future__ import annotations

import math

import pytest
import torch

from robotmeta.envs import TaskFamily
from robotmeta.envs.families.gripper.model import HEIGHT, SPEEDS
from robotmeta.errors import UserError
from tests.envs.families.gripping import BUILD, GRASP, PUSH, REACH, SLIDE, acting, worlds


@pytest.mark.parametrize("family", [PUSH, SLIDE, GRASP], ids=lambda family: family.name)
def test_an_object_off_the_table_or_through_it_ends_the_episode_as_a_failure(family: TaskFamily) -> None:
    env = worlds(family, family.task(), episodes=4)
    qpos = env.simulator.state["qpos"]
    qpos[0, 1, -7] = 0.31
    qpos[0, 2, -6] = -0.31
    qpos[0, 3, -5] = -0.05
    fallen = family.terminated(env.simulator.state, env._columns)
    assert fallen is not None
    assert fallen.tolist() == [[False, True, True, True]]
    assert bool(env.step(acting(env)).reward.isfinite().all())
    success = env.success()
    assert success is not None
    assert not bool(success.any())


def test_success_in_reach_is_the_last_half_second_at_the_goal() -> None:
    env = worlds(REACH, REACH.task(goal_x=0.1, goal_y=0.0, goal_z=0.15), episodes=2)
    state = env.simulator.state
    state["qpos"][0, :, :] = torch.tensor([0.1, 0.0, 0.15 - HEIGHT])
    state["qpos"][0, 1, 1] = 0.03
    state["act"][:] = 2.0 * state["qpos"]
    torch.testing.assert_close(env.distance(), torch.tensor([[0.0, 0.03]]))
    reward = torch.zeros(1, 2)
    for t in range(13):
        success = env.success()
        assert success is not None
        assert success[0].tolist() == [t >= 12, False]
        reward = env.step(acting(env)).reward
    assert float(reward[0, 0]) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("family", "close"), [(PUSH, 0.03), (SLIDE, 0.02)], ids=["push", "slide"])
def test_success_in_push_and_slide_is_some_centimetres_from_the_goal(family: TaskFamily, close: float) -> None:
    env = worlds(family, family.task(goal_x=0.1, goal_y=0.05), episodes=3)
    qpos = env.simulator.state["qpos"]
    qpos[0, :, 2:4] = torch.tensor([0.1, 0.05], dtype=torch.float64)
    qpos[0, 1, 2] += close - 0.001
    qpos[0, 2, 3] += close + 0.001
    success = env.success()
    assert success is not None
    assert success[0].tolist() == [True, True, False]
    torch.testing.assert_close(env.distance(), torch.tensor([[0.0, close - 0.001, close + 0.001]]))
    rewards = env.step(acting(env)).reward[0]
    assert rewards[0] > rewards[1] > rewards[2] - 1e-9


@pytest.mark.parametrize(
    ("mistake", "expected"),
    [
        (lambda: GRASP.task(half_width=0.05), r"half_width=0.05 is outside its physical range \[0.008, 0.0376\] m"),
        (lambda: GRASP.task(mass=0.0), r"mass=0 is outside its physical range \[0.01, 5\] kg"),
        (lambda: GRASP.task(mass=float("nan")), "mass=nan is outside"),
        (lambda: GRASP.task(shape=4), "shape is one of box, cylinder, sphere, capsule, not 4"),
        (lambda: GRASP.task(shape=1.5), "shape is one of box, cylinder, sphere, capsule, not 1.5"),
        (lambda: GRASP.task(shape="cone"), r"no shape 'cone'; nearest: cylinder \(also box, sphere, capsule\)"),
        (lambda: GRASP.task(goal_z=0.5), r"goal_z=0.5 is outside its physical range \[0.03, 0.22\] m"),
        (lambda: GRASP.task(offset=1.0), "offset=1 is outside"),
        (lambda: GRASP.task(friction=-0.1), "friction=-0.1 is outside"),
        (lambda: GRASP.task(latency=300), "latency=300 is outside"),
        (lambda: PUSH.task(shape=4), "shape is one of box, cylinder, sphere, capsule, not 4"),
        (lambda: PUSH.task(goal_x=0.4), r"goal_x=0.4 is outside its physical range \[0, 0.25\] m"),
        (lambda: SLIDE.task(goal_x=0.0), r"goal_x=0 is outside its physical range \[0.03, 0.25\] m"),
        (lambda: REACH.task(goal_x=0.3), r"goal_x=0.3 is outside its physical range \[-0.17, 0.17\] m"),
        (lambda: REACH.task(payload=-1.0), "payload=-1 is outside"),
        (
            lambda: worlds(REACH, REACH.task(strength=0.35, payload=1.5)),
            "payload=1.5 is too heavy: a hand with strength=0.35 can hold 0.892 kg",
        ),
    ],
)
def test_what_cannot_be_is_answered_in_one_line(mistake, expected: str) -> None:
    with pytest.raises(UserError, match=expected) as error:
        mistake()
    assert "\n" not in str(error.value)


def test_every_goal_is_within_reach() -> None:
    high = BUILD["reach"].nominal.actuator_actrange[:, 1]
    far = max(abs(bound) for name in ("goal_x", "goal_y") for bound in bounds_of(REACH, name))
    assert math.hypot(far, far) <= SPEEDS["x"] * high[0]  # whichever way the gantry is turned
    assert bounds_of(REACH, "goal_z")[1] - HEIGHT <= SPEEDS["z"] * high[2]
    highest = bounds_of(GRASP, "goal_z")[1] + bounds_of(GRASP, "aspect")[1] * bounds_of(GRASP, "half_width")[1]
    assert highest - HEIGHT <= SPEEDS["z"] * BUILD["grasp"].nominal.actuator_actrange[2, 1]


def bounds_of(family: TaskFamily, name: str) -> tuple[float, float]:
    return next(p.bounds for p in family.space if p.name == name)
