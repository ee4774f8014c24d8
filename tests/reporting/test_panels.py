"""Videos with a panel for each stage of an adaptation, and their captions."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
import pytest
import torch

import robotmeta as rm
from robotmeta.adaptation.fitting.result import FittedParameter
from robotmeta.cli import main
from robotmeta.envs import Choice, Estimate, make
from robotmeta.envs.rendering import NO_GL
from robotmeta.errors import UserError
from robotmeta.policy import Policy
from robotmeta.reporting.caption import Band, font_size, heading, task_items
from robotmeta.reporting.record import check_recording, record
from tests.robots import point_policy

SMALL: Any = {"width": 96, "height": 72}  # pixels of each panel
TRUTH = {"goal_x": 0.3, "goal_y": -0.2}

# imageio leaves the pipes of its decoder to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file <_io.Buffered:ResourceWarning")


def short(learner: str = "domain-randomization", **changes: Any) -> Policy:
    """An untrained policy in episodes of ten steps."""
    policy = point_policy(learner, meta_batch=4, **changes)
    return dataclasses.replace(policy, family=dataclasses.replace(policy.family, horizon=10))


def adapted(policy: Policy, **stages: Any) -> rm.Adapted:
    return rm.adapt(policy, policy.family.task(**TRUTH), episodes=2, evaluation_episodes=0, **stages)


def first_frame(file: Path) -> np.ndarray:
    return imageio.mimread(file)[0][..., :3]


# -- panels ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "titles"),
    [
        ({}, ()),
        pytest.param({"fit": True}, (), marks=pytest.mark.slow),
        ({"fine_tune": 300}, ("after fine-tuning",)),
        pytest.param(
            {"fit": True, "fine_tune": 300, "force": True},
            ("after fit and fine-tuning",),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_each_stage_that_ran_has_a_panel(stages: dict[str, Any], titles: tuple[str, ...], tmp_path: Path) -> None:
    policy = short()
    result = adapted(policy, **stages)
    recording = record(policy, policy.family.task(**TRUTH), out=tmp_path / "a.mp4", adapted=result, **SMALL)
    shown = tuple(stage.removesuffix(": no gain") for stage in recording.stages)
    assert shown == ("without adaptation", "after 2 episodes", *titles)
    assert len(recording.returns) == len(recording.successes) == len(recording.stages)
    assert first_frame(recording.file).shape[1] == len(recording.stages) * SMALL["width"]


def test_all_panels_start_from_the_same_state(tmp_path: Path) -> None:
    def scattered(nominal: Any, generator: Any, task: Any) -> Any:
        start = nominal["position"]
        return {**nominal, "position": start + 0.3 * torch.rand(start.shape, generator=generator)}

    policy = short()
    policy = dataclasses.replace(policy, family=dataclasses.replace(policy.family, reset=scattered))
    result = adapted(policy, fine_tune=1)  # too little to change the policy, which has no memory
    assert result.fine_tuned is not None
    assert result.fine_tuned.kept == 0
    first, second = (
        record(policy, policy.family.task(**TRUTH), out=tmp_path / "a.mp4", adapted=result, seed=seed, **SMALL).returns
        for seed in (0, 1)
    )
    assert len(set(first)) == 1
    assert len(first) == 3
    assert first != second


@pytest.mark.slow
def test_an_interrupted_fine_tuning_is_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policy, page, film = tmp_path / "policy.safetensors", tmp_path / "a.html", tmp_path / "a.mp4"
    rm.save_policy(
        rm.adapt(point_policy("domain-randomization", meta_batch=4), make("point-navigation").task()).policy, policy
    )
    monkeypatch.setattr(
        "robotmeta.cli.stages.shows_fine_tuning", lambda bar: lambda now: signal.raise_signal(signal.SIGINT)
    )
    words = ["adapt", str(policy), "--task", "goal_x=0.3", "--evaluation-episodes", "1", "--fine-tune", "10m"]
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--video", str(film), "--report", str(page)])
    assert stopped.value.code == 128 + signal.SIGINT
    assert first_frame(film).shape[1] == 3 * 480
    assert "data:video/mp4;base64," in page.read_text()
    assert "It ended early" in page.read_text()


@pytest.mark.slow
def test_record_runs_the_stages_that_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy, film = tmp_path / "policy.safetensors", tmp_path / "a.mp4"
    rm.save_policy(
        rm.adapt(point_policy("domain-randomization", meta_batch=4), make("point-navigation").task()).policy, policy
    )
    main(["record", str(policy), "--task", "goal_x=0.3", "--episodes", "1", "--fine-tune", "300", "--out", str(film)])
    said = capsys.readouterr().out
    for stage in ("return without adaptation", "after 1 episode", "after fine-tuning", f"Video: {film}"):
        assert stage in said
    assert first_frame(film).shape[1] == 3 * 480


# -- what cannot be recorded -------------------------------------------------------------------------------------------


def test_a_family_that_cannot_be_drawn_is_refused_before_the_adaptation(tmp_path: Path) -> None:
    def draw(trace: Any, task: Any, size: int) -> np.ndarray:
        raise NotImplementedError("no drawing")

    policy = short()
    world: Any = policy.family.world
    blind = dataclasses.replace(policy.family, world=dataclasses.replace(world, draw=draw))
    with pytest.raises(UserError, match=r"family 'point-navigation' cannot be drawn: .*no drawing") as refused:
        check_recording(dataclasses.replace(policy, family=blind), blind.task(), tmp_path / "a.mp4")
    assert "\n" not in str(refused.value)


def test_a_missing_gl_library_is_one_line_before_the_adaptation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*arguments: Any) -> None:
        raise ImportError("libEGL.so.1")

    monkeypatch.setattr("robotmeta.envs.rendering.mujoco.Renderer", missing)
    for command in (["adapt"], ["record", "--fine-tune", "10m"]):
        words = [command[0], "pretrained:cheetah-direction", *command[1:]]
        with pytest.raises(SystemExit) as refused:
            main([*words, "--video" if command == ["adapt"] else "--out", str(tmp_path / "a.mp4")])
        assert refused.value.code == 2
        said = capsys.readouterr()
        assert NO_GL in said.err
        assert len(said.err.strip().splitlines()) == 1
        assert not said.out
    assert not list(tmp_path.iterdir())


def test_an_environment_is_not_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["adapt", "pretrained:cheetah-direction", "--env", "nobody.py:make", "--video", "a.mp4"])
    assert "--video is for --task and --robot: an environment is not drawn" in capsys.readouterr().err


# -- captions ----------------------------------------------------------------------------------------------------------


def texts(*arguments: Any) -> list[str]:
    return [" ".join(word.text for word in item) for item in task_items(*arguments)]


def test_a_caption_lists_what_differs_from_the_nominal_task() -> None:
    quadruped = make("quadruped")
    assert texts(quadruped, quadruped.task()) == ["robot go2"]
    loaded = quadruped.robot("go1", payload_mass=2.5)
    assert texts(quadruped, loaded) == ["robot go1", "payload_mass 2.5 kg"]
    hidden = quadruped.task(friction=0.5, fault="locked", payload_x=0.1)  # neither a fault nor a payload
    assert texts(quadruped, quadruped.task(payload_mass=1e-3, payload_x=0.1)) == ["robot go2"]
    assert texts(quadruped, hidden) == ["robot go2", "friction 0.5"]
    lame = quadruped.task(faulty_joint="fl_knee")
    assert texts(quadruped, lame) == ["robot go2", "faulty_joint fl_knee", "fault limp"]
    cheetah = make("cheetah-direction")
    assert texts(cheetah, cheetah.task()) == ["nominal task"]
    assert texts(cheetah, cheetah.task(direction="backward")) == ["direction backward"]
    told = make("quadruped-commands")
    assert texts(told, told.task(robot="spot", command_x=0.3, latency=20)) == [
        "robot spot",
        "latency 20 ms",
        "commands fixed",
        "command_x 0.3 sqrt(g L)",
    ]


def test_a_small_difference_from_the_nominal_task_is_left_out() -> None:
    family = make("cheetah-dynamics")
    assert texts(family, family.task(mass=1.001, friction=0.5 * family.space["friction"].nominal))[0].startswith(
        "friction"
    )


def test_inferred_and_fitted_values_are_beside_the_true_one(tmp_path: Path) -> None:
    family = make("grasp")
    task = family.task(shape="capsule", latency=110, friction=0.3)
    capsule, box = family.space["shape"].read("capsule"), family.space["shape"].read("box")
    inferred = {
        "latency": Estimate(74.2, 60.0, 90.0, 0.5),
        "friction": Estimate(0.6, 0.3, 0.9, 0.1),
        "shape": Estimate(box, box, box, 0.9, (box,)),
    }
    assert texts(family, task, inferred)[-1:] == ["latency 110 ms: inferred 74.2"]
    assert texts(family, task, {"friction": inferred["friction"]})[-1:] == ["nothing inferred"]
    fitted = {p.name: FittedParameter(p.nominal, p.nominal, p.nominal, True) for p in family.space}
    fitted["latency"] = FittedParameter(113.0, 108.0, 118.0, True)
    fitted["shape"] = FittedParameter(capsule, capsule, capsule, True, {capsule: 1.0})
    fitted["friction"] = FittedParameter(0.4, 0.1, 0.9, False)
    said = texts(family, task, inferred, Fitted(fitted))
    assert "latency 110 ms: inferred 74.2, fitted 113" in said
    assert "shape capsule: inferred box, fitted capsule" in said
    assert "friction 0.3" in said, "neither is certain"
    fitted["latency"] = FittedParameter(110.0, 110.0, 110.0, True)  # it was known before the fit
    assert "latency 110 ms: given 110" in texts(family, task, None, Fitted(fitted))


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What a caption reads of a fit."""

    parameters: dict[str, FittedParameter]


