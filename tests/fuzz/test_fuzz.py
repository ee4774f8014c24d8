"""Inputs that nobody meant: each is right or is refused in one line, soon, and no damage is accepted in silence.

The suite tries three hundred inputs, always the same. ``make fuzz`` tries ten thousand others each time, and prints the
smallest input of each failure.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

import robotmeta as rm
from robotmeta.cli.main import main
from robotmeta.envs import FAMILIES, scale
from robotmeta.tensor_file import read_header, read_tensors, write_tensors
from robotmeta.training.run_folder import RunFolder
from tests.learning import HYPER

SECONDS = 10  # from an input to its answer, at most
KINDS = 6
INPUTS = max(1, int(os.environ.get("ROBOTMETA_FUZZ", "300")) // KINDS)

pytestmark = pytest.mark.filterwarnings("ignore::robotmeta.errors.RobotmetaWarning")
fuzzed = settings(
    max_examples=INPUTS,
    derandomize="ROBOTMETA_FUZZ" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

# -- what is tried -----------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(
    ["mass", "damping", "friction", "faulty_joint", "fault_strength", "goal_x", "robot", "self", ""]
)
STRANGE = (
    *("", " ", "nan", "-inf", "1e400", "-1", "0", "1e-9", "x", "None", "true", "[]", "{}", "=", "--", "-", "\x00"),
    *("[bold]x[/bold]", ":smile:", "$a_b$", "\x1b[31mred", "a" * 300, "\u00e9\u202e\ud800", "self=1", "mass=", "=1"),
    *("1" * 30, "a=b=c", "../..", "json:loads", "nothing:at_all", "/dev/null", "/", ".", "pretrained:"),
)
TEXTS = st.one_of(
    st.sampled_from(STRANGE),
    st.text(max_size=12),
    # Numbers in between are accepted as counts, and then there is that much to do.
    (st.integers(-20, 3) | st.integers(max_value=-(10**10)) | st.integers(min_value=10**10)).map(str),
    st.floats().map(str),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
ANYTHING = st.one_of(
    JSON,
    st.sampled_from([object(), (), b"x", print, Path("nowhere.xml"), 1e400, -1, 0, math.nan, "a" * 300, {"a": None}]),
)

# -- how it is judged --------------------------------------------------------------------------------------------------


class Hang(BaseException):
    """An input was not answered in time. Not an Exception, so that nothing handles it."""


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    def stop(number: int, frame: Any) -> None:
        raise Hang(f"no answer after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(*arguments: str) -> tuple[int, str]:
    """The exit status of a command, and what it wrote to standard error."""
    errors = io.StringIO()
    try:
        with in_time(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            main(list(arguments))
    except Hang as hang:
        raise AssertionError(f"{hang}: {arguments}") from None
    except SystemExit as stopped:
        return (0 if stopped.code is None else int(stopped.code)), errors.getvalue()
    return 0, errors.getvalue()


def refused(error: BaseException) -> None:
    """Checks that an error is one printable line."""
    assert str(error).strip()
    assert "\n" not in str(error)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with two checkpoints."""
    folder = tmp_path_factory.mktemp("fuzz") / "run"
    rm.meta_train(
        "point-navigation",
        "rl2",
        iterations=2,
        hyper={**HYPER["rl2"], "hidden_size": 4},
        out=folder,
        checkpoint_every=1,
        progress=False,
    )
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# -- command lines -----------------------------------------------------------------------------------------------------

COMMANDS: dict[str, dict[str, str]] = {  # cheap, so that what is accepted ends soon
    "adapt POLICY": {"--task": "goal_x=0.2", "--episodes": "1", "--evaluation-episodes": "1", "--seed": "1"},
    "evaluate POLICY": {"--split": "test", "--tasks": "2", "--episodes": "1", "--seed": "0", "--json": "e.json"},
    "record POLICY": {"--task": "goal_x=0.2", "--episodes": "1", "--out": "v.gif"},
    "export POLICY": {"--out": "p.onnx"},
    "report POLICY": {},
    "families": {"--json": "f.json"},
    "learners": {},
    "train point-navigation": {
        **{"--learner": "rl2", "--iterations": "1", "--meta-batch": "2", "--episodes": "1", "--out": "run"},
        **{"--epochs": "1", "--hidden-size": "4", "--seed": "0"},
    },
}


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from(sorted(COMMANDS)))
    options = dict(COMMANDS[command])
    words = command.split()
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["value", "flag", "word", "argument"]))
        if kind == "value" and options:
            options[draw(st.sampled_from(sorted(options)))] = draw(TEXTS)
        elif kind == "flag":
            options["--" + draw(st.text("abcdefgh-_ =é", max_size=9))] = draw(TEXTS)
        elif kind == "argument":
            words.append(draw(TEXTS))
        else:
            words[draw(st.integers(0, len(words) - 1))] = draw(TEXTS)
    return [*words, *(part for option in options.items() for part in option)]


@pytest.mark.slow
@fuzzed
@given(arguments=command_lines())
def test_command_lines(arguments: list[str], trained: Path) -> None:
    if arguments[0] in ("demo", "bench"):  # which take minutes
        return
    shutil.rmtree("run", ignore_errors=True)
    status, errors = run(*(str(trained) if word == "POLICY" else word for word in arguments))
    assert status in (0, 1, 2)
    assert "Traceback" not in errors
    assert status == 0 or errors.strip()


