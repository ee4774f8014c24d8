"""MuJoCo's editable model: ``MjSpec`` and its elements.

A lookup by name returns None if there is no such element. Its type is written ``X | Any``: attributes are still checked
against ``X``, and callers who know that the element exists do not have to test for None.
"""

from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat, SupportsIndex, SupportsInt, TypeAlias

from mujoco._enums import (
    mjtDyn,
    mjtGain,
    mjtGeom,
    mjtInertiaFromGeom,
    mjtJoint,
    mjtLimited,
    mjtMark,
    mjtObj,
    mjtOrientation,
    mjtTrn,
    mjtWrap,
)
from mujoco._structs import MjModel, _Array

class MjSpec:
    memory: int  # bytes
    meshdir: str
    modelfiledir: str
    texturedir: str
    compiler: MjsCompiler
    default: MjsDefault
    option: MjOption
    stat: MjStatistic
    visual: MjVisual

    def __init__(self) -> None: ...
    @staticmethod
    def from_file(
        filename: str, include: Mapping[str, bytes] | None = None, assets: dict[str, bytes] | None = None
    ) -> MjSpec: ...
    @staticmethod
    def from_string(
        xml: str, include: Mapping[str, bytes] | None = None, assets: dict[str, bytes] | None = None
    ) -> MjSpec: ...
    def copy(self) -> MjSpec: ...
    def compile(self) -> MjModel: ...
    def to_xml(self) -> str: ...
    def delete(self, element: _Element, /) -> None: ...

    # Elements
    worldbody: MjsBody
    actuators: list[MjsActuator]
    bodies: list[MjsBody]
    cameras: list[MjsCamera]
    equalities: list[MjsEquality]
    excludes: list[MjsExclude]
    flexes: list[MjsFlex]
    geoms: list[MjsGeom]
    hfields: list[MjsHField]
    joints: list[MjsJoint]
    keys: list[MjsKey]
    lights: list[MjsLight]
    materials: list[MjsMaterial]
    meshes: list[MjsMesh]
    pairs: list[MjsPair]
    sensors: list[MjsSensor]
    sites: list[MjsSite]
    tendons: list[MjsTendon]
    textures: list[MjsTexture]
    tuples: list[MjsTuple]

    # Elements by name
    def actuator(self, name: str, /) -> MjsActuator | Any: ...
    def body(self, name: str, /) -> MjsBody | Any: ...
    def camera(self, name: str, /) -> MjsCamera | Any: ...
    def equality(self, name: str, /) -> MjsEquality | Any: ...
    def geom(self, name: str, /) -> MjsGeom | Any: ...
    def hfield(self, name: str, /) -> MjsHField | Any: ...
    def joint(self, name: str, /) -> MjsJoint | Any: ...
    def material(self, name: str, /) -> MjsMaterial | Any: ...
    def sensor(self, name: str, /) -> MjsSensor | Any: ...
    def site(self, name: str, /) -> MjsSite | Any: ...
    def tendon(self, name: str, /) -> MjsTendon | Any: ...
    def texture(self, name: str, /) -> MjsTexture | Any: ...

    # New elements; keywords are attributes of the element
    def add_actuator(self, **attributes: object) -> MjsActuator: ...
    def add_equality(self, **attributes: object) -> MjsEquality: ...
    def add_hfield(self, **attributes: object) -> MjsHField: ...
    def add_key(self, **attributes: object) -> MjsKey: ...
    def add_material(self, **attributes: object) -> MjsMaterial: ...
    def add_pair(self, **attributes: object) -> MjsPair: ...
    def add_sensor(self, **attributes: object) -> MjsSensor: ...
    def add_tendon(self, **attributes: object) -> MjsTendon: ...
    def add_texture(self, **attributes: object) -> MjsTexture: ...

class MjsCompiler:
    boundinertia: float  # kg m^2
    boundmass: float  # kg
    degree: bool
    fusestatic: bool
    inertiafromgeom: mjtInertiaFromGeom
    settotalmass: float  # kg; -1 leaves masses alone

class MjsDefault:
    actuator: MjsActuator

class MjOption:
    disableactuator: int  # bits of the groups
    disableflags: int
    enableflags: int
    impratio: float
    iterations: int
    ls_iterations: int
    timestep: float  # s
    tolerance: float

    @property
    def gravity(self) -> _Array: ...  # m/s^2
    @gravity.setter
    def gravity(self, value: Sequence[float]) -> None: ...
    @property
    def integrator(self) -> int: ...
    @integrator.setter
    def integrator(self, value: SupportsInt) -> None: ...
    @property
    def solver(self) -> int: ...
    @solver.setter
    def solver(self, value: SupportsInt) -> None: ...

class MjStatistic:
    extent: float  # m
    center: _Array

class MjVisual:
    headlight: MjVisualHeadlight

class MjVisualHeadlight:
    ambient: _Array
    diffuse: _Array

