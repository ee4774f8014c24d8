"""Episodes as a LeRobot dataset: written as they happen, read back as they were, and refused in one line."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import robotmeta as rm
from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.adaptation.lerobot import DatasetWriter
from robotmeta.adapters.gymnasium_out import FamilyEnv
from robotmeta.adapters.robot import RobotEnv
from robotmeta.config import RunConfig, hyperparameters
from robotmeta.envs import from_mjcf, make, scale
from robotmeta.errors import EnvironmentFailed, UserError
from robotmeta.policy import new_policy
from tests.real_robots import Clock
from tests.robots import Robot, point_policy, raising

pyarrow = pytest.importorskip("pyarrow", reason="needs robotmeta[lerobot]")
parquet = pytest.importorskip("pyarrow.parquet", reason="needs robotmeta[lerobot]")

pytestmark = pytest.mark.filterwarnings("ignore:only the number of observations and actions:UserWarning")
FAMILY = make("point-navigation")
DATA = Path("data/chunk-000")


def arrays(*lengths: int, phases: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Episodes of a point that goes to the east."""
    places = np.concatenate([np.arange(n)[:, None] * np.array([0.1, 0.0]) for n in lengths]).astype(np.float32)
    return {
        "lengths": np.array(lengths),
        "observations": places,
        "applied_actions": np.tile(np.array([1.0, 0.5], np.float32), (len(places), 1)),
        "last_observations": np.array([[0.1 * n, 0.0] for n in lengths], np.float32),
        "rewards": -np.abs(places[:, 0] - np.float32(0.3)),
        "phases": np.array(phases or ["adaptation"] * len(lengths)),
        "ended": np.array(["time limit"] * len(lengths)),
    }


def written(folder: Path, *lengths: int, phases: tuple[str, ...] = ()) -> Path:
    DatasetWriter(folder / "set", FAMILY, FAMILY.dt).write(arrays(*(lengths or (20, 5)), phases=phases))
    return folder / "set"


def read(folder: Path) -> RecordedEpisodes:
    return RecordedEpisodes.of_file(folder, FAMILY)


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as raised:
        read(folder)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def same(one: RecordedEpisodes, other: RecordedEpisodes) -> bool:
    return all(bool((a == vars(other)[name]).all()) for name, a in vars(one).items())


CART = """<mujoco><option timestep="0.01"/><worldbody><body name="cart" pos="0 0 .2">
  <joint name="x" type="slide" axis="1 0 0" damping="0.5"/><geom type="box" size=".1 .1 .1" mass="1"/></body>
  </worldbody>
  <actuator><motor joint="x" gear="5" ctrlrange="-1 1"/></actuator></mujoco>"""


class Cart:
    """A cart of 2 kg, behind noisy sensors; an action acts 12 ms late."""

    observation_features = {"x_velocity": float, "x": float}  # noqa: RUF012
    action_features = {"x": float}  # noqa: RUF012

    def __init__(self, family: rm.TaskFamily) -> None:
        self._env, self._rng, self._last = FamilyEnv(family, task={"cart_mass": 2.0}), np.random.default_rng(0), 0.0

    def connect(self) -> None:
        self._state, _ = self._env.reset(seed=0)

    def get_observation(self) -> dict[str, float]:
        x, velocity = self._state + self._rng.normal(0.0, 1e-3, 2)
        return {"x": x, "x_velocity": velocity}

    def send_action(self, action: dict[str, float]) -> None:
        self._state, *_ = self._env.step(np.array([0.7 * action["x"] + 0.3 * self._last]))
        self._last = action["x"]

    def disconnect(self) -> None:
        self._env.close()


@pytest.mark.slow
def test_what_a_robot_does_is_written_as_it_happens_read_back_and_fitted(tmp_path: Path) -> None:
    (tmp_path / "cart.xml").write_text(CART)
    vary = {"cart.mass": scale(0.5, 3.0), "x.damping": scale(0.5, 2.0)}
    family = from_mjcf(tmp_path / "cart.xml", vary, lambda step: -step.after["qpos"][..., 0].abs(), horizon=20)
    clock, file, folder = Clock(), tmp_path / "episodes.npz", tmp_path / "dataset"
    robot = RobotEnv(
        Cart(family),
        reward=lambda before, action, after: -abs(after["x"]),
        dt=family.dt,
        horizon=20,
        clock=clock,
        sleep=clock.sleep,
    )
    counts: list[int] = []

    def count(episode: Any) -> None:
        counts.append(json.loads((folder / "meta/info.json").read_text())["total_episodes"])

    policy = new_policy(RunConfig(family.name, "rl2", hyperparameters("rl2", {"init_std": 0.8})), family=family)
    with rm.wrap(robot) as world:
        adapted = rm.adapt(policy, world, episodes=2, episodes_out=file, dataset_out=folder, on_episode=count)
    assert counts == [1, 2]
    read_back = RecordedEpisodes.of_file(folder, family)
    assert adapted.recorded is not None
    assert same(read_back, adapted.recorded)
    assert same(read_back, RecordedEpisodes.of_file(file, family))
    mass = rm.fit(family, folder, known={"x_damping": 1.0}).parameters["cart_mass"]
    assert mass.known
    assert mass.low < 2.0 < mass.high
    assert mass.value == pytest.approx(2.0, rel=0.1)


