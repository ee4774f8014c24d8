"""Videos, plots and what an evaluation says, on a run of two meta-updates."""

from __future__ import annotations

import contextlib
import dataclasses
import html
import re
from typing import Any

import imageio.v2 as imageio
import matplotlib
import numpy as np
import pytest
import torch
from rich.console import Console

from robotmeta.adaptation.adapt import adapt
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import Choice, ParameterSpace, TaskBatchEnv, Tasks, make
from robotmeta.errors import UserError
from robotmeta.evaluation.evaluate import evaluate
from robotmeta.evaluation.evaluation import CONTROLS, Evaluation
from robotmeta.evaluation.intervals import Curve
from robotmeta.experience.rollout import collect
from robotmeta.policy import new_policy
from robotmeta.reporting.plots import adaptation_curve, learning_curve, results_by_parameter, save_figure
from robotmeta.reporting.record import record
from robotmeta.training.train import meta_train

STEPS = 12
SMALL: Any = {"width": 96, "height": 72}  # pixels of each half

# imageio leaves the pipes of its decoder to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file <_io.Buffered:ResourceWarning")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    return meta_train(
        "point-navigation", "rl2", iterations=2, seed=3, hyper={"meta_batch": 4}, out=folder, progress=False
    )


@pytest.fixture(scope="module")
def evaluation(run):
    return evaluate(run.policy, tasks=3, episodes=2, controls=("zero_shot",))


@pytest.fixture
def policy(run):
    """The trained policy, with short episodes."""
    return dataclasses.replace(run.policy, family=dataclasses.replace(run.policy.family, horizon=STEPS))


def adapted(policy):
    """The policy with a belief that changes its actions."""
    knows = policy.begin(1)
    return dataclasses.replace(policy, belief={**knows, "hidden": 3.0 * torch.ones_like(knows["hidden"])})


def frames(file):
    return np.stack([frame[..., :3] for frame in imageio.mimread(file)]).astype(int)


def halves(video):
    """The pictures below the captions, left and right, ``[frame, height, width, 3]``."""
    left, right = np.split(video[:, -SMALL["height"] :], 2, axis=2)
    return left[:, :, 1:-1], right[:, :, 1:-1]


# -- videos ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_video_has_one_frame_a_control_step_and_two_pictures_side_by_side(policy, tmp_path, suffix):
    recording = record(policy, out=tmp_path / f"video{suffix}", **SMALL)
    video = frames(recording.file)
    assert recording.file == tmp_path / f"video{suffix}"
    assert [file.name for file in tmp_path.iterdir()] == [recording.file.name]
    assert len(video) == STEPS
    assert video.shape[2] == 2 * SMALL["width"]
    assert video.shape[1] > SMALL["height"]  # the caption is added to the picture
    assert video.shape[1] % 2 == 0


@pytest.mark.slow
def test_a_video_plays_in_real_time(policy, tmp_path):
    with contextlib.closing(imageio.get_reader(record(policy, out=tmp_path / "a.mp4", **SMALL).file)) as reader:
        assert reader.get_meta_data()["fps"] == pytest.approx(1.0 / policy.family.dt)


@pytest.mark.slow
def test_a_fast_control_rate_skips_frames_but_never_the_last_one(policy, tmp_path):
    fast = dataclasses.replace(policy, family=dataclasses.replace(policy.family, dt=0.01, horizon=10))
    file = record(fast, out=tmp_path / "a.mp4", **SMALL).file
    assert len(frames(file)) == 3  # after steps 4, 8 and 10
    with contextlib.closing(imageio.get_reader(file)) as reader:
        assert reader.get_meta_data()["fps"] == pytest.approx(25.0)


def test_before_and_after_differ_in_the_picture(policy, tmp_path):
    recording = record(adapted(policy), out=tmp_path / "a.mp4", episodes=0, **SMALL)
    left, right = halves(frames(recording.file))
    apart = np.abs(left - right).max(axis=(1, 2, 3))
    assert recording.return_before != recording.return_after
    assert apart[-1] > 60  # of 255: more than what compression does


