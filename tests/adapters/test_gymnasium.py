"""Families as Gymnasium environments, and other people's environments as worlds to adapt in."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dm_env
import gymnasium
import mujoco
import numpy as np
import pytest
import torch
from dm_env import specs
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

from robotmeta.adaptation.adapt import adapt
from robotmeta.adapters.dm_env import DmEnv, load_suite
from robotmeta.adapters.guard import Misfit
from robotmeta.adapters.gymnasium_ids import FamilySpec, environment_id, register_families
from robotmeta.adapters.gymnasium_in import wrap
from robotmeta.adapters.gymnasium_out import FamilyEnv
from robotmeta.adapters.gymnasium_robotics import mend
from robotmeta.adapters.spaces import ObservationVector
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import FAMILIES, BatchEnv
from robotmeta.envs import make as make_family
from robotmeta.envs.models import quiet_mujoco
from robotmeta.errors import EnvironmentFailed, UserError
from robotmeta.experience.rollout import collect
from robotmeta.policy import Policy, new_policy

register_families()


@pytest.fixture(autouse=True)
def _no_log_file() -> Iterator[None]:
    """Gymnasium's half-cheetah makes MuJoCo warn of a retired attribute, which leaves a file in the working folder."""
    with quiet_mujoco():
        yield


# -- families as Gymnasium environments --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def pictures_work() -> bool:
    """Whether this machine has a GL library that MuJoCo can draw with."""
    env = FamilyEnv("cheetah-direction", render_mode="rgb_array")
    env.reset(seed=0)
    try:
        return env.render() is not None
    except UserError:
        return False


# check_env remarks that physical quantities have no bounds, which is so. Without a GL library, MuJoCo's own clean-up of
# the renderer that did not start fails too.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:.*A Box observation space (minimum|maximum) value is -?infinity:UserWarning")
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_a_gymnasium_environment(name: str, pictures_work: bool) -> None:
    env = gymnasium.make(environment_id(name))
    family = make_family(name)
    assert env.spec is not None
    assert env.spec.max_episode_steps == family.horizon
    check_env(env.unwrapped, skip_render_check=not pictures_work)


def test_importing_gymnasiums_way_registers_the_families() -> None:
    env = gymnasium.make("robotmeta:robotmeta/PointNavigation-v0", task={"goal_x": 0.3})
    assert env.reset(seed=0)[1]["task"] == {"goal_x": 0.3, "goal_y": 0.0}


def test_every_family_has_a_gymnasium_id_of_its_own() -> None:
    assert len({environment_id(name) for name in FAMILIES}) == len(FAMILIES)


def test_registering_twice_changes_nothing() -> None:
    before = dict(gymnasium.registry)
    register_families()
    assert gymnasium.registry == before


def test_a_time_limit_can_be_set_and_survives_a_copy_of_the_specification() -> None:
    name = environment_id("cheetah-direction")
    for limit in (3, 500):
        env = gymnasium.make(name, max_episode_steps=limit)
        assert env.spec is not None
        assert env.spec.max_episode_steps == limit
    assert gymnasium.spec(name).max_episode_steps == 100
    again = gymnasium.make(EnvSpec.from_json(gymnasium.spec(name).to_json()))
    assert again.spec is not None
    assert again.spec.max_episode_steps == 100


def trajectory(env: gymnasium.Env[Any, Any], seed: int, steps: int = 10) -> np.ndarray:
    rows = [np.append(env.reset(seed=seed)[0], 0.0)]
    actions = np.random.default_rng(7).uniform(-1.0, 1.0, (steps, *(env.action_space.shape or ()))).astype(np.float32)
    for action in actions:
        observation, reward, *_ = env.step(action)
        rows.append(np.append(observation, float(reward)))
    return np.array(rows)