@pytest.mark.parametrize(("width", "height"), [(480, 360), (240, 180), (96, 72)])
def test_no_word_is_cut_off_or_covers_another(width: int, height: int) -> None:
    from robotmeta.reporting.caption import _font

    family = make("quadruped")
    (task,) = (family.tasks("ood", 3)[2:],)
    inferred = {p.name: Estimate(p.nominal, p.nominal, p.nominal, 0.9) for p in family.space}
    items = task_items(family, task, inferred)
    assert len(items) > 10
    band = Band.of_task(items, 3 * width, font_size(width, height))
    picture = band.draw()
    assert picture.shape == (band.height, 3 * width, 3)
    assert not (picture[-2:] != picture[-1, -1]).any(), "text at the lower edge"
    assert not (picture[:, -2:] != picture[-1, -1]).any(), "text at the right edge"
    font = _font(band.size)
    for (left, row, word), (right, below, _) in zip(band.words, band.words[1:], strict=False):
        assert below > row or right > left + font.getlength(word.text)


def test_a_heading_fits_into_its_panel() -> None:
    for width in (96, 480):
        picture = heading(
            "after fit and fine-tuning: no gain", "return -12345.6, no success", width, font_size(width, 360)
        )
        assert picture.shape[1] == width
        assert not (picture[:, -1] != picture[-1, -1]).any()
        assert (picture > 120).any()


def test_a_caption_of_kinds_that_no_training_had() -> None:
    family = make("point-navigation")
    first, second = family.space
    kinds = dataclasses.replace(
        first,
        train=Choice((0.0, 1.0, 2.0)),
        ood=Choice((3.0,)),
        nominal=0.0,
        bounds=(0.0, 3.0),
        labels={0.0: "box", 1.0: "ball", 2.0: "cone", 3.0: "capsule"},
    )
    family = dataclasses.replace(family, space=rm.ParameterSpace((kinds, second)))
    assert texts(family, family.task(goal_x="capsule", goal_y=second.nominal)) == ["goal_x capsule"]