def test_an_adapted_policy_is_shown_against_its_initialization(policy, tmp_path):
    fresh = record(policy, out=tmp_path / "a.mp4", episodes=1, **SMALL)
    later = record(adapted(policy), out=tmp_path / "b.mp4", episodes=0, **SMALL)
    assert later.return_before == fresh.return_before


def test_the_same_seed_gives_the_same_video(policy, tmp_path):
    first, second = (record(policy, out=tmp_path / f"{i}.mp4", seed=5, **SMALL) for i in range(2))
    assert first.file.read_bytes() == second.file.read_bytes()
    assert (first.return_before, first.return_after) == (second.return_before, second.return_after)


@pytest.mark.slow
def test_the_side_that_ends_first_keeps_its_last_picture(policy, tmp_path):
    def ending_at(radius: float):  # metres from the start
        family = dataclasses.replace(
            policy.family, horizon=60, terminated=lambda state, task: state["position"].norm(dim=-1) > radius
        )
        return adapted(dataclasses.replace(policy, family=family))

    def lengths(ending) -> list[int]:
        env = TaskBatchEnv(ending.family, 1, 1)
        env.load(ending.family.tasks("test", 1))
        sides = (ending.learner.begin(1), False), (ending.begin(1), True)
        return [
            collect(env, ending.learner, belief, torch.Generator(), explore=False, remember=remember)[0].steps
            for belief, remember in sides
        ]

    # Some circle is left by one of the two first.
    ending, steps = next(
        (ending, steps)
        for ending, steps in ((e, lengths(e)) for e in map(ending_at, np.linspace(0.05, 2.0, 100)))
        if steps[0] != steps[1] and min(steps) > 8
    )
    video = frames(record(ending, out=tmp_path / "a.mp4", episodes=0, **SMALL).file)
    assert len(video) == max(steps)
    first = halves(video)[int(np.argmin(steps))]
    still = np.abs(first[min(steps) - 1 :] - first[-1]).max()
    assert still < 40 < np.abs(first[0] - first[-1]).max()  # of 255; compression flickers a little


def test_the_task_given_is_the_task_shown(policy, tmp_path):
    near, far = (
        record(policy, policy.family.task(goal_x=x), out=tmp_path / f"{x}.mp4", **SMALL).return_before
        for x in (0.1, 0.5)
    )
    assert near != far