def test_equal_seeds_give_equal_trajectories_and_other_seeds_others() -> None:
    env = FamilyEnv("cheetah-dynamics")
    first = trajectory(env, seed=3)
    np.testing.assert_array_equal(first, trajectory(env, seed=3))
    np.testing.assert_array_equal(first, trajectory(FamilyEnv("cheetah-dynamics"), seed=3))
    assert not np.array_equal(first, trajectory(env, seed=4))


def test_the_direction_flips_the_sign_of_the_speed_term() -> None:
    forward, backward = (trajectory(FamilyEnv("cheetah-direction", task={"direction": d}), seed=1) for d in (1, -1))
    np.testing.assert_array_equal(forward[:, :-1], backward[:, :-1])  # the same body
    actions = np.random.default_rng(7).uniform(-1.0, 1.0, (10, 6)).astype(np.float32)
    effort = 0.05 * np.square(actions).sum(axis=1)
    np.testing.assert_allclose(forward[1:, -1] + effort, -(backward[1:, -1] + effort), atol=1e-5)
    assert np.abs(forward[1:, -1] + effort).max() > 0.1


def test_a_task_changes_the_body() -> None:
    env = FamilyEnv("cheetah-dynamics")
    nominal = trajectory(env, seed=1)
    observation, info = env.reset(seed=1, options={"task": {"mass": 1.4}})
    assert info["task"]["mass"] == 1.4
    np.testing.assert_array_equal(observation, nominal[0, :-1])
    assert not np.allclose(trajectory(env, seed=1)[1:], nominal[1:], atol=1e-3)  # the task stays
    env.reset(options={"task": {}})
    np.testing.assert_array_equal(trajectory(env, seed=1), nominal)


def test_a_step_is_that_of_gymnasiums_half_cheetah_from_equal_states() -> None:
    ours = FamilyEnv("cheetah-direction")
    theirs: Any = gymnasium.make("HalfCheetah-v5", ctrl_cost_weight=0.05).unwrapped
    ours.reset(seed=0)
    theirs.reset(seed=0)
    for action in np.random.default_rng(0).uniform(-1.0, 1.0, (40, 6)).astype(np.float32):
        qpos, qvel = theirs.data.qpos.copy(), theirs.data.qvel.copy()
        theirs.data.qacc_warmstart[:] = 0.0  # as after a reset of ours
        theirs.set_state(qpos, qvel)
        ours.worlds.simulator.reset(
            {"qpos": torch.from_numpy(qpos).view(1, 1, -1), "qvel": torch.from_numpy(qvel).view(1, 1, -1)}
        )
        observation, reward, *_ = ours.step(action)
        expected, expected_reward, *_ = theirs.step(action)
        np.testing.assert_allclose(observation, expected, rtol=1e-5, atol=1e-5)
        assert reward == pytest.approx(expected_reward, abs=1e-5)


def test_an_episode_ends_at_the_horizon_by_truncation_and_at_the_goal_by_termination() -> None:
    env = gymnasium.make("robotmeta/PointNavigation-v0", task={"goal_x": 0.1})
    env.reset(seed=0)
    *_, terminated, truncated, info = env.step(np.array([1.0, 0.0], dtype=np.float32))
    assert terminated
    assert not truncated
    assert info["is_success"]
    env.reset(seed=0)
    *_, last = (env.step(np.zeros(2, dtype=np.float32)) for _ in range(100))
    assert (last[2], last[3], last[4]["is_success"]) == (False, True, False)


