"""What varies: the object, its neighbour, the table and the hand."""

from __future__ import annotations

from dataclasses import replace

from robotmeta.envs.distributions import Choice, LogUniform, Uniform
from robotmeta.envs.edits import ModelEdit
from robotmeta.envs.families.gripper.hand import FINGER_STRENGTH, goal_column
from robotmeta.envs.families.gripper.model import LATENCY
from robotmeta.envs.families.gripper.objects import kinds, scene
from robotmeta.envs.families.gripper.objects.composed import compose, read_by_compose
from robotmeta.envs.families.gripper.objects.scene import CAN, CARTON, NONE, PARALLEL, THREE_FINGERS
from robotmeta.envs.families.objects import FINGER_FRICTION, FRICTION, TABLE_FRICTION
from robotmeta.envs.parameters import Parameter, ParameterSpace, numbered

_READ = (ModelEdit(read_by_compose),)

_OBJECT = (
    Parameter(
        "object",
        "kind of the object",
        train=Choice(kinds.TRAINED),
        nominal=0.0,
        bounds=(0.0, len(kinds.NAMES) - 1.0),
        ood=Choice(kinds.HELD_OUT),
        edits=(ModelEdit(compose),),
        labels=numbered(kinds.NAMES),
    ),
    Parameter(
        "half_width",
        "half the width of a box, the radius of a can; the other lengths of all kinds are multiples of it",
        train=Uniform(0.016, 0.026),
        nominal=0.02,
        bounds=(0.008, 0.036),
        ood=Uniform(0.026, 0.031),
        edits=_READ,
        unit="m",
    ),
    Parameter(
        "aspect",
        "length over width of a box, height over width of a can; likewise for a body or a handle",
        train=Uniform(1.2, 1.6),
        nominal=1.4,
        bounds=(1.0, 2.5),
        ood=Uniform(1.6, 1.9),
        edits=_READ,
    ),
    Parameter(
        "part",
        "size of the second part, such as a neck, a head or the handle of a mug, divided by the half width",
        train=Uniform(0.7, 1.3),
        nominal=1.0,
        bounds=(0.3, 2.0),
        ood=Uniform(1.3, 1.6),
        edits=_READ,
    ),
    Parameter(
        "density",
        "mass of the object divided by its volume",
        train=LogUniform(600.0, 3000.0),
        nominal=1500.0,
        bounds=(50.0, 10_000.0),
        edits=_READ,
        unit="kg/m^3",
    ),
    Parameter(
        "part_density",
        "density of the second part divided by that of the first",
        train=LogUniform(0.7, 2.0),
        nominal=1.0,
        bounds=(0.1, 5.0),
        ood=Uniform(2.0, 2.5),
        edits=_READ,
    ),
    replace(FRICTION, edits=(ModelEdit(scene.rub),)),
    replace(FINGER_FRICTION, edits=(ModelEdit(scene.rub_in_hand),)),
    replace(TABLE_FRICTION, edits=(ModelEdit(scene.rub_on_table),)),
)
_AROUND = (
    Parameter(
        "neighbour",
        "what stands beside the object",
        train=Choice((NONE, CARTON)),
        nominal=NONE,
        bounds=(0.0, len(scene.NEIGHBOURS) - 1.0),
        ood=Choice((CAN,)),
        edits=(ModelEdit(scene.place_neighbour),),
        labels=numbered(scene.NEIGHBOURS),
    ),
    Parameter(
        "neighbour_gap",
        "space between the object and its neighbour",
        train=Uniform(0.025, 0.07),
        nominal=0.05,
        bounds=(0.005, 0.1),
        ood=Uniform(0.018, 0.025),
        edits=_READ,
        unit="m",
        qualifies="neighbour",
    ),
    Parameter(
        "neighbour_side",
        "direction from the object to its neighbour: 0 along the object, a quarter turn across it, behind",
        train=Uniform(0.3, 2.84),
        nominal=1.57,
        bounds=(0.3, 2.84),
        edits=_READ,
        unit="rad",
        qualifies="neighbour",
    ),
    Parameter(
        "edge",
        "distance from the middle of the table to its front edge",
        train=Uniform(0.11, 0.25),
        nominal=0.2,
        bounds=(0.08, 0.3),
        ood=Uniform(0.09, 0.11),
        edits=(ModelEdit(scene.show_edge),),
        unit="m",
    ),
)
_HAND = (
    Parameter(
        "gripper",
        "fingers: one on each side, or one against two",
        train=Choice((PARALLEL, THREE_FINGERS)),
        nominal=PARALLEL,
        bounds=(PARALLEL, THREE_FINGERS),
        edits=(ModelEdit(scene.choose_gripper),),
        labels=numbered(scene.GRIPPERS),
    ),
    FINGER_STRENGTH,
    LATENCY,
    goal_column(2, "height to lift to", (0.06, 0.16), 0.1, (0.03, 0.22)),
)
SPACE = ParameterSpace((*_OBJECT, *_AROUND, *_HAND))
"""The parameters of the family ``grasp-objects``."""
NOMINAL = {parameter.name: parameter.nominal for parameter in SPACE}
"""The nominal task."""
