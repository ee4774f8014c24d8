"""A file of episodes: what a fit reads from it, and what it refuses in one line."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robotmeta.adaptation.fitting.recorded import RecordedEpisodes
from robotmeta.envs import make
from robotmeta.errors import EnvironmentWarning, UserError

FAMILY = make("point-navigation")


def logged(**changes: Any) -> dict[str, Any]:
    """Two episodes of a point that goes to the east, of 20 and of 5 steps; None removes an array."""
    places = np.concatenate([np.arange(n)[:, None] * np.array([0.1, 0.0]) for n in (20, 5)])
    content = {
        "format": 1,
        "family": FAMILY.name,
        "dt": FAMILY.dt,
        "observation_names": [name for name, _ in FAMILY.observations],
        "action_names": [name for name, _ in FAMILY.actions],
        "lengths": [20, 5],
        "observations": places,
        "applied_actions": np.tile([1.0, 0.0], (25, 1)),
        "last_observations": [[2.0, 0.0], [0.5, 0.0]],
        "rewards": -np.hypot(places[:, 0] - 0.3, places[:, 1]),
        **changes,
    }
    return {name: np.asarray(value) for name, value in content.items() if value is not None}


def written(folder: Path, **changes: Any) -> Path:
    file = folder / "episodes.npz"
    np.savez(file, **logged(**changes))
    return file


def refused(file: Path) -> str:
    with pytest.raises(UserError) as raised:
        RecordedEpisodes.of_file(file, FAMILY)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_file_that_numpy_wrote_is_read(tmp_path: Path) -> None:
    recorded = RecordedEpisodes.of_file(written(tmp_path), FAMILY)
    assert (len(recorded), recorded.steps, recorded.saturated) == (2, 25, 0.5)
    assert recorded.observations[1, :7, 0].tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.0])
    assert recorded.observations.shape == (2, 21, 2)


def test_types_and_orders_of_numbers_do_not_matter(tmp_path: Path) -> None:
    plain = RecordedEpisodes.of_file(written(tmp_path), FAMILY)
    for kind in (">f8", "f2", np.longdouble):
        values = {name: logged()[name].astype(kind) for name in ("observations", "applied_actions", "rewards")}
        other = RecordedEpisodes.of_file(written(tmp_path, **values, lengths=np.array([20, 5], ">u2")), FAMILY)
        np.testing.assert_allclose(other.observations, plain.observations, atol=2e-3)


def test_a_family_in_a_file_may_have_moved(tmp_path: Path) -> None:
    moved = dataclasses.replace(FAMILY, name="here/robot.py:point")
    file = written(tmp_path, family="there/robot.py:point")
    assert RecordedEpisodes.of_file(file, moved).steps == 25
    with pytest.raises(UserError, match=r"holds episodes of family 'there/robot.py:point', not of"):
        RecordedEpisodes.of_file(file, dataclasses.replace(FAMILY, name="there/robot.py:other"))


def test_adaptation_episodes_are_taken_where_there_are_others(tmp_path: Path) -> None:
    assert len(RecordedEpisodes.of_file(written(tmp_path, phases=["adaptation", "before"]), FAMILY)) == 1
    assert len(RecordedEpisodes.of_file(written(tmp_path, phases=["before", "after"]), FAMILY)) == 2


@pytest.mark.parametrize("rewards", [None, np.full(25, np.nan)])
def test_rewards_need_not_be_known(tmp_path: Path, rewards: Any) -> None:
    recorded = RecordedEpisodes.of_file(written(tmp_path, rewards=rewards), FAMILY)
    assert bool(recorded.rewards[1, :5].isnan().all())


def test_actions_outside_their_range_are_clipped_counted_and_told(tmp_path: Path) -> None:
    file = written(tmp_path, applied_actions=np.tile([-3.0, 0.5], (25, 1)))
    with pytest.warns(EnvironmentWarning, match=r"25 of 50 values of actions are outside \[-1, 1\]; they are clipped"):
        recorded = RecordedEpisodes.of_file(file, FAMILY)
    assert recorded.saturated == 0.5
    assert float(recorded.actions.min()) == -1.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"family": "grasp"}, "holds episodes of family 'grasp', not of 'point-navigation'"),
        ({"observation_names": ["x", "z"]}, "which are x, y; they differ in z"),
        ({"action_names": ["dy", "dx"]}, "its actions are not those of family"),
        ({"dt": 0.02}, "its control step is 0.02 s, that of family 'point-navigation' is 0.1 s"),
        ({"dt": np.nan}, "its control step is nan s"),
        ({"format": 2}, "has layout 2, which this version cannot read; it reads 1"),
        ({"last_observations": None}, "has no array 'last_observations'; a file of episodes has format, family, dt"),
        ({"observations": np.full((25, 2), np.nan)}, "the recorded observations are not all finite: x, y"),
        ({"observations": np.full((25, 2), 1e300)}, "the recorded observations are not all finite: x, y"),
        ({"applied_actions": np.full((25, 2), np.inf)}, "the recorded actions are not all finite"),
        ({"rewards": np.full(25, np.inf)}, "the recorded rewards are not all finite"),
        ({"observations": np.zeros((25, 3))}, "array 'observations' has 3 columns, but there are 2 observation_names"),
        ({"last_observations": np.zeros((2, 1))}, "array 'last_observations' has 1 columns"),
        ({"observations": np.zeros((24, 2))}, "array 'observations' has 24 rows, but the sum of lengths is 25"),
        ({"phases": ["adaptation"]}, "array 'phases' has 1 rows, but there are 2 lengths"),
        ({"observations": np.zeros(50)}, "array 'observations' must have 2 axes, not 1"),
        ({"observations": np.zeros((25, 2), complex)}, "'observations' must hold numbers, not complex128"),
        ({"observations": np.full((25, 2), "0")}, "array 'observations' must hold numbers, not <U1"),
        ({"observations": np.full((25, 2), None)}, "must hold numbers, not Python objects, which are never loaded"),
        ({"family": b"point-navigation"}, "array 'family' must hold text, not |S16"),
        ({"lengths": [20.0, 5.0]}, "array 'lengths' must hold whole numbers, not float64"),
        ({"lengths": [30, -5]}, "lengths must be numbers of steps, not -5"),
        ({"lengths": np.array([2**63, 2**63, 25], np.uint64)}, "but the sum of lengths is 18446744073709551641"),
        ({"lengths": [10**15, 5]}, "has 25 rows, but the sum of lengths is 1000000000000005"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert said in refused(written(tmp_path, **changes))


def test_a_fit_needs_ten_steps(tmp_path: Path) -> None:
    short = {name: logged()[name][:9] for name in ("observations", "applied_actions", "rewards")}
    few = written(tmp_path, **short, lengths=[9], last_observations=[[0.9, 0.0]])
    assert "a fit needs at least 10 recorded steps, not 9" in refused(few)
    none = {name: values[:0] for name, values in short.items()}
    assert "not 0" in refused(written(tmp_path, **none, lengths=np.zeros(0, int), last_observations=np.zeros((0, 2))))


def _with_header(file: Path, shape: str) -> None:
    """A file whose observations state another size than they have."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, logged()["observations"])
    data = buffer.getvalue().replace(b"(25, 2)", shape.encode())
    with zipfile.ZipFile(file, "w") as archive:
        for name, values in logged().items():
            with archive.open(f"{name}.npy", "w") as member:
                if name == "observations":
                    member.write(data)
                else:
                    np.lib.format.write_array(member, values)


@pytest.mark.parametrize(
    "shape", ["(10**15, 2)", "(9999999999999999, 2)", "(-25, -2)", "(26, 2)", "(25, 2" + "[" * 500]
)
def test_an_array_that_states_another_size_is_damage(shape: str, tmp_path: Path) -> None:
    _with_header(tmp_path / "a.npz", shape)
    assert "is not a file of episodes (.npz), or is damaged" in refused(tmp_path / "a.npz")


def test_damage_anywhere_is_one_line(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "whole.npz", allow_pickle=False, **logged())
    whole, file = (tmp_path / "whole.npz").read_bytes(), tmp_path / "episodes.npz"
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged[: rng.integers(1, len(whole))] if rng.random() < 0.3 else damaged)
        with contextlib.suppress(UserError):  # whose text is always one line
            assert RecordedEpisodes.of_file(file, FAMILY).steps == 25


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04", b"\x80\x04K\x01.", b"\x93NUMPY\x01\x00"])
def test_what_is_no_file_of_episodes_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert "is not a file of episodes (.npz), or is damaged" in refused(tmp_path / "a")
    assert "cannot read" in refused(tmp_path / "nothing.npz")
    assert "is no LeRobot dataset: it has no meta/info.json" in refused(tmp_path)