def test_a_broken_simulation_truncates_and_the_next_reset_starts_afresh() -> None:
    env = FamilyEnv("cheetah-direction")
    start, _ = env.reset(seed=5)
    env.worlds.simulator.state["qvel"].fill_(1e13)
    observation, reward, terminated, truncated, info = env.step(np.zeros(6, dtype=np.float32))
    assert (reward, terminated, truncated, info["diverged"]) == (0.0, False, True, True)
    np.testing.assert_array_equal(observation, start)
    np.testing.assert_array_equal(env.reset(seed=5)[0], start)
    assert env.step(np.zeros(6, dtype=np.float32))[4]["diverged"] is False


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("name", ["point-navigation", "cheetah-dynamics", "quadruped", "push", "fetch-push"])
def test_a_copy_continues_from_the_same_state_with_the_same_random_numbers(name: str, copied: Any) -> None:
    env = gymnasium.make(environment_id(name), sample_task=True)
    env.reset(seed=3)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (16, *(env.action_space.shape or ()))).astype(np.float32)
    for action in actions[:8]:
        env.step(action)
    other = copied(env)
    for action in actions[8:]:
        one, two = env.step(action), other.step(action)
        np.testing.assert_array_equal(one[0], two[0])
        assert one[1:] == two[1:]
    one, two = env.reset(), other.reset()
    np.testing.assert_array_equal(one[0], two[0])
    assert one[1] == two[1]


def test_gymnasium_makes_several_at_once_with_the_time_limit_of_the_family() -> None:
    name, place = "point-navigation", "robotmeta.adapters.gymnasium_out:FamilyEnv"
    spec = FamilySpec(environment_id(name), entry_point=place, kwargs={"family": name})  # whose limit nobody read yet
    worlds = gymnasium.make_vec(spec, num_envs=2, task={"goal_x": 0.4})
    assert worlds.reset(seed=0)[0].shape == (2, 2)
    still = np.zeros((2, 2), np.float32)
    truncated = [worlds.step(still)[3].all() for _ in range(make_family("point-navigation").horizon)]
    worlds.close()
    assert truncated == [False] * (len(truncated) - 1) + [True]


@pytest.mark.slow
def test_subprocesses_that_import_nothing_of_ours_run_the_environments() -> None:
    worlds = gymnasium.make_vec(
        "robotmeta:robotmeta/CheetahDynamics-v0",
        num_envs=2,
        vectorization_mode="async",
        vector_kwargs={"context": "spawn"},
        sample_task=True,
    )
    one, info = worlds.reset(seed=3)
    masses = info["task"]["mass"]
    assert masses[0] != masses[1]
    step = worlds.step(worlds.action_space.sample())
    worlds.close()
    assert one.shape == step[0].shape == (2, 17)


def test_each_reset_draws_a_task_of_meta_training_where_it_is_asked_to() -> None:
    env = FamilyEnv("cheetah-dynamics", sample_task=True)
    masses = [env.reset(seed=seed)[1]["task"]["mass"] for seed in (1, 2, 1)]
    assert masses[0] == masses[2] != masses[1]
    drawn = [env.reset()[1]["task"]["mass"] for _ in range(40)]
    train = env.family.sample(400, np.random.default_rng(0)).columns()["mass"]
    assert len(set(drawn)) == 40
    assert float(train.min()) * 0.95 < min(drawn) < max(drawn) < float(train.max()) * 1.05
    assert env.reset(options={"task": {"mass": 1.1}})[1]["task"]["mass"] == 1.1
    fixed = FamilyEnv("cheetah-dynamics", task={"mass": 1.2})
    assert fixed.reset(seed=0)[1]["task"]["mass"] == 1.2
    assert fixed.reset(options={"sample_task": True})[1]["task"]["mass"] != 1.2
    with pytest.raises(UserError, match="give either task or sample_task"):
        FamilyEnv("cheetah-dynamics", task={"mass": 1.2}, sample_task=True)