class MjsBody:
    name: str
    explicitinertial: bool
    gravcomp: float
    ialt: MjsOrientation
    mass: float  # kg
    simple: int
    bodies: list[MjsBody]
    cameras: list[MjsCamera]
    geoms: list[MjsGeom]
    joints: list[MjsJoint]
    lights: list[MjsLight]
    sites: list[MjsSite]
    fullinertia: _Array
    inertia: _Array
    ipos: _Array
    iquat: _Array
    pos: _Array
    quat: _Array

    def add_body(self, **attributes: object) -> MjsBody: ...
    def add_camera(self, **attributes: object) -> MjsCamera: ...
    def add_frame(self, **attributes: object) -> MjsFrame: ...
    def add_freejoint(self, **attributes: object) -> MjsJoint: ...
    def add_geom(self, **attributes: object) -> MjsGeom: ...
    def add_joint(self, **attributes: object) -> MjsJoint: ...
    def add_light(self, **attributes: object) -> MjsLight: ...
    def add_site(self, **attributes: object) -> MjsSite: ...

class MjsFrame:
    name: str

    def attach_body(self, body: MjsBody, prefix: str, suffix: str) -> MjsBody: ...

class MjsGeom:
    name: str
    conaffinity: int
    condim: int
    contype: int
    density: float  # kg/m^3
    gap: float  # m
    group: int
    hfieldname: str
    margin: float  # m
    mass: float  # kg
    material: str
    meshname: str
    parent: MjsBody
    priority: int
    solmix: float
    type: mjtGeom
    fromto: _Array
    pos: _Array
    quat: _Array
    rgba: _Array
    size: _Array
    solimp: _Array
    solref: _Array

class MjsJoint:
    name: str
    actfrclimited: int
    actgravcomp: int
    armature: float  # kg m^2, or kg for a slide
    frictionloss: float  # N m, or N for a slide
    limited: mjtLimited
    parent: MjsBody
    ref: float
    type: mjtJoint
    actfrcrange: _Array
    axis: _Array
    damping: _Array
    range: _Array
    springdamper: _Array
    stiffness: _Array

class MjsSite:
    name: str
    group: int
    material: str
    type: mjtGeom
    pos: _Array
    quat: _Array
    rgba: _Array
    size: _Array

class MjsCamera:
    name: str
    targetbody: str
    alt: MjsOrientation
    pos: _Array

class MjsOrientation:
    type: mjtOrientation
    xyaxes: _Array

class MjsFlex:
    name: str
    nodebody: MjStringVec
    vertbody: MjStringVec

class MjsLight:
    name: str
    targetbody: str
    diffuse: _Array
    dir: _Array

class MjsActuator:
    name: str
    actlimited: int
    armature: float  # kg m^2, or kg
    delay: float  # s
    dyntype: mjtDyn
    forcelimited: int
    gaintype: mjtGain
    nsample: int
    target: str
    trntype: mjtTrn
    actrange: _Array
    biasprm: _Array
    ctrlrange: _Array
    damping: _Array
    forcerange: _Array
    gainprm: _Array
    gear: _Array

    def set_to_position(
        self,
        kp: SupportsFloat,
        kv: SupportsFloat = -1,
        dampratio: SupportsFloat = -1,
        timeconst: SupportsFloat = -1,
        inheritrange: bool = False,
    ) -> None: ...

class MjsEquality:
    name: str
    name1: str
    name2: str
    objtype: mjtObj
    data: _Array
    solimp: _Array
    solref: _Array

class MjsExclude:
    name: str
    bodyname1: str
    bodyname2: str

class MjsHField:
    name: str

class MjsKey:
    name: str
    qpos: _Array

class MjsMaterial:
    name: str
    texuniform: bool
    textures: MjStringVec
    texrepeat: _Array

class MjStringVec:
    def __len__(self) -> int: ...
    def __getitem__(self, index: SupportsIndex) -> str: ...
    def __setitem__(self, index: SupportsIndex, value: str) -> None: ...

class MjsMesh:
    name: str
    file: str

class MjsPair:
    name: str
    condim: int
    geomname1: str
    geomname2: str
    friction: _Array
    solimp: _Array
    solref: _Array

class MjsSensor:
    name: str
    objname: str
    objtype: mjtObj
    refname: str
    reftype: mjtObj

class MjsTendon:
    name: str
    path: Sequence[MjsWrap]
    damping: _Array
    stiffness: _Array

    def wrap_joint(self, joint: str, coef: float) -> Any: ...

class MjsTuple:
    name: str

class MjsWrap:
    target: Any  # a joint, geom or site
    type: mjtWrap

class MjsTexture:
    name: str
    cubefiles: MjStringVec
    file: str
    height: int
    mark: mjtMark
    width: int

_Element: TypeAlias = (
    MjsActuator
    | MjsBody
    | MjsCamera
    | MjsEquality
    | MjsExclude
    | MjsFlex
    | MjsGeom
    | MjsHField
    | MjsJoint
    | MjsKey
    | MjsLight
    | MjsMesh
    | MjsPair
    | MjsSensor
    | MjsSite
    | MjsTendon
    | MjsTexture
    | MjsTuple
)