def test_the_files_are_those_of_the_format(tmp_path: Path) -> None:
    folder = written(tmp_path)
    info = json.loads((folder / "meta/info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["total_frames"]) == ("v3.0", 10, 21 + 6)
    assert info["features"]["observation.state"] == {"dtype": "float32", "shape": [2], "names": ["x", "y"]}
    files = [folder / info["data_path"].format(chunk_index=0, file_index=n) for n in range(2)]
    frames = pyarrow.concat_tables([parquet.read_table(file) for file in files])
    assert set(frames.column_names) == set(info["features"])
    assert frames["index"].to_pylist() == list(range(27))
    assert frames["timestamp"].to_pylist()[21:24] == pytest.approx([0.0, 0.1, 0.2])
    assert frames["next.done"].to_pylist() == [n in (20, 26) for n in range(27)]
    assert frames.schema.field("action").type == pyarrow.list_(pyarrow.float32(), 2)
    (episodes,) = (folder / "meta/episodes").rglob("*.parquet")
    assert parquet.read_table(episodes)["dataset_to_index"].to_pylist() == [21, 27]
    tasks = parquet.read_table(folder / "meta/tasks.parquet")
    assert tasks["task"].to_pylist() == ["point-navigation: adaptation"]
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    stats = json.loads((folder / "meta/stats.json").read_text())
    assert set(stats) == set(info["features"])
    assert stats["observation.state"]["max"] == pytest.approx([2.0, 0.0])
    assert stats["action"]["mean"] == [1.0, 0.5]


def test_a_robot_that_breaks_leaves_a_whole_dataset(tmp_path: Path) -> None:
    robot = Robot(at=8, step=raising(RuntimeError("the cable is loose")))
    with pytest.raises(EnvironmentFailed):
        rm.adapt(point_policy(), rm.wrap(robot, horizon=5), episodes=3, dataset_out=tmp_path / "set")
    with pytest.raises(UserError, match="at least 10 recorded steps, not 7"):
        read(tmp_path / "set")


def test_adaptation_episodes_are_taken_where_there_are_others(tmp_path: Path) -> None:
    assert len(read(written(tmp_path / "a", phases=("adaptation", "before")))) == 1
    assert len(read(written(tmp_path / "b", phases=("before", "after")))) == 2


def test_a_dataset_needs_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(UserError, match="is not empty: a LeRobot dataset needs a new folder"):
        DatasetWriter(tmp_path, FAMILY, 0.1)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert refused(folder) == "a LeRobot dataset needs the package pyarrow: pip install 'robotmeta[lerobot]'"
    with pytest.raises(UserError, match="pip install"):
        rm.adapt(point_policy(), rm.wrap(Robot(), horizon=5), dataset_out=tmp_path / "new")


# -- datasets of others ------------------------------------------------------------------------------------------------


def retold(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The dataset with another ``meta/info.json``."""
    file = folder / "meta/info.json"
    info = json.loads(file.read_text())
    change(info)
    file.write_text(json.dumps(info))
    return folder


def reframed(folder: Path, change: Callable[[Any], Any]) -> Path:
    """The dataset with other frames of its first episode."""
    file = folder / DATA / "file-000.parquet"
    parquet.write_table(change(parquet.read_table(file)), file)
    return folder


def replaced(name: str, values: Any) -> Callable[[Any], Any]:
    return lambda table: table.set_column(table.column_names.index(name), name, values)


def renamed(feature: str, names: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda info: info["features"][feature].update(names=names)


def test_names_may_be_in_another_order_and_in_groups(tmp_path: Path) -> None:
    plain = read(written(tmp_path))
    other = read(retold(tmp_path / "set", renamed("observation.state", {"motors": ["y", "x"]})))
    assert bool((other.observations == plain.observations.flip(-1)).all())


def test_observations_may_be_in_several_columns(tmp_path: Path) -> None:
    plain = read(written(tmp_path))

    def split(info: dict[str, Any]) -> None:
        feature = {"dtype": "float32", "shape": [1]}
        info["features"]["observation.state"] = {**feature, "names": ["x"]}
        info["features"]["observation.environment_state"] = {**feature, "names": ["y"]}
        info["features"]["observation.images.front"] = {"dtype": "video", "shape": [4, 4, 3], "names": ["h", "w", "c"]}

    for number in range(2):
        file = tmp_path / "set" / DATA / f"file-{number:03d}.parquet"
        table = parquet.read_table(file)
        state = table["observation.state"].combine_chunks().flatten().to_numpy().reshape(-1, 2)
        table = replaced("observation.state", pyarrow.array(state[:, 0]))(table)
        wide = [[value] for value in state[:, 1].astype(np.float64)]  # a list of one double
        parquet.write_table(table.append_column("observation.environment_state", pyarrow.array(wide)), file)
    assert same(read(retold(tmp_path / "set", split)), plain)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            renamed("observation.state", ["x", "z"]),
            "is of another robot: observations that it lacks: y, observations of its own: z; those of family "
            "'point-navigation' are x, y",
        ),
        (renamed("observation.state", None), "observations that it lacks: x, y, observations of its own: none"),
        (renamed("action", ["dx", "arm"]), "actions that it lacks: dy, actions of its own: arm; those of family"),
        (renamed("action", ["dx", "dx"]), "two actions are called dx"),
        (lambda info: info.update(fps=50), "its control step is 0.02 s, that of family 'point-navigation' is 0.1 s"),
        (lambda info: info.update(fps=0), "info.json is damaged: fps"),
        (lambda info: info.update(codebase_version="v2.1"), "has version v2.1 of the format; this reads v3.0"),
        (lambda info: info.update(total_episodes=3), "has 2 of the 3 episodes that meta/info.json counts"),
        (lambda info: info.pop("features"), "info.json is damaged: KeyError"),
        (lambda info: info["features"]["action"].update(shape=["a"]), "info.json is damaged"),
    ],
)
def test_what_the_dataset_says_of_itself_must_fit(change: Any, said: str, tmp_path: Path) -> None:
    assert said in refused(retold(written(tmp_path), change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda table: pyarrow.concat_tables([table[:7], table[9:]]),
            "episode 0 has a gap: frame 6 is followed by frame 9, where 7 is due; cut the episode there",
        ),
        (lambda table: table[2:], "episode 0 has a gap: it begins with frame 2, where 0 is due"),
        (lambda table: table[:18], "episode 0 has 18 frames, and 21 by meta/episodes"),
        (
            replaced("timestamp", pyarrow.array([0.1 * (n + 3 * (n > 4)) for n in range(21)])),
            "episode 0 has a gap: frame 5 is 0.4 s after the one before, not 0.1 s",
        ),
        (replaced("timestamp", pyarrow.array([0.0] * 21)), "frame 1 is 0 s after the one before"),
        (lambda table: table.drop_columns(["action"]), "its frames have no column action"),
        (replaced("action", pyarrow.array([[1.0]] * 21)), "not every action has 2 entries"),
        (replaced("action", pyarrow.array([[1.0, 0.0]] * 20 + [None])), "not every action has 2 entries"),
        (replaced("action", pyarrow.array([["a", "b"]] * 21)), "file-000.parquet is damaged: ValueError"),
        (replaced("frame_index", pyarrow.array([None] + [1] * 20)), "file-000.parquet is damaged"),
        (replaced("observation.state", pyarrow.array([[np.nan, 0.0]] * 21)), "observations are not all finite: x"),
    ],
)
def test_frames_must_be_whole(change: Any, said: str, tmp_path: Path) -> None:
    assert said in refused(reframed(written(tmp_path), change))


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("data/chunk-000/file-001.parquet", "has 1 of the 2 episodes that meta/info.json counts"),
        ("meta/episodes/chunk-000/file-000.parquet", "has no meta/episodes/chunk-*/file-*.parquet"),
        ("meta/info.json", "is no LeRobot dataset: it has no meta/info.json"),
    ],
)
def test_a_file_that_is_missing_is_named(file: str, said: str, tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / file).unlink()
    assert said in refused(folder)


def test_damage_anywhere_is_one_line_or_harmless(tmp_path: Path) -> None:
    whole = read(written(tmp_path))
    rng = np.random.default_rng(0)
    files = [file for file in (tmp_path / "set").rglob("*") if file.suffix in (".json", ".parquet")]
    for _ in range(60):
        file = files[rng.integers(len(files))]
        content = file.read_bytes()
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged[: rng.integers(1, len(content))] if rng.random() < 0.3 else damaged)
        with contextlib.suppress(UserError):  # whose text is always one line
            assert read(tmp_path / "set").steps == whole.steps
        file.write_bytes(content)