def test_pictures_come_with_the_render_mode_only() -> None:
    env = FamilyEnv("point-navigation", render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture is not None
    assert (picture.dtype, picture.ndim, env.metadata["render_fps"]) == (np.uint8, 3, 10)
    assert FamilyEnv("point-navigation").render() is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": {"masss": 1.4}}, "no parameter 'masss' in family 'cheetah-dynamics'; nearest: mass"),
        ({"task": {"mass": 1e6}}, "mass=1e\\+06 is outside its physical range"),
        ({"task": "mass=1"}, "task must be a mapping or None, not 'mass=1'"),
        ({"task": {1: 1.0}}, "a task must be a mapping of names to values"),
        ({"sample_task": "yes"}, "sample_task must be True or False, not 'yes'"),
    ],
)
def test_a_task_that_cannot_be_is_refused_when_it_is_made(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        gymnasium.make("robotmeta/CheetahDynamics-v0", **arguments)


def test_misspelt_options_and_misshapen_actions_are_refused() -> None:
    env = FamilyEnv("point-navigation")
    with pytest.raises(UserError, match="no reset option 'tasks'; nearest: task"):
        env.reset(options={"tasks": {"goal_x": 0.1}})
    env.reset(seed=0)
    with pytest.raises(UserError, match=r"a task must be a mapping of names to values, such as .*, not 'goal_x=1'"):
        env.reset(options={"task": "goal_x=1"})
    actions: list[Any] = [np.zeros(1), np.zeros((1, 2)), np.array([np.nan, 0.0]), "a", None, {"x": 1.0}]
    for action in [*actions, ["a", "b"], [[0.0], [0.0, 1.0]], [1e300, 0.0], np.array([1j, 0.0])]:
        with pytest.raises(UserError, match="takes 2 finite numbers as an action"):
            env.step(action)


# -- other people's environments as worlds -----------------------------------------------------------------------------


class Recorder(gymnasium.Env[Any, np.ndarray]):
    """Remembers its actions, and returns what it was built with."""

    def __init__(self, *, ends: int = 1000, observation: float = 0.5, reward: float = 1.0, info: Any = None) -> None:
        self.observation_space = spaces.Dict(
            {"goal": spaces.Box(-1.0, 1.0, (2,), np.float32), "gear": spaces.Discrete(3)}
        )
        self.action_space = spaces.Box(np.array([0.0, -4.0]), np.array([10.0, 4.0]), dtype=np.float64)
        self.ends, self.reading, self.reward, self.info = ends, observation, reward, info or {}
        self.actions: list[np.ndarray] = []
        self.seeds: list[int | None] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.actions.clear()
        return self._read(0.5), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.actions.append(action)
        return self._read(self.reading), self.reward, False, len(self.actions) >= self.ends, self.info

    def _read(self, value: float) -> dict[str, Any]:
        return {"gear": np.int64(2), "goal": np.full(2, value, dtype=np.float32)}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def policy_for(family: str) -> Policy:
    return new_policy(RunConfig(family, "promp", hyperparameters("promp", {"hidden": (8,)})))


def test_observations_are_flattened_and_actions_stretched_to_the_bounds() -> None:
    recorder = Recorder()
    world = wrap(recorder, horizon=5)
    assert (world.num_tasks, world.num_episodes, world.horizon) == (1, 1, 5)
    assert (world.observation_size, world.action_size) == (5, 2)
    observation = world.reset(generator())
    assert sorted(observation.flatten().tolist()) == [0.0, 0.0, 0.5, 0.5, 1.0]
    assert observation.shape == (1, 1, 5)
    step = world.step(torch.tensor([[[-3.0, 0.25]]]))
    np.testing.assert_allclose(recorder.actions[-1], [0.0, 1.0])
    assert (step.observation.shape, step.reward.tolist(), step.terminated, step.diverged) == (
        (1, 1, 5),
        [[1.0]],
        None,
        None,
    )


@pytest.mark.parametrize(
    ("space", "inside", "outside"),
    [
        (spaces.Discrete(3, start=1), [1, 3, np.int8(2), 2.0, np.array([2])], [0, 4, 1.5, np.nan]),
        (spaces.Discrete(2), [True, np.float32(1.0)], [-1, 2, 2**63]),
        (spaces.MultiDiscrete([2, 3]), [[1, 2], np.array([0.0, 1.0])], [[2, 0], [0, -1], [0.5, 1.0]]),
        (spaces.MultiBinary(2), [[True, False], [0, 1]], [[0, 2], [256, 0], [0.5, 1.0]]),
    ],
)
def test_what_is_not_in_a_discrete_space_is_refused(space: Any, inside: list[Any], outside: list[Any]) -> None:
    vector = ObservationVector(space)
    assert all(vector.read(value).sum() > 0.0 for value in inside)
    for value in outside:
        with pytest.raises(Misfit, match=r"an observation of .*, which is not in its space"):
            vector.read(value)


def test_the_generator_fixes_the_seeds_of_the_environment() -> None:
    recorder = Recorder()
    world, draws = wrap(recorder, horizon=5), generator(3)
    for source in (draws, draws, generator(3)):
        world.reset(source)
    first, second, again = recorder.seeds
    assert first == again != second


def test_an_end_before_the_horizon_is_a_termination_and_at_the_horizon_none() -> None:
    for ends, expected in ((2, True), (3, False)):
        world = wrap(Recorder(ends=ends), horizon=3)
        world.reset(generator())
        steps = [world.step(torch.zeros(1, 1, 2)) for _ in range(ends)]
        assert [step.terminated is not None for step in steps] == [False] * (ends - 1) + [expected]


def test_a_simulation_that_says_it_diverged_pays_nothing() -> None:
    world = wrap(Recorder(observation=np.nan, reward=np.inf, info={"diverged": True}), horizon=3)
    world.reset(generator())
    step = world.step(torch.zeros(1, 1, 2))
    assert step.diverged is not None
    assert bool(step.diverged.all())
    assert step.terminated is None
    assert step.reward.tolist() == [[0.0]]
    assert bool(step.observation.isfinite().all())


def test_success_is_what_the_environment_last_said() -> None:
    silent, speaking = wrap(Recorder(), horizon=3), wrap(Recorder(info={"is_success": np.float32(1.0)}), horizon=3)
    for world in (silent, speaking):
        world.reset(generator())
        world.step(torch.zeros(1, 1, 2))
    assert silent.success() is None
    assert speaking.success() == torch.tensor([[True]])
    speaking.reset(generator())
    assert speaking.success() == torch.tensor([[False]])


def test_a_family_wrapped_as_somebody_elses_environment_is_the_same_world() -> None:
    wrapped = wrap("robotmeta/CheetahDirection-v0")
    inner: Any = wrapped.env.unwrapped
    wrapped.reset(generator())
    state = {name: inner.worlds.simulator.state[name].clone() for name in ("qpos", "qvel")}
    action = torch.linspace(-1.0, 1.0, 6).view(1, 1, 6)
    through = wrapped.step(action)
    inner.worlds.simulator.reset(state)
    direct = inner.worlds.step(action)
    assert wrapped.horizon == inner.family.horizon
    torch.testing.assert_close(through.observation, direct.observation)
    torch.testing.assert_close(through.reward, direct.reward)


@pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning")
def test_a_policy_adapts_in_gymnasiums_half_cheetah() -> None:
    policy, world = policy_for("cheetah-direction"), wrap("HalfCheetah-v5", horizon=20)
    rollout, _ = collect(world, policy.learner, policy.begin(1), generator())
    assert rollout.observations.shape == (1, 1, 20, 17)
    assert rollout.steps == 20
    assert not bool(rollout.terminated.any() | rollout.diverged.any())
    adapted = adapt(policy, world, episodes=1, evaluation_episodes=1)
    assert adapted.return_before is not None
    assert adapted.return_after is not None
    assert np.isfinite([adapted.return_before, adapted.return_after]).all()
    assert adapted.return_before != adapted.return_after


def test_an_environment_of_another_interface_is_explained_number_by_number() -> None:
    message = "the environment has 17 observations, a policy of family 'point-navigation' needs these 2: x"
    with pytest.raises(UserError, match=message):
        adapt(policy_for("point-navigation"), wrap("HalfCheetah-v5"), episodes=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("HalfCheeta-v5", "no Gymnasium environment 'HalfCheeta-v5'; nearest: HalfCheetah-v5"),
        ("FetchPus-v4", "no Gymnasium environment 'FetchPus-v4'; nearest: FetchPush-v"),
        ("HalfCheetah-v99", "no Gymnasium environment 'HalfCheetah-v99'; nearest: HalfCheetah-v"),
        ("robotmeta/CheetahDirektion-v0", "nearest: robotmeta/CheetahDirection-v0"),
        ("///", "no Gymnasium environment '///'.*'module:factory'"),
        ("dm_control:cheetah-runn", "no dm_control task 'cheetah-runn'; nearest: cheetah-run"),
        ("no_such_module:make", "cannot import module 'no_such_module' of 'no_such_module:make': ModuleNotFoundError"),
        (
            "robotmeta.envs.families.point:navigatio",
            "no factory or id 'navigatio' in module 'robotmeta.envs.families.point'; nearest: navigation",
        ),
        ("robotmeta.envs.families.point:navigation", "a TaskFamily is not an environment of Gymnasium or dm_env"),
        ("robotmeta.envs:make", "environment 'robotmeta.envs:make' does not start: TypeError: make()"),
        ("CartPole-v1", "policies act with bounded real numbers, the environment's actions are Discrete"),
    ],
)
def test_a_name_that_leads_to_no_environment_is_one_clear_line(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("(", r"\(").replace(")", r"\)")) as caught:
        wrap(name)
    assert "\n" not in str(caught.value)


