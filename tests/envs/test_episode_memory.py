"""What a family remembers in an episode: it is the same on any number of ranks, is kept, copied, and found again."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from robotmeta.adaptation.fitting.fit_episodes import check_fit
from robotmeta.envs import TaskBatchEnv, TaskFamily, from_mjcf, scale
from robotmeta.envs.changes import Changes
from robotmeta.envs.changing_env import ChangingEnv
from robotmeta.envs.episode_memory import EpisodeMemory, Measure
from robotmeta.envs.state import Columns, State, Transition
from robotmeta.errors import UserError
from robotmeta.ranks import ALONE, Rank

SLIDER = """
<mujoco>
  <worldbody><body name="cart"><joint name="x" type="slide" axis="1 0 0"/>
    <geom name="cart" type="sphere" size=".1" mass="1"/></body></worldbody>
  <actuator><motor joint="x" ctrlrange="-1 1"/></actuator>
</mujoco>
"""


def start(state: State, generator: torch.Generator, task: Columns) -> State:
    drawn = torch.rand(state["qpos"].shape[:2], generator=generator)
    return {"wanted": drawn.to(state["qpos"]), "moved": torch.zeros_like(state["qpos"][..., 0])}


def advance(step: Transition) -> State:
    gone = (step.after["qpos"] - step.before["qpos"])[..., 0]
    return {"wanted": step.before["wanted"] + 1.0, "moved": step.before["moved"] + gone}


def resume(state: State, observation: Tensor, task: Columns) -> State:
    return {"wanted": observation[..., 1].double(), "moved": torch.zeros_like(state["qpos"][..., 0])}


def follow(memory: State, observation: Tensor) -> State:
    return {**memory, "wanted": observation[..., 1].double()}


MEMORY = EpisodeMemory(start, advance, resume=resume, follow=follow)


def family(memory: EpisodeMemory | None = MEMORY) -> TaskFamily:
    plain = from_mjcf(
        SLIDER,
        {"cart.mass": scale(0.5, 2.0)},
        lambda step: step.before["wanted"] if "wanted" in step.before else step.after["qpos"][..., 0],
        frame_skip=1,
        horizon=50,
        observe=lambda state, task: torch.stack(
            [state["qpos"][..., 0], state.get("wanted", state["qpos"][..., 0])], -1
        ),
        observations=(("x", "m"), ("wanted", "1")),
    )
    far = Measure("moved", "m", lambda state, task: state["moved"], "how far it moved")
    return dataclasses.replace(plain, memory=memory, measures=(far,) if memory else (), changing=("cart_mass",))


def begun(of: TaskFamily, tasks: int = 4, rank: Rank = ALONE) -> tuple[TaskBatchEnv, Tensor]:
    env = TaskBatchEnv(of, tasks, 3, rank=rank)
    return env, env.reset(torch.Generator().manual_seed(5))


def test_a_reference_is_added_to_every_action_and_sees_what_is_remembered() -> None:
    moved = dataclasses.replace(family(), reference=lambda state, task: -0.1 * state["wanted"].unsqueeze(-1))
    (plain, _), (env, _) = begun(family()), begun(moved)
    for _ in range(4):
        shifted = 0.5 - 0.1 * plain.state["wanted"].unsqueeze(-1)
        expected = plain.step(shifted.float()).observation
        torch.testing.assert_close(env.step(torch.full((4, 3, 1), 0.5)).observation, expected)


def test_what_is_remembered_is_seen_advanced_and_measured() -> None:
    env, first = begun(family())
    began = env.simulator.state["qpos"].clone()
    assert len(first[..., 1].unique()) == 12
    reward = [env.step(torch.ones(4, 3, 1)) for _ in range(3)][-1].reward
    torch.testing.assert_close(reward, first[..., 1] + 2.0)
    torch.testing.assert_close(env.state["wanted"].float(), first[..., 1] + 3.0)
    torch.testing.assert_close(env.measures()["moved"], (env.simulator.state["qpos"] - began)[..., 0].float())


def test_it_is_the_same_for_a_seed_and_does_not_depend_on_the_number_of_ranks() -> None:
    _, alone = begun(family())
    for number in range(2):
        _, shared = begun(family(), tasks=2, rank=Rank(number, 2))
        assert torch.equal(shared, alone[2 * number : 2 * number + 2])


def test_worlds_that_have_ended_remember_how_they_ended() -> None:
    env, first = begun(family())
    active = torch.ones(4, 3, dtype=torch.bool)
    active[0] = False
    env.step(torch.ones(4, 3, 1), active)
    assert (env.state["wanted"].float() - first[..., 1]).round().tolist() == [[0.0] * 3] + [[1.0] * 3] * 3


def test_a_snapshot_has_it_and_a_change_of_the_task_keeps_it() -> None:
    env, _ = begun(family())
    env.step(torch.ones(4, 3, 1))
    kept = env.snapshot()
    one = env.step(torch.ones(4, 3, 1)).observation
    env.step(torch.ones(4, 3, 1))
    env.restore(kept)
    assert torch.equal(env.step(torch.ones(4, 3, 1)).observation, one)
    of = family()
    before, after = of.task(), of.task(cart_mass=2.0)
    changing = ChangingEnv(TaskBatchEnv(of, 1, 1), Changes(before, after, 2))
    wanted = [float(changing.reset(torch.Generator().manual_seed(0))[0, 0, 1])]
    wanted += [float(changing.step(torch.zeros(1, 1, 1)).observation[0, 0, 1]) for _ in range(4)]
    assert wanted == pytest.approx([wanted[0] + t for t in range(5)])


def test_a_replay_finds_it_in_the_observations() -> None:
    env, first = begun(family(), tasks=1)
    states, seen, rewards = [env.simulator.full_state[0]], [first[0]], []
    for t in range(4):
        step = env.step(torch.full((1, 3, 1), 0.2 * t))
        states.append(env.simulator.full_state[0])
        seen.append(step.observation[0] + torch.tensor([0.0, 10.0 * (t == 2)]))  # as if it were told something else
        rewards.append(step.reward[0])
    replay = TaskBatchEnv(family(), 2, 3)
    replay.start(states[1], recorded=seen[1])
    for t in (1, 2):
        step = replay.step(torch.full((2, 3, 1), 0.2 * t), recorded=seen[t + 1])
        torch.testing.assert_close(step.reward[1], rewards[t])
        torch.testing.assert_close(step.observation[1], seen[t + 1])


def test_a_family_without_it_is_as_before() -> None:
    plain, remembering = begun(family(None))[0], begun(family())[0]
    assert plain.state is plain.simulator.state
    assert plain.measures() == {}
    assert torch.equal(plain.simulator.state["qpos"], remembering.simulator.state["qpos"])


def test_what_observations_do_not_tell_cannot_be_fitted() -> None:
    of = family(EpisodeMemory(start, advance))
    with pytest.raises(UserError, match=r"a fit replays observations, and family .* remembers what they do not tell"):
        check_fit(of, None)
    env, _ = begun(of)
    with pytest.raises(UserError, match="no replay is possible"):
        env.start(env.simulator.full_state, recorded=torch.zeros(2))


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (EpisodeMemory(lambda s, g, t: {"qpos": s["qpos"]}, advance), "'qpos', which the simulator has already"),
        (
            EpisodeMemory(lambda s, g, t: {"wanted": torch.zeros(3)}, advance),
            "must return .wanted. with the shape",
        ),
        (
            EpisodeMemory(start, lambda step: {"moved": step.before["moved"]}),
            "must return .wanted. with the shape",
        ),
        (EpisodeMemory(cast(Any, lambda s, g, t: None), advance), "memory.start returns a NoneType, not a mapping"),
        (EpisodeMemory(cast(Any, lambda s, g, t: {"wanted": 1.0}), advance), "must return 'wanted' with the shape"),
        (EpisodeMemory(start, cast(Any, lambda step: None)), "memory.advance must return .* with the shape"),
    ],
)
def test_memories_that_cannot_work_are_refused(memory: EpisodeMemory, words: str) -> None:
    with pytest.raises(UserError, match=words):
        begun(family(memory))


def test_arguments_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(UserError, match="start of an episode memory must be a function, not 3"):
        EpisodeMemory(3, advance)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match="the name of a measure must be a word"):
        Measure("how far", "m", lambda state, task: state["qpos"])
    with pytest.raises(UserError, match="no parameter 'speed' in told of family"):
        dataclasses.replace(family(), told=("speed",))
    with pytest.raises(UserError, match="memory must be an EpisodeMemory"):
        dataclasses.replace(family(), memory=start)  # pyright: ignore[reportArgumentType]
