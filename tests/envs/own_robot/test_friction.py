"""A friction that varies is the friction of the contacts, or it is refused with the reason."""

from __future__ import annotations

import itertools
from typing import Any

import mujoco
import numpy as np
import pytest

from robotmeta.envs import TaskFamily, scale, set_to
from robotmeta.envs.family import MujocoWorld
from robotmeta.envs.friction import KINDS, Surfaces, decides
from robotmeta.envs.models import ModelBuilder
from robotmeta.errors import UserError

# A finger that hangs over a floor, and a cube on the floor.
HAND = """
<mujoco>
  <option timestep="0.005" {option}>{flags}</option>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 1" {floor}/>
    <body name="finger" pos="0 0 0.5">
      <joint name="down" type="slide" axis="0 0 -1"/>
      <geom name="pad" size="0.05" {pad}/>
      <body name="nail" pos="0 0 0.2"><joint name="nail"/><geom name="nail" size="0.05" {nail}/></body>
    </body>
    <body name="cube" pos="1 0 0.1"><freejoint/><geom name="cube" type="box" size="0.1 0.1 0.1" {cube}/></body>
  </worldbody>
  <contact>{contact}</contact>
  <actuator><motor joint="down" ctrlrange="-1 1"/></actuator>
</mujoco>
"""
PAIR = '<pair name="slide" geom1="floor" geom2="cube" friction="1 1 .005 .0001 .0001" {}/>'


def hand(**given: str) -> str:
    blank = dict.fromkeys(("option", "flags", "floor", "pad", "nail", "cube", "contact"), "")
    return HAND.format(**{**blank, **given})


def models(model: str, vary: dict[str, Any], *values: float) -> list[mujoco.MjModel]:
    family = TaskFamily.from_mjcf(model, vary, lambda step: step.after["qvel"][..., 0])
    assert isinstance(family.world, MujocoWorld)
    build = ModelBuilder(family.world.spec, family.space)
    name = family.space.names[0]
    return [build(family.space.row({name: value}))[0] for value in values]


def refusal(model: str, vary: dict[str, Any]) -> str:
    with pytest.raises(UserError) as refused:
        models(model, vary)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def slide(model: mujoco.MjModel) -> float:
    """Distance that the cube slides from 1 m/s on, m."""
    data = mujoco.MjData(model)
    data.joint(1 + model.joint("nail").id).qvel[0] = 1.0
    mujoco.mj_step(model, data, 400)
    return float(data.body("cube").xpos[0] - 1.0)


# -- what has no effect ------------------------------------------------------------------------------------------------

HALF_TO_TWO = scale(0.5, 2.0)


@pytest.mark.parametrize(
    ("target", "given", "reason"),
    [
        (
            "floor.friction",
            {"floor": 'priority="1"', "contact": PAIR.format("")},
            "the contact of 'floor' and 'cube' is a <pair> with friction of its own; vary 'pair:slide.friction'",
        ),
        ("cube.friction", {"contact": PAIR.format("")}, "vary 'pair:slide.friction'"),
        ("cube.friction", {}, "MuJoCo takes the larger friction of two geoms in contact, and 'floor' has 1"),
        (
            "cube.friction",
            {"floor": 'priority="2"'},
            "higher priority counts, and 'floor' has 1; vary '*.friction', or",
        ),
        ("cube.friction", {"floor": 'priority="2"'}, "give 'cube' priority=\"3\" in the model"),
        (  # against each other, not only against the world
            "cube.friction",
            {"cube": 'friction="4"', "pad": 'friction="9"'},
            "MuJoCo takes the larger friction of two geoms in contact, and 'pad' has 9",
        ),
        ("cube.torsional_friction", {"cube": 'priority="1"'}, "the contacts of 'cube' have condim 3, which is without"),
        (
            "cube.rolling_friction",
            {"cube": 'priority="1" condim="4"'},
            'which is without rolling friction; give it condim="6"',
        ),
        ("cube.friction", {"cube": 'priority="1" condim="1"'}, "have condim 1, which is without friction"),
        ("cube.friction", {"cube": 'contype="0" conaffinity="0"'}, "nothing in the model can touch 'cube'"),
        (
            "cube.friction",
            {
                "cube": 'priority="1"',
                "contact": '<exclude body1="cube" body2="world"/><exclude body1="cube" body2="finger"/>'
                '<exclude body1="cube" body2="nail"/>',
            },
            "nothing in the model can touch 'cube': look at contype, conaffinity and excludes",
        ),
        ("*.friction", {"flags": '<flag contact="disable"/>'}, "the model has no contacts"),
        ("*.friction", {"flags": '<flag override="enable"/>', "option": 'o_friction="1 1 1 1 1"'}, "o_friction"),
        ("pair:slide.torsional_friction", {"contact": PAIR.format("")}, "pair 'slide' has condim 3"),
        ("pair:slide.friction", {"contact": PAIR.format('condim="1"')}, "which is without friction"),
    ],
)
def test_a_friction_without_effect_is_refused_with_the_reason(target: str, given: dict[str, str], reason: str) -> None:
    assert reason in refusal(hand(**given), {target: HALF_TO_TWO})