def test_modules_are_found_in_the_folder_one_works_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_robot_of_this_test.py").write_text(
        "import gymnasium\n"
        "def make():\n    return gymnasium.make('Pendulum-v1')\n"
        "gymnasium.register('MyRobotOfThisTest-v0', 'gymnasium.envs.classic_control.pendulum:PendulumEnv')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    try:
        assert wrap("my_robot_of_this_test:make").horizon == 200
        assert wrap("my_robot_of_this_test:MyRobotOfThisTest-v0", horizon=7).horizon == 7
    finally:
        gymnasium.registry.pop("MyRobotOfThisTest-v0", None)
        sys.modules.pop("my_robot_of_this_test", None)


def test_an_environment_without_a_time_limit_asks_for_a_horizon() -> None:
    with pytest.raises(UserError, match="give a horizon"):
        wrap(Recorder)
    with pytest.raises(UserError, match="horizon must be at least 1, not 0"):
        wrap(Recorder, horizon=0)


# -- gymnasium-robotics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "observations", "actions", "horizon"),
    [
        ("FetchReach-v4", 16, 4, 50),
        ("FetchPush-v4", 31, 4, 50),
        ("gymnasium_robotics:HandReach-v3", 93, 20, 50),
        ("AdroitHandDoor-v1", 39, 28, 200),
        ("PointMaze_UMaze-v3", 8, 2, 300),
    ],
)
def test_environments_of_gymnasium_robotics_start(name: str, observations: int, actions: int, horizon: int) -> None:
    world = wrap(name)
    assert (world.observation_size, world.action_size, world.horizon) == (observations, actions, horizon)
    assert bool(world.reset(generator()).isfinite().all())
    step = world.step(torch.zeros(1, 1, actions))
    assert step.diverged is None
    assert world.success() == torch.tensor([[False]])


