"""Quadrupeds with commands: what they are told, how heading and rewards follow, and what is measured."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

import robotmeta as rm
from robotmeta.adapters.gymnasium_out import FamilyEnv
from robotmeta.envs import TaskBatchEnv, Tasks, make
from robotmeta.envs.families.legged.commands.motion import SUMS
from robotmeta.envs.families.legged.commands.schedule import FASTER, RANGES, draw
from robotmeta.envs.families.legged.measurements import DT, natural_speed, natural_time
from robotmeta.envs.families.quadruped.commands.family import mass
from robotmeta.envs.family import Transition
from robotmeta.ranks import ALONE, Rank
from tests.vendor_robots import Vendor

FAMILY = make("quadruped-commands")
NAMES = [name for name, _ in FAMILY.observations]
COMMANDS = slice(NAMES.index("command_x"), NAMES.index("command_yaw") + 1)
SINE = NAMES.index("heading_error_sin")
GO2 = FAMILY.task().columns()
SPEED, TIME = float(natural_speed(GO2)), float(natural_time(GO2))


def begun(tasks: Tasks, episodes: int = 1, rank: Rank = ALONE) -> tuple[TaskBatchEnv, Tensor]:
    env = TaskBatchEnv(FAMILY, len(tasks) // rank.count, episodes, rank=rank)
    env.load(tasks)
    return env, env.reset(torch.Generator().manual_seed(0))


def moved(env: TaskBatchEnv, *, x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> Transition:
    """A step in which a robot is carried along, in natural units, in its heading frame, with joints that rest."""
    assert FAMILY.memory is not None
    before = {name: value.clone() for name, value in env.state.items()}
    after = {name: value.clone() for name, value in env.simulator.state.items()}
    heading = 2.0 * math.atan2(float(before["qpos"][0, 0, 6]), float(before["qpos"][0, 0, 3]))
    ahead = heading + yaw / TIME * DT
    speed = SPEED * torch.tensor([x * math.cos(ahead) - y * math.sin(ahead), x * math.sin(ahead) + y * math.cos(ahead)])
    after["qpos"][..., :2] += DT * speed
    after["qpos"][..., 3:7] = torch.tensor([math.cos(ahead / 2.0), 0.0, 0.0, math.sin(ahead / 2.0)])
    after["qvel"][:] = 0.0
    after["qvel"][..., :2] = speed
    after["qvel"][..., 5] = yaw / TIME
    env.simulator.state["qpos"].copy_(after["qpos"])
    step = Transition(before, torch.zeros(1, 1, 12), after, GO2)
    env._episode.memory = FAMILY.memory.advance(step)
    return Transition(before, step.action, {**after, **env._episode.memory}, GO2)


# -- commands ----------------------------------------------------------------------------------------------------------


def test_commands_are_within_their_ranges_and_a_good_share_stands() -> None:
    commands, begins = draw((1, 4000), torch.Generator().manual_seed(0), GO2)
    sizes = commands.abs()
    for axis, (low, high) in enumerate(RANGES):
        asked = sizes[..., axis][sizes[..., axis] > 0.0]
        assert low <= float(asked.min()) < float(asked.max()) <= high
    stands = (sizes == 0.0).all(dim=-1).double().mean()
    assert float(stands) == pytest.approx(0.15, abs=0.02)
    straight = (sizes[..., 0] > 0.0) & (sizes[..., 1:] == 0.0).all(dim=-1)
    assert float(straight.double().mean()) == pytest.approx(0.25, abs=0.02)
    assert 100 <= float(begins[..., 0].min()) < float(begins[..., 0].max()) <= 125
    assert -0.3 <= float(commands[..., 0].min()) < -0.29
    faster, _ = draw((1, 4000), torch.Generator().manual_seed(0), FAMILY.task(commands="faster").columns())
    torch.testing.assert_close(faster, FASTER * commands)


def test_commands_change_within_an_episode_and_are_the_same_for_a_seed_on_any_number_of_ranks() -> None:
    tasks = FAMILY.tasks("test", 4)
    env, first = begun(tasks, 2)
    for number in range(2):
        assert torch.equal(begun(tasks, 2, Rank(number, 2))[1], first[2 * number : 2 * number + 2])
    seen = [first[..., COMMANDS]]
    for _ in range(126):
        seen.append(env.step(torch.zeros(4, 2, 12)).observation[..., COMMANDS])
    changes = (torch.stack(seen)[1:] != torch.stack(seen)[:-1]).any(dim=-1)
    times, *_ = changes.nonzero(as_tuple=True)
    assert 3 <= len(times) <= 8
    assert 99 <= int(times.min()) < int(times.max()) <= 124


def test_a_named_command_fixes_all_three() -> None:
    env, first = begun(FAMILY.task(command_x=0.25, command_yaw=-0.1))
    expected = torch.tensor([0.25, 0.0, -0.1])
    torch.testing.assert_close(first[0, 0, COMMANDS], expected)
    seen = [env.step(torch.zeros(1, 1, 12)).observation for _ in range(130)]
    torch.testing.assert_close(seen[-1][0, 0, COMMANDS], expected)
    assert next(iter(FAMILY.task(robot="spot", command_x=0.0)))["commands"] == 1.0
    assert next(iter(FAMILY.task(robot="spot")))["commands"] == 0.0
    assert next(iter(FAMILY.task(commands="faster", command_x=0.3)))["commands"] == 2.0


def test_networks_do_not_infer_what_they_are_told() -> None:
    assert not {"commands", "command_x", "command_y", "command_yaw"} & set(FAMILY.inferred.names)
    assert FAMILY.encoding.size == make("quadruped").encoding.size - 1


# -- heading and rewards -----------------------------------------------------------------------------------------------


def test_the_heading_error_is_positive_where_the_robot_must_turn_left() -> None:
    env, _ = begun(FAMILY.task(command_x=0.3))
    error = moved(env, x=0.3, yaw=-0.2).after["heading_error"]  # it turned right
    assert float(error) == pytest.approx(0.2 * DT / TIME)
    assert float(env._observation()[0, 0, SINE]) == pytest.approx(math.sin(0.2 * DT / TIME), rel=1e-5)
    env, _ = begun(FAMILY.task(command_yaw=0.2))
    for _ in range(3):
        error = moved(env).after["heading_error"]  # it should turn left and does not
    assert float(error) == pytest.approx(3 * 0.2 * DT / TIME)
    for _ in range(200):
        error = moved(env).after["heading_error"]
    assert float(error) == 1.0


def test_a_robot_that_turns_all_the_way_round_keeps_its_heading() -> None:
    env, _ = begun(FAMILY.task(command_yaw=0.25))
    errors = [float(moved(env, yaw=0.25).after["heading_error"]) for _ in range(280)]
    assert max(map(abs, errors)) < 1e-6
    assert 2.0 * math.pi < 0.25 / TIME * 280 * DT


@pytest.mark.parametrize(
    "command", [{"x": 0.4}, {"x": -0.3}, {"y": 0.2}, {"yaw": -0.2}, {"x": 0.3, "y": 0.1, "yaw": 0.1}]
)
def test_doing_as_told_gives_the_whole_reward_and_standing_a_small_part(command: dict[str, float]) -> None:
    env, _ = begun(FAMILY.task(**{f"command_{axis}": value for axis, value in command.items()}))
    assert float(FAMILY.reward(moved(env, **command))) == pytest.approx(1.0, abs=1e-6)
    env, _ = begun(FAMILY.task(**{f"command_{axis}": value for axis, value in command.items()}))
    assert float(FAMILY.reward(moved(env))) < 0.2


def test_a_robot_told_to_stand_gets_the_reward_for_that_alone() -> None:
    env, _ = begun(FAMILY.task(commands="fixed"))
    assert float(FAMILY.reward(moved(env))) == pytest.approx(0.1 + 0.9 / 3.0, abs=1e-6)
    env, _ = begun(FAMILY.task(commands="fixed"))
    assert float(FAMILY.reward(moved(env, x=0.1))) == pytest.approx(0.1 + 0.3 * 0.1**0.16, abs=1e-6)


def test_speed_and_turning_pay_each_before_the_other_one_is_right() -> None:
    told = {"command_x": 0.4, "command_yaw": 0.2}
    straight, turning = (begun(FAMILY.task(**told))[0] for _ in range(2))
    behind = 0.5 + 0.5 * 0.1 ** ((0.2 * DT / TIME / 0.5) ** 2)
    assert float(FAMILY.reward(moved(straight, x=0.3))) == pytest.approx(0.1 + 0.9 * 0.375 * behind, abs=1e-6)
    assert float(FAMILY.reward(moved(turning, yaw=0.1))) > 0.1 + 0.2


def test_the_critic_knows_the_next_command_before_the_robot() -> None:
    env, first = begun(FAMILY.tasks("test", 4), 2)
    names = [name for name, _ in FAMILY.privileged_state]
    next_in, told = names.index("next_command_in"), slice(names.index("next_command_x"), len(names))
    foretold = env.privileged_state()
    before = first[..., COMMANDS]
    for step in range(1, 126):
        seen = env.step(torch.zeros(4, 2, 12)).observation[..., COMMANDS]
        changed = (seen != before).any(dim=-1)
        assert torch.equal(foretold[changed][:, told], seen[changed])
        assert foretold[changed][:, next_in].tolist() == pytest.approx([DT] * int(changed.sum()))
        foretold, before = env.privileged_state(), seen
        assert float(foretold[..., next_in].min()) > 0.0, step


def test_the_reward_by_hand() -> None:
    env, _ = begun(FAMILY.task(command_x=0.4))
    step = moved(env, x=0.3, y=0.1, yaw=0.2)
    across, turning, astray = (0.1 ** ((v / m) ** 2) for v, m in ((0.1, 0.25), (0.2, 0.4), (0.2 * DT / TIME, 0.5)))
    tracking = 0.75 * across * turning * (0.5 + 0.5 * astray)
    assert float(FAMILY.reward(step)) == pytest.approx(0.1 + 0.9 * tracking, abs=1e-6)


@pytest.mark.parametrize(("slip", "left"), [(0.05, 0.875), (0.1, 0.75), (0.2, 0.5), (1.0, 0.5)])
def test_slipping_feet_cost_up_to_half_of_what_tracking_brings(slip: float, left: float) -> None:
    env, _ = begun(FAMILY.task(command_x=0.3))
    feet = env.simulator.state["sensordata"].view(1, 1, 4, 7)
    feet[:] = 0.0
    feet[..., :2, 0], feet[..., :2, 6] = slip * SPEED, 1.0  # two touch the ground and slide
    feet[..., 2, 0] = 3.0  # one swings
    assert float(FAMILY.reward(moved(env, x=0.3))) == pytest.approx(0.1 + 0.9 * left, abs=1e-5)


def test_no_step_costs_more_than_it_brings() -> None:
    env, _ = begun(FAMILY.tasks("test", 20), 2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(40):
        step = env.step(torch.randn(20, 2, 12, generator=generator).sign())
        alive = ~step.terminated if step.terminated is not None else torch.ones(20, 2, dtype=torch.bool)
        assert float(step.reward[alive].min()) >= 0.0


# -- measures ----------------------------------------------------------------------------------------------------------


def test_measures_of_a_scripted_motion() -> None:
    env, _ = begun(FAMILY.task(command_x=0.3))
    for _ in range(100):
        moved(env, x=0.3, y=0.05)
    found = env.measures()
    assert float(found["error_x"]) == pytest.approx(0.0, abs=1e-6)
    gone = 1.0 - DT / (2.0 * TIME)
    filtered = 0.05 * (1.0 - sum(gone**t for t in range(1, 101)) / 100.0)
    assert float(found["error_y"]) == pytest.approx(filtered, rel=1e-4)
    assert float(found["drift"]) == pytest.approx(100 * DT * 0.05 * SPEED, rel=1e-4)
    assert float(found["action_rate"]) == 0.0


def test_jerk_by_hand() -> None:
    env, _ = begun(FAMILY.task(command_x=0.3))
    assert FAMILY.memory is not None
    state = {name: value.clone() for name, value in env.state.items()}
    state["qvel"][:] = 0.0
    for velocity in (1.0, 2.0, 4.0, 4.0):  # of one joint, gains 1, 1, 2 and 0; the first gain is not compared
        after = {**state, "qvel": state["qvel"].clone()}
        after["qvel"][..., 6] = velocity
        state = {**after, **FAMILY.memory.advance(Transition(state, torch.zeros(1, 1, 12), after, GO2))}
    jerk = next(measure for measure in FAMILY.measures if measure.name == "jerk")
    assert float(jerk.of(state, GO2)) == pytest.approx(math.sqrt((0 + 1 + 4) / 12 / 4) / DT**2, rel=1e-5)


def test_drift_follows_a_curve_and_counts_every_way_from_a_place_to_keep() -> None:
    env, _ = begun(FAMILY.task(command_x=0.3, command_yaw=0.2))
    for _ in range(200):
        moved(env, x=0.25, yaw=0.2)  # slower than told, on the way
    assert float(env.measures()["drift"]) < 0.02
    env, _ = begun(FAMILY.task(commands="fixed"))
    for _ in range(10):
        moved(env, x=0.1)
    assert float(env.measures()["drift"]) == pytest.approx(10 * DT * 0.1 * SPEED, rel=1e-4)


def test_slip_and_energy_by_hand() -> None:
    env, _ = begun(FAMILY.task(command_x=0.3, payload_mass=2.0))
    state = env.simulator.state
    feet = state["sensordata"].view(1, 1, 4, 7)
    feet[:] = 0.0
    feet[..., 0, 0], feet[..., 0, 6] = 0.2, 1.0  # one slides at 0.2 m/s
    feet[..., 1, 4], feet[..., 1, 0], feet[..., 1, 6] = 2.0, 2.0 * 0.1 * 0.213, 1.0  # one rolls
    feet[..., 2, 0] = 3.0  # one swings
    state["actuator_force"][:], state["actuator_velocity"][:] = 0.0, 0.0
    state["actuator_force"][..., :2] = torch.tensor([10.0, -5.0])
    state["actuator_velocity"][..., :2] = torch.tensor([3.0, 2.0])  # the second one brakes
    moved(env, x=0.5)
    found = env.measures()
    assert float(found["foot_slip"]) == pytest.approx(0.2 / SPEED / 2.0, rel=1e-5)
    weight = 9.81 * float(mass(FAMILY.task(payload_mass=2.0).columns()))
    assert float(found["cost_of_transport"]) == pytest.approx(30.0 / (weight * 0.5 * SPEED), rel=1e-4)
    assert weight / 9.81 == pytest.approx(6.921 + 4 * (0.678 + 1.152 + 0.241352) + 2.0)


def test_feet_that_stand_touch_and_do_not_slip() -> None:
    env, _ = begun(FAMILY.task(commands="fixed"))
    for _ in range(50):
        env.step(torch.zeros(1, 1, 12))
    sums = dict(zip(SUMS, env.state["sums"][0, 0].tolist(), strict=True))
    assert sums["contact"] > 3.9 * sums["steps"]
    assert float(env.measures()["foot_slip"]) < 0.01
    assert bool(env.success())
    assert math.isnan(float(env.measures()["cost_of_transport"]))


def test_standing_is_no_success_where_walking_is_told() -> None:
    env, _ = begun(FAMILY.task(command_x=0.3))
    for _ in range(50):
        env.step(torch.zeros(1, 1, 12))
    assert not bool(env.success())


# -- replays and others ------------------------------------------------------------------------------------------------


def test_a_replay_finds_command_and_heading_in_the_observations() -> None:
    env, first = begun(FAMILY.tasks("test", 1), 2)
    generator, seen, states, rewards = torch.Generator().manual_seed(3), [first], [], []
    for _ in range(126):
        states.append(env.simulator.full_state)
        action = 0.3 * torch.randn(1, 2, 12, generator=generator)
        step = env.step(action)
        seen.append(step.observation)
        rewards.append((action, step.reward))
    replay, _ = begun(FAMILY.tasks("test", 1), 2)
    replay.start(states[95], recorded=seen[95])
    for t in range(95, 126):
        step = replay.step(rewards[t][0], recorded=seen[t + 1])
        torch.testing.assert_close(step.observation, seen[t + 1], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(step.reward, rewards[t][1], atol=1e-5, rtol=1e-5)
    assert not torch.equal(seen[95][..., COMMANDS], seen[126][..., COMMANDS])


def test_a_snapshot_goes_on_with_the_same_commands() -> None:
    env, _ = begun(FAMILY.tasks("test", 2))
    for _ in range(90):
        env.step(torch.zeros(2, 1, 12))
    kept = env.snapshot()
    one = [env.step(torch.zeros(2, 1, 12)).observation for _ in range(40)]
    env.restore(kept)
    assert all(torch.equal(env.step(torch.zeros(2, 1, 12)).observation, seen) for seen in one)


def test_the_gymnasium_environment_is_told_the_command() -> None:
    env = FamilyEnv("quadruped-commands", task={"command_y": 0.2})
    seen, _ = env.reset(seed=0)
    assert seen[COMMANDS].tolist() == pytest.approx([0.0, 0.2, 0.0])
    seen, reward, *_ = env.step(env.action_space.sample() * 0.0)
    assert env.observation_space.contains(seen)
    assert 0.0 <= reward < 0.3


@pytest.mark.parametrize("vendor", [Vendor(), Vendor(foot="fixed", flip=(-1, 1, -1), turn=(0.0, 0.0, math.pi / 2))])
def test_a_vendors_robot_is_told_the_command_and_measured(vendor: Vendor, tmp_path: Path) -> None:
    file = tmp_path / "robot.xml"
    file.write_text(vendor.xml())
    robot = rm.read_robot(file, "quadruped-commands").under(command_x=0.3, command_yaw=0.1)
    assert robot.reads_as == "quadruped-commands"
    env = TaskBatchEnv(robot.family, 1, 1)
    env.load(robot.task)
    first = env.reset(torch.Generator().manual_seed(0))
    assert first[0, 0, COMMANDS].tolist() == pytest.approx([0.3, 0.0, 0.1])
    seen = [env.step(torch.zeros(1, 1, 12)).observation for _ in range(30)]
    assert float(seen[-1][0, 0, SINE]) > 0.02  # it should turn left
    assert env.state["sums"][0, 0, SUMS.index("contact")] > 100.0
    assert float(env.measures()["foot_slip"]) < 0.02
    assert float(env.measures()["error_x"]) > 0.1
    same = robot.as_family(FAMILY)
    assert same.inferred.names == FAMILY.inferred.names