@pytest.mark.parametrize(
    ("target", "given", "way"),
    [
        ("floor.friction", {"floor": 'priority="1"'}, HALF_TO_TWO),
        ("cube.friction", {"cube": 'priority="1"'}, HALF_TO_TWO),
        ("cube.friction", {}, scale(1.0, 2.0)),  # never below that of the others
        ("*.friction", {}, HALF_TO_TWO),
        ("[cf]*.friction", {"pad": 'friction="0.2"', "nail": 'friction="0.2"'}, HALF_TO_TWO),
        ("cube.torsional_friction", {"cube": 'priority="1" condim="4"'}, HALF_TO_TWO),
        ("pair:slide.friction", {"contact": PAIR.format("")}, HALF_TO_TWO),
        ("pair:*.rolling_friction", {"contact": PAIR.format('condim="6"')}, HALF_TO_TWO),
        # Between parts of one robot, another friction may count.
        ("nail.friction", {"nail": 'priority="1"', "pad": 'priority="2" contype="2"'}, HALF_TO_TWO),
    ],
)
def test_a_friction_that_counts_is_the_friction_of_the_contacts(target: str, given: dict[str, str], way: Any) -> None:
    assert len(models(hand(**given), {target: way}, 1.0, 1.5)) == 2


# -- pairs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [PAIR.format(""), PAIR.format("").replace('name="slide" ', "")])
def test_the_friction_of_a_pair_is_varied_by_its_name(pair: str) -> None:
    named = "slide" if "slide" in pair else "floor_cube"
    for target in (f"pair:{named}.friction", "pair:*.friction", f"{named}.friction"):
        rough, smooth = models(hand(contact=pair), {target: set_to(0.2, 1.0)}, 0.4, 0.2)
        np.testing.assert_allclose(smooth.pair_friction[0], [0.2, 0.2, 0.005, 0.0001, 0.0001])
        # It slides v^2 / (2 mu g), less the little that it slides in every simulated contact.
        assert slide(smooth) == pytest.approx(1.0 / (2.0 * 0.2 * 9.81), rel=0.05)
        assert slide(rough) == pytest.approx(1.0 / (2.0 * 0.4 * 9.81), rel=0.05)


def test_with_its_pairs_varied_too_the_friction_of_geoms_may_vary() -> None:
    vary = {"floor.friction": HALF_TO_TWO, "pair:*.friction": HALF_TO_TWO}
    assert models(hand(floor='priority="1"', contact=PAIR.format("")), vary, 1.0)


def test_a_pattern_stands_for_the_friction_of_geoms_and_pairs() -> None:
    (both,) = models(hand(contact=PAIR.format("")), {"*.friction": HALF_TO_TWO}, 0.5)
    np.testing.assert_allclose(both.geom_friction[:, 0], 0.5)
    np.testing.assert_allclose(both.pair_friction[0], [0.5, 0.5, 0.005, 0.0001, 0.0001])
    (geoms,) = models(hand(), {"geom:*.friction": HALF_TO_TWO}, 0.5)
    np.testing.assert_allclose(geoms.geom_friction[:, 0], 0.5)
    assert "vary 'pair:slide.friction'" in refusal(hand(contact=PAIR.format("")), {"geom:*.friction": HALF_TO_TWO})
    untouchable = dict.fromkeys(("floor", "pad", "nail", "cube"), 'contype="0" conaffinity="0"')
    assert models(hand(contact=PAIR.format(""), **untouchable), {"*.friction": HALF_TO_TWO}, 0.5)


def test_values_out_of_distribution_and_what_varies_beside_count_too() -> None:
    assert "and 'floor' has 1;" in refusal(hand(), {"cube.friction": scale(1.0, 2.0, ood=(0.5, 1.0))})
    beside = {"cube.friction": scale(1.0, 2.0), "floor.friction": scale(1.0, 3.0)}
    assert "and 'floor' has 3;" in refusal(hand(), beside)
    assert models(hand(floor='priority="1"'), {"floor.friction": scale(0.5, 3.0), "*.friction": scale(0.5, 2.0)}, 1.0)


# -- the filters of contacts -------------------------------------------------------------------------------------------