# -- task rows ---------------------------------------------------------------------------------------------------------


@fuzzed
@given(
    family=st.sampled_from(["point-navigation", "cheetah-dynamics", "quadruped", "grasp"]),
    row=st.dictionaries(NAMES | st.text(max_size=9), ANYTHING | st.floats(-3.0, 3.0), max_size=3),
)
def test_task_rows(family: str, row: dict[str, Any]) -> None:
    made = FAMILIES[family]()
    try:
        with in_time():
            task = next(iter(made.task(**row)))
    except rm.UserError as error:
        refused(error)
        return
    for name, value in row.items():
        if name in task and isinstance(value, int | float):
            assert task[name] == pytest.approx(value)
    for parameter in made.space:
        low, high = parameter.bounds
        assert low <= task[parameter.name] <= high


# -- files -------------------------------------------------------------------------------------------------------------


def damaged(text: str, place: float, value: Any, *, drop: bool) -> str:
    """JSON in which one value, somewhere, is another one, or is missing."""
    data = json.loads(text)
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                visit(node[key])

    visit(data)
    node, key = places[min(int(place * len(places)), len(places) - 1)]
    if drop:
        del node[key]
    else:
        node[key] = value
    return json.dumps(data)


@fuzzed
@given(place=st.floats(0.0, 0.999), value=JSON, drop=st.booleans())
def test_configurations(place: float, value: Any, drop: bool, trained: Path) -> None:
    shutil.rmtree("copy", ignore_errors=True)
    shutil.copytree(trained, "copy")
    folder = RunFolder(Path("copy"))
    text = folder.config.read_text()
    folder.config.write_text(damaged(text, place, value, drop=drop))
    try:
        with in_time():
            config, _ = folder.read_config()
    except rm.UserError as error:
        refused(error)
        return
    original, _ = RunFolder(trained).read_config()
    for name, value in vars(config).items():  # another value may be meant, another type may not
        assert type(value) is type(getattr(original, name)), name


@fuzzed
@given(place=st.floats(0.0, 1.0, exclude_max=True), bit=st.integers(0, 7), file=st.integers(0, 2), cut=st.booleans())
def test_flipped_bits_and_cut_files(place: float, bit: int, file: int, cut: bool, trained: Path) -> None:
    shutil.rmtree("copy", ignore_errors=True)
    shutil.copytree(trained, "copy")
    checkpoint = RunFolder(Path("copy")).checkpoints()[-1]
    target = sorted(checkpoint.iterdir())[file]
    content = bytearray(target.read_bytes())
    position = int(place * len(content))
    content[position] ^= 1 << bit
    target.write_bytes(content[:position] if cut else content)
    with in_time(), pytest.raises(rm.UserError) as error:
        rm.resume("copy", progress=False)
    refused(error.value)


@fuzzed
@given(place=st.floats(0.0, 0.999), value=JSON, drop=st.booleans())
def test_manifests_with_a_checksum_that_fits(place: float, value: Any, drop: bool, trained: Path) -> None:
    original = RunFolder(trained).checkpoints()[-1] / "policy.safetensors"
    data = json.loads(damaged(read_header(original).manifest, place, value, drop=drop))
    write_tensors(read_tensors(original), data, Path("forged.safetensors"))
    try:
        with in_time():
            policy = rm.load("forged.safetensors")
    except rm.UserError as error:
        refused(error)
        return
    assert policy.family.name == "point-navigation"


# -- from_mjcf ---------------------------------------------------------------------------------------------------------

ARM = """
<mujoco>
  <worldbody>
    <body name="arm">
      <joint name="hinge" axis="0 1 0" damping="0.1"/>
      <geom name="rod" size="0.03 0.2" type="capsule"/>
    </body>
  </worldbody>
  <actuator><motor name="motor" joint="hinge" ctrlrange="-1 1"/></actuator>
  <sensor><jointpos joint="hinge"/></sensor>
</mujoco>
"""
OPTIONS = [
    *("name", "summary", "source", "frame_skip", "horizon", "keyframe", "reset_noise", "reset", "observe"),
    *("observations", "fields", "terminated", "success", "success_lasts", "shaping_reward", "distance", "robots"),
    *("observe_privileged_state", "privileged_state", "init_std", "camera", "vary", "reward", "model"),
]


@fuzzed
@given(
    options=st.dictionaries(st.sampled_from(OPTIONS), ANYTHING, min_size=1, max_size=2),
    start=st.integers(0, len(ARM)),
    length=st.integers(0, 5),
)
def test_from_mjcf(options: dict[str, Any], start: int, length: int) -> None:
    arguments: dict[str, Any] = {
        "model": ARM[:start] + ARM[start + length :] if length else ARM,
        "vary": {"arm.mass": scale(0.5, 2.0)},
        "reward": lambda step: step.after["qvel"][..., 0],
        **options,
    }
    try:
        with in_time():
            family = rm.from_mjcf(**arguments)
    except rm.UserError as error:
        refused(error)
        return
    assert family.horizon >= 1
    assert math.isfinite(family.dt)
    assert family.dt > 0.0