def test_goals_and_achievements_come_before_the_other_observations_of_a_robot_with_goals() -> None:
    world = wrap("FetchPush-v4")
    env: Any = world.env.unwrapped
    seen = world.reset(generator())[0, 0]
    expected = env._get_obs()
    parts = [expected[key] for key in ("achieved_goal", "desired_goal", "observation")]
    np.testing.assert_allclose(seen, np.concatenate(parts), atol=1e-6)


def test_mending_gymnasium_robotics_leaves_mujoco_alone_and_can_be_repeated() -> None:
    mend()
    utilities: Any = sys.modules["gymnasium_robotics.utils.mujoco_utils"]
    mended = utilities.mujoco
    mend()
    assert utilities.mujoco is mended
    assert mended.mjtJoint.mjJNT_HINGE == np.int32(int(mujoco.mjtJoint.mjJNT_HINGE))
    assert mended.MjModel is mujoco.MjModel
    assert not isinstance(mujoco.mjtJoint.mjJNT_HINGE, int)


def test_without_gymnasium_robotics_its_ids_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="'FetchFly-v9' needs gymnasium-robotics: pip install gymnasium-robotics"):
        wrap("FetchFly-v9")
    with pytest.raises(UserError, match="no Gymnasium environment 'HalfCheeta-v5'; nearest: HalfCheetah-v5"):
        wrap("HalfCheeta-v5")


@pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning")
@pytest.mark.parametrize("family", ["fetch-reach", "fetch-push", "fetch-slide", "fetch-pick-and-place"])
def test_fetch_policies_fit_the_environments_they_come_from(family: str) -> None:
    name = "".join(word.capitalize() for word in family.split("-"))
    adapted = adapt(policy_for(family), wrap(f"{name}Dense-v4", horizon=10), episodes=1, evaluation_episodes=1)
    assert adapted.return_before is not None
    assert np.isfinite(adapted.return_before)
    with pytest.raises(UserError, match="the environment has 93 observations"):
        adapt(policy_for(family), wrap("HandReach-v3"), episodes=1)


def test_a_gymnasium_robotics_that_does_not_import_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise AttributeError("flex_vertedge")

    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(UserError, match="needs gymnasium-robotics, which does not import: AttributeError: flex_vert"):
        wrap("FetchFly-v9")
    with pytest.raises(UserError, match="no Gymnasium environment 'HalfCheeta-v5'; nearest: HalfCheetah-v5"):
        wrap("HalfCheeta-v5")


# -- dm_env ------------------------------------------------------------------------------------------------------------


class Countdown(dm_env.Environment):
    """Ends after two steps with the given discount; observations are nested."""

    def __init__(self, discount: float, action: specs.Array | None = None) -> None:
        self._discount, self._left = discount, 0
        self._action = action or specs.BoundedArray((1,), np.float64, 0.0, 2.0)

    def reset(self) -> dm_env.TimeStep:
        self._left = 2
        return dm_env.restart(self._observation())

    def step(self, action: np.ndarray) -> dm_env.TimeStep:
        self._left -= 1
        kind = dm_env.StepType.MID if self._left else dm_env.StepType.LAST
        return dm_env.TimeStep(kind, float(action[0]), self._discount, self._observation())

    def observation_spec(self) -> Any:
        return {"z": specs.Array((), np.float64), "a": {"y": specs.Array((2, 1), np.float32)}}

    def action_spec(self) -> Any:
        return self._action

    def _observation(self) -> dict[str, Any]:
        return {"z": float(self._left), "a": {"y": np.array([[8.0], [9.0]], dtype=np.float32)}}


def test_discount_zero_is_a_termination_and_any_other_end_a_truncation() -> None:
    for discount in (0.0, 1.0):
        env = DmEnv(Countdown(discount))
        observation, _ = env.reset(seed=0)
        np.testing.assert_array_equal(observation, [2.0, 8.0, 9.0])  # in the order it is given in, not the alphabet's
        steps = [env.step(np.ones(1)) for _ in range(2)]
        assert [step[2:4] for step in steps] == [(False, False), (discount == 0.0, discount == 1.0)]