def test_a_failing_picture_leaves_no_file(policy, tmp_path):
    def draw(trace, task, size):
        if len(trace) > 3:
            raise UserError("pictures need a GL library")
        return np.zeros((size, size, 3), dtype=np.uint8)

    world = dataclasses.replace(policy.family.world, draw=draw)
    broken = dataclasses.replace(policy, family=dataclasses.replace(policy.family, world=world))
    with pytest.raises(UserError, match="GL library"):
        record(broken, out=tmp_path / "a.mp4", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_clear_line(policy, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write") as raised:
        record(policy, out=tmp_path / "file" / "a.mp4", **SMALL)
    assert "\n" not in str(raised.value)


def test_the_result_of_another_policy_is_refused(policy, tmp_path):
    other = dataclasses.replace(policy, config=dataclasses.replace(policy.config, seed=4))
    result = adapt(other, policy.family.task(), episodes=1, evaluation_episodes=0)
    with pytest.raises(UserError, match="the result of another policy: rl2 on point-navigation, seed 4"):
        record(policy, policy.family.task(), adapted=result, out=tmp_path / "a.gif", **SMALL)


def test_invalid_arguments_of_record_are_errors(policy, tmp_path):
    with pytest.raises(UserError, match=r"no video format '.avi'.*there are: .mp4, .gif"):
        record(policy, out=tmp_path / "a.avi")
    with pytest.raises(UserError, match="1 task, not 2"):
        record(policy, policy.family.tasks("test", 2), out=tmp_path / "a.mp4")
    with pytest.raises(UserError, match="episodes must be at least 1 for a policy that is not adapted, not 0"):
        record(policy, out=tmp_path / "a.mp4", episodes=0)
    assert list(tmp_path.iterdir()) == []


def gl_is_missing():
    """Why MuJoCo cannot render here; empty if it can."""
    try:
        env = TaskBatchEnv(make("cheetah-direction"), 1, 1)
        env.reset(torch.Generator().manual_seed(0))
        env.render(32, 32)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.slow
def test_a_robot_is_in_the_picture(tmp_path):
    if reason := gl_is_missing():
        pytest.skip(reason)
    family = dataclasses.replace(make("cheetah-direction"), horizon=2)
    config = RunConfig(family.name, "rl2", hyperparameters("rl2", {}))
    recording = record(new_policy(config, family=family), out=tmp_path / "a.mp4", episodes=1, **SMALL)
    left, _ = halves(frames(recording.file))
    assert left.shape == (2, 72, 94, 3)
    assert left.std() > 20  # neither black nor blank


# -- plots -------------------------------------------------------------------------------------------------------------


def test_an_adaptation_curve_draws_every_curve_that_was_run(evaluation):
    figure = adaptation_curve(evaluation)
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert labels == ["adapted", "zero-shot"]
    assert np.array_equal(figure.axes[0].lines[0].get_xdata(), [0, 1, 2])
    assert adaptation_curve(evaluation, "success").axes[0].get_ylabel() == "success rate"


def test_results_by_parameter_have_a_panel_a_parameter_with_its_unit(evaluation):
    figure = results_by_parameter(evaluation)
    assert [axes.get_xlabel() for axes in figure.axes] == ["goal_x [m]", "goal_y [m]"]


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["$", "$/$", r"$\frac$", r"\$", "a_b^{", "$x$ \x1b[31m"])
def test_units_and_labels_are_drawn_as_they_are(unit, evaluation, tmp_path):
    first, second = make("point-navigation").space
    kinds = Choice((-0.5, 0.5))
    labels = {-0.5: f"left {unit}", 0.5: f"right {unit}"}
    labelled = dataclasses.replace(first, unit=unit, train=kinds, ood=None, nominal=0.5, labels=labels)
    space = ParameterSpace((labelled, dataclasses.replace(second, unit=unit)))
    tasks = Tasks(space.names, np.array([[-0.5, 0.0], [0.5, 0.1], [0.5, 0.2]]))
    figure = results_by_parameter(dataclasses.replace(evaluation, tasks=tasks), space)
    save_figure(figure, tmp_path / "a.svg")
    assert not (tmp_path / "a.svg").read_bytes().count(b"\x1b")
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        save_figure(figure, tmp_path / "b.svg")
    drawn = html.unescape((tmp_path / "b.svg").read_text())
    assert f"goal_y [{unit}]".replace("\x1b", r"\x1b") in drawn
    assert f"right {unit}".replace("\x1b", r"\x1b") in drawn


def test_a_plot_is_written_in_the_format_its_suffix_names(evaluation, tmp_path):
    figure = adaptation_curve(evaluation)
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        save_figure(figure, tmp_path / f"curve{suffix}")
        assert (tmp_path / f"curve{suffix}").read_bytes().startswith(start)
    with pytest.raises(UserError, match=r"no plot format '.txt'.*there are: .png, .svg, .pdf"):
        save_figure(figure, tmp_path / "curve.txt")
    with pytest.raises(UserError, match="cannot write"):
        save_figure(figure, tmp_path / "curve.png" / "curve.png")


def test_a_learning_curve_can_have_missing_numbers():
    line = {"env_steps": 10, "return_pre": float("nan"), "return_post": 1.0}
    for metrics in ([], [line], [line, {**line, "env_steps": 20}]):
        assert learning_curve(metrics).axes[0].get_ylabel() == "return"


# -- success and distance ----------------------------------------------------------------------------------------------


def test_a_success_rate_has_a_wilson_interval_of_positive_width() -> None:
    # Centre (p + z^2/2n) / (1 + z^2/n) and half-width z sqrt(p (1-p)/n + z^2/4n^2) / (1 + z^2/n), with z = 1.96.
    rates = Curve(np.array([[1.0] * 40, [1.0] * 10 + [0.0] * 30]), binary=True)
    assert rates.mean.tolist() == [1.0, 0.25]
    np.testing.assert_allclose(rates.ci95, [[0.9124, 1.0], [0.1419, 0.4019]], atol=1e-4)


def test_each_quantity_that_a_family_defines_has_a_table_and_a_panel(evaluation) -> None:
    assert evaluation.quantities == ("return", "success", "distance")
    labels = ["return", "success rate", "final distance (cm)"]
    panels = adaptation_curve(evaluation, *evaluation.quantities).axes
    assert [panel.get_ylabel() for panel in panels] == labels
    for quantity, label in zip(evaluation.quantities, labels, strict=True):
        assert label in str(evaluation.table(quantity).title)
        assert set(evaluation.curves(quantity)) == {"adapted", "zero_shot"}
        assert set(evaluation.to_json()[quantity]) == {"adapted", *CONTROLS}


def test_the_verdict_judges_gains_task_by_task(evaluation) -> None:
    tasks = np.linspace(0.0, 100.0, 40)  # they differ by more than adaptation gains
    wobble = np.tile([1.0, -1.0], 20)

    def judged(gain: float) -> Evaluation:
        returns = {
            "adapted": Curve(np.stack([tasks, tasks + gain + wobble])),
            "zero_shot": Curve(np.stack([tasks, tasks])),
            "domain_randomized": Curve(np.stack([tasks, tasks + gain - 1.0])),
        }
        return dataclasses.replace(
            evaluation, episodes=[0, 1], returns={**evaluation.returns, **returns}, success={}, distance={}
        )

    gain = judged(5.0).gains()["zero_shot"]
    assert gain is not None
    assert gain.mean == pytest.approx([0.0, 5.0])
    low, high = gain.ci95[-1]
    assert 4.6 < low < 5.0 < high < 5.4
    assert judged(5.0).to_json()["gain"]["return"]["zero_shot"] == gain.to_json()
    assert judged(5.0).to_json()["gain"]["return"]["oracle"] is None
    said = judged(5.0).verdict()
    assert said.startswith("The return is 55.0 after 1 adaptation episode and 50.0 zero-shot, a gain of +5.0 [+4.")
    assert "helps: the interval of the gain is above 0, though" in said
    assert "overlap. The gain over domain-randomized is +1.0 [+0." in said
    assert "reduces the return: the interval of the gain is below 0" in judged(-5.0).verdict()
    assert "no clear gain" in judged(0.0).verdict()
    assert "Adaptation helps: the intervals do not overlap." in judged(50.0).verdict()
    wobble = np.zeros(40)
    assert "no clear gain" in judged(0.01).verdict()  # a gain that is printed as +0.0 does not count


def test_distances_are_metres_in_json_and_centimetres_in_text(evaluation) -> None:
    def far(centre: float) -> Curve:
        return Curve(np.linspace(0.9 * centre, 1.1 * centre, 40)[None])

    judged = dataclasses.replace(evaluation, episodes=[0], distance={"adapted": far(0.014), "zero_shot": far(0.044)})
    assert judged.verdict().endswith("It ends 1.4 cm from the goal, zero-shot 4.4 cm: the intervals do not overlap.")
    assert judged.to_json()["distance"]["adapted"]["mean"] == [pytest.approx(0.014)]
    console = Console(width=200, record=True)
    console.print(judged.table("distance"))
    assert re.search(r"adapted .* 1\.4 \[1\.4, 1\.4\]", console.export_text())
    axes = adaptation_curve(judged, "distance").axes[0]
    assert axes.yaxis.get_major_formatter()(0.05, 0) == "5"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (10, 36, "It succeeds on 90% of the tasks, zero-shot on 25%: the intervals do not overlap."),
        (30, 36, "It succeeds on 90% of the tasks, zero-shot on 75%."),
    ],
)
def test_the_verdict_compares_the_success_rate_with_zero_shot(evaluation, before, after, said: str) -> None:
    def rate(successes: int) -> Curve:
        return Curve(np.array([[1.0] * successes + [0.0] * (40 - successes)]), binary=True)

    judged = dataclasses.replace(evaluation, success={"adapted": rate(after), "zero_shot": rate(before)})
    assert said in judged.verdict()
