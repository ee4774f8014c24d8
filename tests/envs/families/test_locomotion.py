"""The literature's locomotion families: their physics against Gymnasium's, what varies, and rewards by hand."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.envs import TaskBatchEnv, TaskFamily, make
from robotmeta.envs.distributions import Power, Ring, Uniform, Union
from robotmeta.envs.family import MujocoWorld, Transition
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

RANDOM_PARAMETERS = ("hopper-dynamics", "walker-dynamics")
LOCOMOTION = (*RANDOM_PARAMETERS, "ant-direction", "ant-goal", "ant-crippled", "humanoid-direction", "cheetah-mass")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def builder(family: TaskFamily) -> ModelBuilder:
    assert isinstance(family.world, MujocoWorld)
    return ModelBuilder(family.world.spec, family.space)


def model_of(name: str, **values: float) -> mujoco.MjModel:
    family = make(name)
    (model,) = builder(family)(family.space.row(values))
    return model


def world(name: str, **values: float) -> TaskBatchEnv:
    """One nominal world, or one of the given task, after a reset."""
    env = TaskBatchEnv(make(name), 1, 1, threads=1)
    env.load(env.family.space.row(values))
    env.reset(generator())
    return env


def put(env: TaskBatchEnv, qpos: np.ndarray, qvel: np.ndarray) -> None:
    env.simulator.reset({"qpos": torch.from_numpy(qpos).view(1, 1, -1), "qvel": torch.from_numpy(qvel).view(1, 1, -1)})


def reward_of(name: str, before: dict[str, Tensor], action: Tensor, after: dict[str, Tensor], **task: float) -> float:
    family = make(name)
    return float(family.reward(Transition(before, action, after, family.space.row(task).columns())))


def contacts(model: mujoco.MjModel, data: mujoco.MjData) -> set[str]:
    """Names of the geoms that touch the floor."""
    floor = model.geom("floor").id
    pairs = [tuple(contact.geom) for contact in data.contact[: data.ncon]]
    return {model.geom(b if a == floor else a).name for a, b in pairs if floor in (a, b)}


# -- the models are Gymnasium's ----------------------------------------------------------------------------------------

ANT = {"contact_cost_weight": 0.0, "include_cfrc_ext_in_observation": False}
HUMANOID = {f"include_{what}_in_observation": False for what in ("cinert", "cvel", "qfrc_actuator", "cfrc_ext")}
PEERS: dict[str, tuple[str, dict[str, Any], float]] = {  # id, settings, and what it takes for full action
    "hopper-dynamics": ("Hopper-v5", {}, 1.0),
    "walker-dynamics": ("Walker2d-v5", {}, 1.0),
    "walker-faults": ("Walker2d-v5", {}, 1.0),
    "ant-direction": ("Ant-v5", ANT, 1.0),
    "ant-goal": ("Ant-v5", {**ANT, "exclude_current_positions_from_observation": False}, 1.0),
    "ant-crippled": ("Ant-v5", ANT, 1.0),
    "humanoid-direction": ("Humanoid-v5", HUMANOID, 0.4),
}
ENDLESS = ("ant-goal", "ant-crippled")


@pytest.mark.parametrize("name", PEERS)
def test_a_step_is_that_of_gymnasiums_robot_from_equal_states(name: str) -> None:
    ours, (peer, settings, full) = world(name), PEERS[name]
    theirs: Any = gymnasium.make(peer, **settings).unwrapped
    theirs.model.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
    theirs.model.opt.solver = mujoco.mjtSolver.mjSOL_NEWTON
    assert theirs.dt == pytest.approx(ours.family.dt)
    theirs.reset(seed=0)
    ends = []
    for action in np.random.default_rng(0).uniform(-1.0, 1.0, (120, ours.action_size)):
        theirs.data.qacc_warmstart[:] = 0.0  # as after a reset of ours
        theirs.set_state(theirs.data.qpos.copy(), theirs.data.qvel.copy())
        put(ours, theirs.data.qpos.copy(), theirs.data.qvel.copy())
        expected, reward, ended, *_ = theirs.step(full * action)
        step = ours.step(torch.from_numpy(action).view(1, 1, -1))
        np.testing.assert_allclose(step.observation[0, 0], expected, rtol=1e-5, atol=1e-5)
        assert (step.terminated is None) == (name in ENDLESS)
        assert step.terminated is None or bool(step.terminated) == ended
        if name in RANDOM_PARAMETERS and not ended:  # there Gymnasium takes back the 1 for being up
            assert float(step.reward) == pytest.approx(reward, abs=1e-5)
        ends.append(ended)
    assert name.startswith("ant") or (any(ends) and not all(ends))


@pytest.mark.parametrize("name", LOCOMOTION)
def test_models_are_integrated_by_eulers_method(name: str) -> None:
    assert model_of(name).opt.integrator == int(mujoco.mjtIntegrator.mjINT_EULER)


@pytest.mark.parametrize("name", LOCOMOTION)
def test_observations_are_what_their_names_say(name: str) -> None:
    env = world(name)
    model, names = builder(env.family).nominal, [n for n, _ in env.family.observations]
    qpos, qvel = model.qpos0.copy(), np.arange(1.0, model.nv + 1) / model.nv
    last = model.jnt_qposadr[-1]
    qpos[last] = 0.123
    put(env, qpos, qvel)
    seen = dict(zip(names, env.family.observe(env.simulator.state, {})[0, 0].tolist(), strict=True))
    joint = model.joint(model.njnt - 1).name.removesuffix("_joint")
    assert seen[joint] == pytest.approx(0.123)
    assert seen[f"{joint}_velocity"] == pytest.approx(qvel[-1])
    assert seen["x_velocity"] == pytest.approx(qvel[0])
    height = 1 if "rootz" in [model.joint(j).name for j in range(model.njnt)] else 2
    assert seen["z"] == pytest.approx(qpos[height])
    assert ("x" in seen) == (name == "ant-goal")


@pytest.mark.parametrize("name", LOCOMOTION)
def test_each_action_drives_the_joint_it_is_named_after(name: str) -> None:
    model, family = model_of(name), make(name)
    for number, (action, unit) in enumerate(family.actions):
        data = mujoco.MjData(model)
        data.ctrl[number] = 1.0
        mujoco.mj_forward(model, data)
        (dof,) = np.flatnonzero(data.qfrc_actuator)
        assert model.joint(model.dof_jntid[dof]).name.removesuffix("_joint") == action.removesuffix("_torque")
        assert f"{abs(data.qfrc_actuator[dof]):g} N m" == unit


@pytest.mark.parametrize(
    ("name", "noise"),
    [("hopper-dynamics", 0.005), ("walker-dynamics", 0.005), ("ant-goal", 0.1), ("humanoid-direction", 0.01)],
)
def test_episodes_start_near_the_nominal_pose(name: str, noise: float) -> None:
    env = TaskBatchEnv(make(name), 1, 200)
    env.reset(generator())
    offset = (env.simulator.state["qpos"] - env.simulator.nominal["qpos"])[0]
    free = env.family.observations[1][0].startswith("orientation") or name == "ant-goal"
    joints = offset[:, 7:] if free else offset
    assert 0.9 * noise < float(joints.abs().max()) <= noise
    velocities = env.simulator.state["qvel"][0]
    if name == "ant-goal":
        assert float(velocities.std()) == pytest.approx(noise, rel=0.1)
    else:
        assert 0.9 * noise < float(velocities.abs().max()) <= noise
    if free:
        torch.testing.assert_close(env.simulator.state["qpos"][0, :, 3:7].norm(dim=-1), torch.ones(200).double())


# -- random parameters of hopper and walker ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "legs"), [("hopper-dynamics", ("",)), ("walker-dynamics", ("", "_left"))])
def test_every_link_foot_and_joint_has_a_multiplier(name: str, legs: tuple[str, ...]) -> None:
    parts = {f"{part}{leg}" for part in ("thigh", "leg", "foot") for leg in legs}
    feet = {f"foot{leg}" for leg in legs}
    expected = {f"{part}_mass" for part in parts | {"torso"}} | {f"{part}_damping" for part in parts}
    assert set(make(name).space.names) == expected | {f"{part}_friction" for part in feet | {"floor"}}


@pytest.mark.parametrize("name", RANDOM_PARAMETERS)
def test_a_multiplier_changes_one_part_and_no_other(name: str) -> None:
    nominal = model_of(name)
    for column in make(name).space.names:
        part, kind = column.rsplit("_", 1)
        changed = model_of(name, **{column: 1.5})
        expected = {
            f: getattr(nominal, f).copy() for f in ("body_mass", "body_inertia", "dof_damping", "geom_friction")
        }
        if kind == "mass":
            body = nominal.body(part).id
            expected["body_mass"][body] *= 1.5
            expected["body_inertia"][body] *= 1.5
        elif kind == "damping":
            expected["dof_damping"][nominal.joint(f"{part}_joint").dofadr[0]] *= 1.5
        else:
            expected["geom_friction"][nominal.geom("floor" if part == "floor" else f"{part}_geom").id, 0] *= 1.5
        for field, value in expected.items():
            np.testing.assert_allclose(getattr(changed, field), value, err_msg=f"{column}: {field}")


@pytest.mark.parametrize("name", RANDOM_PARAMETERS)
def test_heavier_links_answer_less_and_damped_joints_brake_more(name: str) -> None:
    def acceleration(model: mujoco.MjModel, *, control: float = 0.0, velocity: float = 0.0) -> float:
        data = mujoco.MjData(model)
        data.ctrl[2], data.joint("foot_joint").qvel[:] = control, velocity
        mujoco.mj_forward(model, data)
        return float(data.qacc_smooth[model.joint("foot_joint").dofadr[0]])

    light, nominal, heavy = (model_of(name, foot_mass=m) for m in (0.3, 1.0, 3.0))
    pushed = [acceleration(m, control=1.0) - acceleration(m) for m in (light, nominal, heavy)]
    assert pushed[0] > pushed[1] > pushed[2] > 0.0
    braked = [
        acceleration(m, velocity=1.0) - acceleration(m)
        for m in (model_of(name, foot_damping=0.5), nominal, model_of(name, foot_damping=2.0))
    ]
    assert braked[2] < braked[1] < braked[0] < 0.0


@pytest.mark.parametrize("name", RANDOM_PARAMETERS)
def test_a_robot_on_slippery_ground_slides_on(name: str) -> None:
    """Sliding friction is the larger one of foot and floor, so both must be low."""

    def slide(**values: float) -> float:
        model = model_of(name, **values)
        data = mujoco.MjData(model)
        data.qpos[1] -= 0.04  # onto its feet
        data.qvel[0] = 1.0
        for _ in range(50):
            mujoco.mj_step(model, data)
        return float(data.body("foot").xpos[0] - data.body("torso").xpos[0])  # how far the foot runs ahead

    feet = [column for column in make(name).space.names if column.startswith("foot") and column.endswith("friction")]
    slippery = slide(floor_friction=0.2, **dict.fromkeys(feet, 0.2))
    assert slippery > slide() + 0.005
    assert slippery > slide(floor_friction=0.2) + 0.005
    assert slippery > slide(**dict.fromkeys(feet, 0.2)) + 0.005


@pytest.mark.parametrize("name", RANDOM_PARAMETERS)
def test_nothing_but_feet_and_shins_beside_them_touches_the_floor_before_an_episode_ends(name: str) -> None:
    """Why no other link has a friction of its own."""
    family = make(name)
    assert isinstance(family.world, MujocoWorld)
    rng = np.random.default_rng(0)
    touched: set[str] = set()
    for model in builder(family)(family.tasks("ood", 10)):
        data = mujoco.MjData(model)
        for _ in range(120):
            if data.time % 0.04 < model.opt.timestep:
                data.ctrl[:] = rng.choice((-0.5, 0.0, 0.5), model.nu)
            mujoco.mj_step(model, data, nstep=family.world.frame_skip)
            state = {n: torch.from_numpy(getattr(data, n)).view(1, 1, -1) for n in ("qpos", "qvel")}
            ended = family.terminated(state, {})
            assert ended is not None
            if bool(ended):
                break
            down = contacts(model, data)
            touched |= {geom for geom in down if geom.replace("leg", "foot") not in down or "leg" not in geom}
    assert touched == {geom.name for geom in family.world.spec().geoms if geom.name.startswith("foot")}


@pytest.mark.parametrize("name", RANDOM_PARAMETERS)
def test_multipliers_are_powers_of_the_published_bases(name: str) -> None:
    family = make(name)
    train, ood = family.space.sample(2000, np.random.default_rng(0)), family.tasks("ood", 1000)
    for column, parameter in enumerate(family.space):
        base = 1.3 if parameter.name.endswith("damping") else 1.5
        inside, outside = (np.log(tasks.values[:, column]) / np.log(base) for tasks in (train, ood))
        np.testing.assert_allclose(np.quantile(inside, (0.0, 0.25, 0.5, 0.75, 1.0)), (-3, -1.5, 0, 1.5, 3), atol=0.25)
        assert np.abs(outside).min() > 3.0 - 1e-6
        assert np.abs(outside).max() < 4.0 + 1e-6
        assert np.mean(outside > 0) == pytest.approx(0.5, abs=0.06)


def test_the_hopper_pays_for_speed_and_being_up_and_ends_when_it_tilts_or_sinks() -> None:
    before, after = ({"qpos": torch.tensor([[[x, 1.2, 0, 0, 0, 0]]])} for x in (0.0, 0.016))
    action = torch.tensor([[[1.0, -1.0, 0.5]]])
    assert reward_of("hopper-dynamics", before, action, after) == pytest.approx(2.0 + 1.0 - 0.00225)

    family = make("hopper-dynamics")
    poses = [(1.2, 0.0, 0.0), (0.71, 0.19, 0.0), (0.69, 0.0, 0.0), (1.2, 0.21, 0.0), (1.2, -0.21, 0.0), (1.2, 0, 101.0)]
    qpos = torch.tensor([[[0.0, z, pitch, 0.0, 0.0, 0.0] for z, pitch, _ in poses]])
    qvel = torch.tensor([[[0.0, 0.0, 0.0, 0.0, 0.0, fast] for _, _, fast in poses]])
    ended = family.terminated({"qpos": qpos, "qvel": qvel}, {})
    assert ended is not None
    assert ended.tolist() == [[False, False, True, True, True, True]]


def test_the_walker_pays_for_speed_and_being_up_and_ends_when_it_falls_or_flies() -> None:
    before, after = ({"qpos": torch.tensor([[[x, 1.2, 0, 0, 0, 0, 0, 0, 0]]])} for x in (0.0, -0.008))
    assert reward_of("walker-dynamics", before, torch.ones(1, 1, 6), after) == pytest.approx(-1.0 + 1.0 - 0.006)

    poses = [(1.2, 0.9), (0.79, 0.0), (2.01, 0.0), (1.2, 1.01), (1.2, -1.01)]
    qpos = torch.tensor([[[0.0, z, pitch, *[0.0] * 6] for z, pitch in poses]])
    ended = make("walker-dynamics").terminated({"qpos": qpos, "qvel": torch.zeros_like(qpos)}, {})
    assert ended is not None
    assert ended.tolist() == [[False, True, True, True, True]]


# -- ant ---------------------------------------------------------------------------------------------------------------


def ant_at(x: float, y: float, z: float = 0.75) -> dict[str, Tensor]:
    return {"qpos": torch.tensor([[[x, y, z, 1.0, *[0.0] * 11]]], dtype=torch.float64)}


HALF = torch.full((1, 1, 8), 0.5)  # |a|^2 is 2


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_the_ants_direction_is_the_sign_of_the_speed_it_is_paid_for(direction: float) -> None:
    reward = reward_of("ant-direction", ant_at(1.0, 0.0), HALF, ant_at(1.1, 5.0), direction=direction)
    assert reward == pytest.approx(2.0 * direction + 1.0 - 1.0)


def test_an_ant_that_is_too_low_or_too_high_ends_its_episode() -> None:
    family = make("ant-direction")
    ended = [family.terminated(ant_at(0.0, 0.0, z), {}) for z in (0.19, 0.21, 0.99, 1.01, float("nan"))]
    assert [bool(e) for e in ended if e is not None] == [True, False, False, True, True]


def test_the_ant_pays_its_distance_to_the_goal_along_both_axes() -> None:
    task = {"goal_distance": 2.0, "goal_angle": np.pi / 6}  # at (sqrt 3, 1)
    reward = reward_of("ant-goal", ant_at(9.0, 9.0), HALF, ant_at(0.0, 2.0), **task)
    assert reward == pytest.approx(-(3.0**0.5 + 1.0) - 0.2)
    there = reward_of("ant-goal", ant_at(9.0, 9.0), 0 * HALF, ant_at(3.0**0.5, 1.0), **task)
    assert there == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(model_of("ant-goal", **task).site("goal").pos, [3.0**0.5, 1.0, 0.0])  # as pictures show
    np.testing.assert_allclose(model_of("ant-goal").site("goal").pos, [2.0, 0.0, 0.0])


def test_goals_are_spread_evenly_over_a_disc_and_those_out_of_distribution_lie_around_it() -> None:
    family = make("ant-goal")
    train = family.space.sample(4000, np.random.default_rng(0)).values
    distance, angle = train.T
    assert np.mean(distance < 1.5) == pytest.approx(0.25, abs=0.03)
    assert distance.max() <= 3.0
    assert np.mean((angle > 0) & (angle < np.pi / 2)) == pytest.approx(0.25, abs=0.03)
    ood = family.tasks("ood", 200).values[:, 0]
    assert ood.min() >= 3.0
    assert ood.max() <= 4.0


@pytest.mark.parametrize("leg", range(4))
def test_a_crippled_leg_feels_no_control_and_the_others_do(leg: int) -> None:
    model, nominal = model_of("ant-crippled", crippled_leg=leg), model_of("ant-crippled")
    names = [name.removesuffix("_torque") for name, _ in make("ant-crippled").actions]
    dead = [names.index(f"{joint}_{leg + 1}") for joint in ("hip", "ankle")]
    expected = nominal.actuator_gear[:, 0].copy()
    expected[dead] = 0.0
    np.testing.assert_array_equal(model.actuator_gear[:, 0], expected)
    np.testing.assert_array_equal(nominal.actuator_gear[:, 0], 150.0)
    # Where the leg of that number is: from the torso, x forward and y to the left.
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    foot = data.geom(model.geom("floor").id + 4 + 3 * leg).xpos
    assert [bool(foot[0] > 0), bool(foot[1] > 0)] == [[True, True], [False, True], [False, False], [True, False]][leg]


def test_one_leg_is_held_out_of_training_and_no_leg_is_a_whole_ant() -> None:
    family = make("ant-crippled")
    assert set(family.sample(60, np.random.default_rng(0)).values[:, 0]) == {0.0, 1.0, 2.0}
    assert set(family.tasks("test", 60).values[:, 0]) == {0.0, 1.0, 2.0}
    assert set(family.tasks("ood", 20).values[:, 0]) == {3.0}
    assert family.task().values.tolist() == family.task(crippled_leg="none").values.tolist() == [[-1.0]]
    assert family.task(crippled_leg="back_right").values.tolist() == [[3.0]]
    with pytest.raises(UserError, match=r"crippled_leg is one of none, front_left, .* back_right, not 0"):
        family.task(crippled_leg=0.5)


def test_the_crippled_ant_pays_for_running_forward() -> None:
    reward = reward_of("ant-crippled", ant_at(0.0, 0.0), HALF, ant_at(0.1, 7.0), crippled_leg=1.0)
    assert reward == pytest.approx(2.0 + 0.05 - 0.01)


# -- humanoid ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0.0, np.pi / 2, -2.5])
def test_the_humanoid_pays_for_the_speed_of_its_centre_of_mass_in_one_direction(angle: float) -> None:
    env = world("humanoid-direction", direction=angle)
    model = builder(env.family).nominal

    def centre() -> np.ndarray:
        data = mujoco.MjData(model)
        data.qpos[:] = env.simulator.state["qpos"][0, 0]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        return model.body_mass @ data.xipos[:, :2] / model.body_mass.sum()

    for action in 2.0 * torch.rand(5, 1, 1, 17, generator=generator()) - 1.0:
        before = centre()
        step = env.step(action)
        velocity = (centre() - before) / 0.015
        along = velocity @ [np.cos(angle), np.sin(angle)]
        expected = 1.25 * along + 5.0 - 0.1 * float((0.4 * action).square().sum())
        assert float(step.reward) == pytest.approx(expected, abs=1e-5)


def test_the_humanoids_episode_ends_when_its_torso_is_low_or_in_the_air() -> None:
    family = make("humanoid-direction")
    heights = torch.tensor([0.99, 1.01, 1.99, 2.01])
    qpos = torch.zeros(1, 4, 24)
    qpos[..., 2] = heights
    ended = family.terminated({"qpos": qpos}, {})
    assert ended is not None
    assert ended.tolist() == [[True, False, False, True]]


def test_all_directions_are_equally_likely() -> None:
    angles = make("humanoid-direction").space.sample(4000, np.random.default_rng(0)).values[:, 0]
    np.testing.assert_allclose(np.histogram(angles, bins=8, range=(-np.pi, np.pi))[0] / 4000, 1 / 8, atol=0.02)


# -- cheetah-mass ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_a_heavier_cheetah_is_thicker_and_as_long_as_before(scale: float) -> None:
    nominal, changed = model_of("cheetah-mass"), model_of("cheetah-mass", mass=scale)
    np.testing.assert_allclose(changed.body_mass, scale * nominal.body_mass, rtol=1e-12)
    np.testing.assert_allclose(changed.geom_size[1:, 0], 0.046 * scale)
    np.testing.assert_allclose(changed.geom_size[:, 1], nominal.geom_size[:, 1])
    np.testing.assert_array_equal(changed.geom_size[0], nominal.geom_size[0])
    np.testing.assert_array_equal(changed.body_pos, nominal.body_pos)
    # The sphere around a link, by which MuJoCo finds contacts, has grown with it.
    np.testing.assert_allclose(changed.geom_rbound[1:], changed.geom_size[1:, :2].sum(axis=1))
    # Each link is a capsule of even density: its inertia follows from mass and size.
    link, (radius, half) = changed.body("bshin"), changed.geom("bshin").size[:2]
    cylinder, ends = np.array([2.0 * half, 4.0 / 3.0 * radius]) / (2.0 * half + 4.0 / 3.0 * radius) * link.mass
    along = 0.5 * cylinder * radius**2 + 0.4 * ends * radius**2
    across = cylinder * (radius**2 / 4 + half**2 / 3) + ends * (0.4 * radius**2 + half**2 + 0.75 * half * radius)
    np.testing.assert_allclose(np.sort(link.inertia), [along, across, across], rtol=1e-6)


def test_the_nominal_mass_is_the_cheetah_of_the_other_families() -> None:
    plain, nominal = model_of("cheetah-velocity"), model_of("cheetah-mass")
    for field in ("body_mass", "body_inertia", "body_ipos", "body_iquat", "geom_size", "geom_rbound", "dof_M0"):
        np.testing.assert_array_equal(getattr(nominal, field), getattr(plain, field), err_msg=field)


def test_the_cheetah_of_varied_mass_pays_for_speed_and_height() -> None:
    before, after = ({"qpos": torch.tensor([[[x, z, *[0.0] * 7]]])} for x, z in ((0.0, 0.3), (0.2, -0.4)))
    reward = reward_of("cheetah-mass", before, torch.ones(1, 1, 6), after)
    assert reward == pytest.approx(4.0 - 0.3 - 0.4)


# -- distributions -----------------------------------------------------------------------------------------------------


def test_powers_and_rings_are_written_as_in_the_literature() -> None:
    assert str(Power(1.5, Uniform(-3.0, 3.0))) == "1.5^U(-3, 3)"
    assert str(Power(1.5, Union(((-4.0, -3.0), (3.0, 4.0))))) == "1.5^(U(-4, -3) or U(3, 4))"
    assert Power(2.0, Uniform(-1.0, 1.0)).support == (0.5, 2.0)
    assert str(Ring(0.0, 3.0)) == "sqrt(U(0, 9))"
    assert Ring(3.0, 4.0).support == (3.0, 4.0)