def test_dm_env_observations_are_read_by_key() -> None:
    class Shuffled(Countdown):
        def _observation(self) -> dict[str, Any]:
            return dict(reversed(super()._observation().items()))

    class Silent(Countdown):
        def _observation(self) -> dict[str, Any]:
            return {"z": 1.0}

    world = wrap(Shuffled(0.0), horizon=9)
    assert world.reset(generator()).tolist() == [[[2.0, 8.0, 9.0]]]
    assert world.observation_names is not None
    assert world.observation_names.entries == ("z", "a.y[0]", "a.y[1]")
    with pytest.raises(EnvironmentFailed, match=r"failed in reset: an observation without 'a\.y'"):
        wrap(Silent(0.0), horizon=9).reset(generator())


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        ({"z": [1.0, 8.0], "a": {"y": [9.0]}}, "an observation 'z' of 2 numbers, its specification has 1"),
        ({"z": 1.0, "a": {"y": [8.0, 9.0, 0.0]}}, r"an observation 'a\.y' of 3 numbers, its specification has 2"),
        ({"z": "1.0", "a": {"y": [8.0, 9.0]}}, "an observation 'z' of type <U3, not of numbers"),
    ],
)
def test_parts_of_a_dm_env_observation_are_checked_each_by_itself(observation: Any, message: str) -> None:
    class Shifted(Countdown):
        def _observation(self) -> dict[str, Any]:
            return observation

    with pytest.raises(EnvironmentFailed, match=message):
        wrap(Shifted(0.0), horizon=9).reset(generator())


def test_dm_env_environments_are_worlds_and_factories_of_them_too() -> None:
    for target in (Countdown(0.0), lambda: Countdown(0.0)):
        world = wrap(target, horizon=9)
        assert world.reset(generator()).tolist() == [[[2.0, 8.0, 9.0]]]
        step, last = (world.step(torch.ones(1, 1, 1)) for _ in range(2))
        assert (step.reward.tolist(), step.terminated, last.terminated) == ([[2.0]], None, torch.tensor([[True]]))


def test_a_dm_env_environment_whose_specification_fails_is_one_line() -> None:
    class Unconnected(Countdown):
        def observation_spec(self) -> Any:
            raise OSError("no port")

    with pytest.raises(EnvironmentFailed, match="the construction of 'Unconnected': OSError: no port"):
        wrap(Unconnected(0.0), horizon=9)


@pytest.mark.parametrize("action", [specs.DiscreteArray(3), specs.Array((2,), np.float64)])
def test_dm_env_actions_without_bounds_are_refused(action: specs.Array) -> None:
    with pytest.raises(UserError, match="policies act with bounded real numbers"):
        wrap(Countdown(0.0, action), horizon=9)


def test_a_policy_acts_in_dm_controls_cheetah() -> None:
    world: BatchEnv = wrap("dm_control:cheetah-run")
    assert (world.horizon, world.observation_size, world.action_size) == (1000, 17, 6)
    policy = policy_for("cheetah-direction")
    short = wrap("dm_control:cheetah-run", horizon=5)
    rollouts = [collect(short, policy.learner, policy.begin(1), generator(seed))[0] for seed in (1, 1, 2)]
    assert rollouts[0].steps == 5
    torch.testing.assert_close(rollouts[0].observations, rollouts[1].observations, rtol=0.0, atol=0.0)
    assert not torch.equal(rollouts[0].observations, rollouts[2].observations)
    assert bool((rollouts[0].rewards >= 0).all())


def test_a_dm_control_that_does_not_import_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dm_control", None)
    with pytest.raises(UserError, match="'dm_control:cheetah-run' needs dm_control, which does not import"):
        wrap("dm_control:cheetah-run")


def test_observations_of_dm_controls_cheetah_are_positions_then_velocities() -> None:
    inner: Any = load_suite("cheetah-run")
    env = DmEnv(inner)
    observation, _ = env.reset(seed=0)
    expected = [*inner.physics.data.qpos[1:], *inner.physics.velocity()]
    np.testing.assert_allclose(observation, expected)


def test_broken_dm_control_physics_is_a_broken_simulation() -> None:
    world = wrap("dm_control:cheetah-run", horizon=5)
    world.reset(generator())
    inner: Any = world.env
    inner.env.physics.data.qvel[:] = np.nan
    step = world.step(torch.zeros(1, 1, 6))
    assert step.diverged is not None
    assert bool(world.reset(generator()).isfinite().all())