CROWD = """
<mujoco>
  <option>{flag}</option>
  <worldbody>
    <geom name="plane" type="plane" size="1 1 1"/>
    <geom name="ground" size="0.1"/>
    <body name="fixed"><geom name="fixed" size="0.1"/></body>
    <body name="mocap" mocap="true"><geom name="mocap" size="0.1"/></body>
    <body name="a"><freejoint/><geom name="a" size="0.1"/><geom name="a2" size="0.1" contype="2" conaffinity="4"/>
      <body name="welded"><geom name="welded" size="0.1"/>
        <body name="b"><joint/><geom name="b" size="0.1"/>
          <body name="c"><joint/><geom name="c" size="0.1" contype="4" conaffinity="1"/></body></body></body></body>
    <body name="d"><joint type="slide"/><geom name="d" size="0.1" contype="0"/></body>
    <body name="e"><joint type="slide"/><geom name="e" size="0.1"/></body>
  </worldbody>
  <contact><exclude body1="e" body2="a"/><exclude body1="d" body2="welded"/></contact>
</mujoco>
"""


@pytest.mark.parametrize("flag", ["", '<flag filterparent="disable"/>'])
def test_geoms_can_touch_if_mujoco_lets_them_touch(flag: str) -> None:
    model = mujoco.MjModel.from_xml_string(CROWD.format(flag=flag))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)  # all of them are in one place
    touching = {frozenset(pair) for pair in data.contact.geom.tolist()}
    possible = Surfaces.of(model).touch
    expected = {frozenset(pair) for pair in itertools.combinations(range(model.ngeom), 2) if possible[pair]}
    assert touching == expected
    assert len(touching) > 10
    dimensions = Surfaces.of(model).dimension
    assert all(dimensions[tuple(pair)] == dim for pair, dim in zip(data.contact.geom, data.contact.dim, strict=True))


FLEX = """
<mujoco><worldbody>
  <geom name="floor" type="plane" size="5 5 1" friction="0.1"/>
  <body name="cart" pos="0 0 2"><joint name="cart" type="slide" axis="1 0 0"/><geom name="cart" size="0.1"/></body>
  <flexcomp name="cloth" type="grid" count="3 3 1" spacing="0.1 0.1 0.1" pos="0 0 1" dim="2" radius="0.01" mass="0.1">
    <contact friction="0.8" {}/><edge equality="true"/></flexcomp>
</worldbody><actuator><motor joint="cart" ctrlrange="-1 1"/></actuator></mujoco>
"""


def test_flexible_bodies_touch_too() -> None:
    rigid = FLEX.replace('<geom name="cart" size="0.1"/>', '<geom name="cart" size="0.1" friction="0.1"/>')
    assert "and 'flex 0' has 0.8" in refusal(rigid.format(""), {"*.friction": scale(1.0, 2.0)})
    assert models(rigid.format('priority="-1"'), {"*.friction": scale(1.0, 2.0)}, 1.5)


def crowd(rng: np.random.Generator) -> str:
    """Geoms in one place, with friction, priorities, dimensions and masks at random."""

    def geom(name: str) -> str:
        slide, twist, roll = rng.choice([0.3, 0.5, 1.0, 2.0]), rng.choice([0.01, 0.05]), rng.choice([0.001, 0.002])
        return (
            f'<geom name="{name}" size="0.1" friction="{slide} {twist} {roll}" condim="{rng.choice([1, 3, 4, 6])}" '
            f'priority="{rng.choice([0, 0, 1, 2])}" contype="{rng.choice([1, 1, 2])}" '
            f'conaffinity="{rng.choice([1, 3])}"/>'
        )

    one, other = rng.choice(["a", "b", "c", "d"], 2, replace=False)
    return f"""
    <mujoco><worldbody>{geom("fixed")}
      <body name="A"><freejoint/>{geom("a")}{geom("a2")}
        <body name="B"><joint/>{geom("b")}<body name="C"><joint/>{geom("c")}</body></body></body>
      <body name="D"><joint type="slide"/>{geom("d")}</body></worldbody>
    <contact><pair geom1="{one}" geom2="{other}" condim="6"/><exclude body1="A" body2="D"/></contact></mujoco>"""


@pytest.mark.parametrize("seed", range(40))
def test_a_friction_counts_where_that_of_mujocos_contact_follows_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = mujoco.MjModel.from_xml_string(crowd(rng))
    nominal = model.geom_friction.copy()
    for column, (kind, entry, dimension) in enumerate(zip(KINDS, (0, 2, 3), (3, 4, 6), strict=True)):
        varied = rng.choice(model.ngeom, rng.integers(1, 4), replace=False)
        lowest, frictions = float(rng.choice([0.4, 0.8, 1.0])), []
        for factor in (lowest, 1.3 * lowest):
            model.geom_friction[:] = nominal
            model.geom_friction[varied, column] *= factor
            data = mujoco.MjData(model)
            mujoco.mj_forward(model, data)
            frictions.append(
                {frozenset(c.geom.tolist()): c.friction[entry] for c in data.contact if c.dim >= dimension}
            )
        follows = [
            frictions[1][pair] == pytest.approx(1.3 * frictions[0][pair])
            for pair in frictions[0]
            if pair & set(varied.tolist())
        ]
        model.geom_friction[:] = nominal
        low = {int(geom): float(lowest * nominal[geom, column]) for geom in varied}
        assert decides(low, kind, model) == any(follows)
