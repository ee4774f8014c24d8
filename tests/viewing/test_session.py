"""The live session: it adapts as `adapt` does, and everything can be changed while it runs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.adaptation.worlds import OneWorld, adapted_belief
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import Choice, Parameter, ParameterSpace, TaskBatchEnv
from robotmeta.envs.edits import ModelEdit
from robotmeta.errors import UserError
from robotmeta.experience.rollout import collect
from robotmeta.metalearners import LEARNERS
from robotmeta.policy import Policy, new_policy
from robotmeta.viewing.actor import WatchedActor
from robotmeta.viewing.belief import belief_rows
from robotmeta.viewing.draws import Draws
from robotmeta.viewing.session import LiveSession
from tests.learning import HYPER, diverging, ending_early, generator, same, short
from tests.vendor_robots import Vendor

STEPS = 12  # of an episode
TORSO = 1  # its number in the cheetah's model


def untrained(learner: str, family: rm.TaskFamily) -> Policy:
    return new_policy(RunConfig(family.name, learner, hyperparameters(learner, HYPER[learner])), family=family)


def point(learner: str = "rl2", **changes) -> LiveSession:
    policy = untrained(learner, short(STEPS))
    return LiveSession(policy, policy.family.task(goal_x=0.2), **changes)


@pytest.fixture(scope="module")
def cheetah() -> Policy:
    policy = rm.load("pretrained:cheetah-dynamics")
    return dataclasses.replace(policy, family=dataclasses.replace(policy.family, horizon=20))


def run(session: LiveSession, steps: int) -> None:
    for _ in range(steps):
        session.step()


def state(session: LiveSession) -> np.ndarray:
    return session.world.env.simulator.full_state.numpy().copy()


# -- adaptation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_belief_after_the_adaptation_episodes_is_that_of_adapt(learner):
    policy = untrained(learner, ending_early(STEPS))
    task = policy.family.task(goal_x=0.2)
    env = TaskBatchEnv(policy.family, 1, 1)
    env.load(task)
    session = LiveSession(policy, task, episodes=4, seed=5)
    while len(session.status.returns) < 4:
        session.step()
    assert same(dict(session.belief), dict(adapted_belief(policy, OneWorld(env), 4, seed=5)))


def test_the_same_seed_gives_the_same_states(cheetah):
    task = cheetah.family.tasks("test", 1)
    one, other = (LiveSession(cheetah, task, seed=2) for _ in range(2))
    run(one, 45)
    run(other, 45)
    assert np.array_equal(state(one), state(other))
    assert one.status == other.status


def test_episodes_after_the_adaptation_all_start_from_the_belief_after_it():
    session = point(episodes=1)
    while not session.status.returns:
        session.step()
    after, stages = dict(session.belief), []
    for _ in range(2):
        session.restart()
        stages.append(session.status.stage)
        run(session, STEPS - 2)
    assert stages == ["after 1 adaptation episode"] * 2
    assert not same(dict(session.belief), after)
    session.step()  # the last one of the episode
    session._episode = session._next_episode()
    assert same(dict(session.belief), after)


def test_without_adaptation_the_policy_acts_as_the_zero_shot_control():
    policy = untrained("rl2", short(STEPS))
    env = TaskBatchEnv(policy.family, 1, 1)
    actor = WatchedActor(policy.learner, policy.begin(1))
    actor.adapts = False
    seen, _ = collect(env, actor, {}, generator(1), explore=False)
    control, _ = collect(env, policy.learner, policy.begin(1), generator(1), explore=False, remember=False)
    assert same(seen.actions, control.actions)


def test_a_belief_that_is_reset_knows_nothing_and_adaptation_begins_again():
    session = point()
    run(session, 2 * STEPS)
    assert session.status.stage == "adaptation episode 3 of 3"
    session.reset_belief()
    assert same(dict(session.belief), dict(session.policy.begin(1)))
    assert session.status.stage == "adaptation begins with the next episode"
    session.restart()
    assert session.status.stage == "adaptation episode 1 of 3"


def test_an_adapted_policy_starts_from_its_belief():
    first = point(episodes=1)
    while not first.status.returns:
        first.step()
    adapted = dataclasses.replace(first.policy, belief=first.belief)
    session = LiveSession(adapted, first.task, episodes=0)
    session.reset_belief()
    assert same(dict(session.belief), dict(first.belief))


# -- the task ----------------------------------------------------------------------------------------------------------


def test_a_parameter_changes_the_model_and_keeps_the_state(cheetah):
    session = LiveSession(cheetah, cheetah.family.tasks("test", 1))
    run(session, 5)
    before, (model, _) = state(session), session.world.state()
    session.set_parameter("mass", 1.1 * session.truth["mass"])
    heavier, _ = session.world.state()
    assert heavier.body_mass.sum() == pytest.approx(1.1 * model.body_mass.sum())
    assert np.array_equal(state(session), before)
    assert session.status.steps == 6
    assert session.status.stage == "adaptation begins with the next episode"
    session.step()
    assert session.status.steps == 7


def test_a_world_without_a_change_goes_on_as_if_nothing_happened(cheetah):
    one, other = (LiveSession(cheetah, cheetah.family.tasks("test", 1)) for _ in range(2))
    run(one, 12)
    run(other, 5)
    other.set_parameter("mass", other.truth["mass"])
    run(other, 7)
    assert np.array_equal(state(one), state(other))


def test_a_kind_locks_a_joint_at_once():
    policy = untrained("rl2", rm.make("quadruped"))
    session = LiveSession(policy, policy.family.task(faulty_joint="fl_knee", fault="limp"))
    session.set_parameter("fault", "locked")
    active = session.world.state()[1].eq_active
    assert active.sum() == 1


def test_a_value_that_is_refused_changes_nothing(cheetah):
    session = LiveSession(cheetah, cheetah.family.tasks("test", 1))
    run(session, 3)
    before, truth = state(session), session.truth
    with pytest.raises(UserError, match="physical range"):
        session.set_parameter("mass", -1.0)

    def refuse(model, value, row):
        raise UserError("too much")

    odd = Parameter("odd", "", train=Choice((0.0, 1.0)), nominal=0.0, bounds=(0.0, 1.0), edits=(ModelEdit(refuse),))
    family = dataclasses.replace(rm.make("cheetah-mass"), space=ParameterSpace((odd,)))
    other = LiveSession(untrained("rl2", family), family.space.nominal())
    with pytest.raises(UserError, match="too much"):
        other.set_parameter("odd", 1.0)
    assert other.truth == {"odd": 0.0}
    other.step()
    assert session.truth == truth
    assert np.array_equal(state(session), before)


def test_an_episode_starts_again_where_the_robot_would_be_inside_the_ground():
    policy = untrained("rl2", rm.make("cheetah-terrain"))
    session = LiveSession(policy, policy.family.space.nominal())
    simulator = session.world.env.simulator
    beyond_level_ground = torch.tensor([4.0, *simulator.state["qpos"][0, 0, 1:]])
    simulator.set_full_state(simulator.full_state, {"qpos": beyond_level_ground})
    for kind in policy.family.space["terrain"].labels.values():
        session.set_parameter("difficulty", 1.0)
        session.set_parameter("terrain", kind)
        if session.status.note:
            break
    assert "inside one another" in session.status.note
    assert session.status.steps == 1


@pytest.mark.filterwarnings("ignore::robotmeta.errors.RobotmetaWarning")
def test_a_simulation_that_diverges_starts_again():
    session = LiveSession(untrained("rl2", diverging(STEPS)), diverging(STEPS).space.nominal(), episodes=2)
    notes = set()
    for _ in range(20 * STEPS):
        session.step()
        notes.add(session.status.note)
    assert any("diverged" in note for note in notes)
    assert session.status.episode > 2


def test_tasks_are_drawn_one_after_another(cheetah):
    family = cheetah.family
    draws = Draws(family, family.tasks("test", 1))
    assert draws.sources == ("nominal", "test", "ood")
    assert [draws.next("test")[1] for _ in range(2)] == ["test task 2", "test task 3"]
    task, name = draws.next("ood")
    assert name == "ood task 1"
    assert task.digest == family.tasks("ood", 1).digest
    session = LiveSession(cheetah, family.tasks("test", 1))
    run(session, 30)
    session.start(task)
    assert session.truth == next(iter(task))
    assert session.status.stage == "adaptation episode 1 of 3"


# -- what it shows -----------------------------------------------------------------------------------------------------


def test_the_belief_is_shown_beside_the_truth(cheetah):
    session = LiveSession(cheetah, cheetah.family.task(mass=1.4))
    run(session, 30)
    rows = {row.name: row for row in belief_rows(session)}
    assert list(rows) == list(cheetah.family.space.names)
    assert rows["mass"].truth == "1.4"
    assert not rows["fault_strength"].matters  # no joint is faulty
    session.set_parameter("mass", float(rows["mass"].inferred))
    assert {row.name: row for row in belief_rows(session)}["mass"].error == pytest.approx(0.0, abs=0.02)


def test_a_robot_is_steered_and_told_what_it_does_not_have_to_infer():
    session = LiveSession(
        untrained("task-inference", rm.make("quadruped-commands")), rm.make("quadruped-commands").task()
    )
    run(session, 2)
    session.set_parameter("command_x", 0.3)
    session.step()
    session.set_parameter("command_yaw", 0.1)
    session.step()
    told = session.world.env.state["command"][0, 0, :3]
    assert told.tolist() == pytest.approx([0.3, 0.0, 0.1])
    assert not {"commands", "command_x"} & {row.name for row in belief_rows(session)}


def test_a_learner_that_infers_nothing_has_no_rows():
    assert belief_rows(point()) == []


def test_a_push_moves_the_robot_for_a_tenth_of_a_second(cheetah):
    pushed, left = (LiveSession(cheetah, cheetah.family.tasks("test", 1)) for _ in range(2))
    pushed.push(TORSO, np.array([1.0, 0.0, -0.5]), 300.0)
    assert not np.allclose(pushed.world.state()[1].xfrc_applied, 0.0)
    run(pushed, 2)
    run(left, 2)
    assert np.allclose(pushed.world.state()[1].xfrc_applied, 0.0)
    speeds = [session.world.state()[1].qvel[0] for session in (pushed, left)]
    mass = pushed.world.state()[0].body_mass.sum()
    assert speeds[0] - speeds[1] == pytest.approx(300.0 * 0.1 / mass, rel=0.5)


def test_a_push_from_above_does_nothing_and_says_why(cheetah):
    session = LiveSession(cheetah, cheetah.family.tasks("test", 1))
    session.push(TORSO, np.array([0.0, 0.01, -1.0]), 300.0)
    assert "side" in session.status.note
    assert not session.world.pushed


def test_a_vendors_robot_acts_in_its_own_model_beside_its_numbers(tmp_path):
    (tmp_path / "dog.xml").write_text(Vendor().xml())
    policy = rm.load("pretrained:quadruped")
    robot = rm.read_robot(tmp_path / "dog.xml", "quadruped").under(payload_mass=1.5)
    session = LiveSession(policy, robot)
    run(session, 3)
    rows = {row.name: row for row in belief_rows(session)}
    assert rows["payload_mass"].truth == "1.5 kg"
    assert rows["thigh_length"].truth == policy.family.space["thigh_length"].text(robot.row["thigh_length"])
    with pytest.raises(UserError, match="read as 'quadruped'"):
        LiveSession(rm.load("pretrained:grasp"), robot)
