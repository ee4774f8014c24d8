"""MuJoCo's compiled model, its simulation data, and their views by name."""

from typing import ClassVar, SupportsInt, overload, type_check_only

import numpy as np
from numpy.typing import ArrayLike

@type_check_only
class _Array:
    """An array: reading it gives a view of MuJoCo's memory, and anything array-like can be assigned."""

    def __get__(self, instance: object, owner: type) -> np.ndarray: ...
    def __set__(self, instance: object, value: ArrayLike) -> None: ...

class MjModel:
    _all_fields: ClassVar[tuple[str, ...]]
    _setconst_inputs: ClassVar[tuple[str, ...]]  # fields that mj_setConst reads

    @staticmethod
    def from_xml_string(xml: str, assets: dict[str, bytes] | None = None) -> MjModel: ...

    # Sizes
    nactuator: int
    nbody: int
    ncam: int
    nconmax: int
    neq: int
    nflex: int
    ngeom: int
    njnt: int
    nhfield: int
    nhfielddata: int
    njmax: int
    nkey: int
    npair: int
    nq: int
    nsensor: int
    nsite: int
    ntendon: int
    ntex: int
    ntree: int
    nu: int
    na: int
    nv: int

    # Options, statistics and visual settings
    opt: MjOption
    stat: MjStatistic
    vis: MjVisual

    # Arrays
    actuator_acc0: _Array
    actuator_actlimited: _Array
    actuator_actrange: _Array
    actuator_biasprm: _Array
    actuator_biastype: _Array
    actuator_ctrladr: _Array
    actuator_ctrllimited: _Array
    actuator_ctrlnum: _Array
    actuator_ctrlrange: _Array
    actuator_ctrlspec: _Array
    actuator_damping: _Array
    actuator_dampingpoly: _Array
    actuator_delay: _Array
    actuator_dyntype: _Array
    actuator_forcelimited: _Array
    actuator_forcerange: _Array
    actuator_gainprm: _Array
    actuator_gaintype: _Array
    actuator_armature: _Array
    actuator_gear: _Array
    actuator_history: _Array
    actuator_outadr: _Array
    actuator_outnum: _Array
    actuator_plugin: _Array
    actuator_trnid: _Array
    actuator_trntype: _Array
    body_bvhadr: _Array
    body_bvhnum: _Array
    body_dofadr: _Array
    body_dofnum: _Array
    body_inertia: _Array
    body_jntadr: _Array
    body_jntnum: _Array
    body_ipos: _Array
    body_mass: _Array
    body_sameframe: _Array
    body_parentid: _Array
    body_pos: _Array
    body_rootid: _Array
    body_treeid: _Array
    body_weldid: _Array
    bvh_aabb: _Array
    cam_bodyid: _Array
    cam_fovy: _Array
    cam_mode: _Array
    dof_M0: _Array
    dof_bodyid: _Array
    dof_armature: _Array
    dof_damping: _Array
    dof_frictionloss: _Array
    dof_jntid: _Array
    dof_parentid: _Array
    eq_active0: _Array
    eq_obj1id: _Array
    eq_obj2id: _Array
    eq_objtype: _Array
    eq_type: _Array
    exclude_signature: _Array
    flex_conaffinity: _Array
    flex_condim: _Array
    flex_contype: _Array
    flex_friction: _Array
    flex_priority: _Array
    geom_aabb: _Array
    geom_bodyid: _Array
    geom_conaffinity: _Array
    geom_condim: _Array
    geom_contype: _Array
    geom_dataid: _Array
    geom_friction: _Array
    geom_group: _Array
    geom_matid: _Array
    geom_pos: _Array
    geom_priority: _Array
    geom_quat: _Array
    geom_rbound: _Array
    geom_sameframe: _Array
    geom_rgba: _Array
    geom_size: _Array
    geom_solimp: _Array
    geom_solref: _Array
    geom_type: _Array
    hfield_adr: _Array
    hfield_data: _Array
    hfield_ncol: _Array
    hfield_nrow: _Array
    hfield_size: _Array
    jnt_actfrclimited: _Array
    jnt_actfrcrange: _Array
    jnt_bodyid: _Array
    jnt_dofadr: _Array
    jnt_limited: _Array
    jnt_qposadr: _Array
    jnt_range: _Array
    jnt_solimp: _Array
    jnt_stiffness: _Array
    jnt_type: _Array
    key_qpos: _Array
    mat_rgba: _Array
    mat_texid: _Array
    mesh_face: _Array
    mesh_faceadr: _Array
    mesh_facenormal: _Array
    mesh_facenum: _Array
    mesh_vert: _Array
    mesh_vertadr: _Array
    mesh_vertnum: _Array
    pair_dim: _Array
    pair_friction: _Array
    pair_geom1: _Array
    pair_geom2: _Array
    qpos0: _Array
    sensor_type: _Array
    site_bodyid: _Array
    site_group: _Array
    site_matid: _Array
    site_pos: _Array
    site_quat: _Array
    site_rgba: _Array
    site_size: _Array
    site_type: _Array
    tendon_actfrclimited: _Array
    tendon_adr: _Array
    tendon_limited: _Array
    tendon_num: _Array
    tex_adr: _Array
    tex_data: _Array
    tex_height: _Array
    tex_nchannel: _Array
    tex_width: _Array
    wrap_objid: _Array
    wrap_prm: _Array
    wrap_type: _Array

    # Objects by id or name; KeyError if there is none
    def actuator(self, name: SupportsInt | str, /) -> _MjModelActuatorViews: ...
    def body(self, name: SupportsInt | str, /) -> _MjModelBodyViews: ...
    def camera(self, name: SupportsInt | str, /) -> _MjModelCameraViews: ...
    def equality(self, name: SupportsInt | str, /) -> _MjModelEqualityViews: ...
    def geom(self, name: SupportsInt | str, /) -> _MjModelGeomViews: ...
    def hfield(self, name: SupportsInt | str, /) -> _MjModelHfieldViews: ...
    def joint(self, name: SupportsInt | str, /) -> _MjModelJointViews: ...
    def key(self, name: SupportsInt | str, /) -> _MjModelKeyframeViews: ...
    def pair(self, name: SupportsInt | str, /) -> _MjModelPairViews: ...
    def sensor(self, name: SupportsInt | str, /) -> _MjModelSensorViews: ...
    def site(self, name: SupportsInt | str, /) -> _MjModelSiteViews: ...

class MjOption:
    cone: int
    solver: int
    disableflags: int
    enableflags: int
    integrator: int
    timestep: float  # s
    gravity: _Array

class MjStatistic:
    extent: float  # m
    meaninertia: float
    center: _Array

class MjVisual:
    global_: Global
    class Global:
        fovy: float  # degrees
        offwidth: int
        offheight: int

class _MjModelActuatorViews:
    id: int
    name: str
    biasprm: _Array
    biastype: _Array
    forcelimited: _Array
    forcerange: _Array
    gainprm: _Array
    gaintype: _Array
    gear: _Array

class _MjModelBodyViews:
    id: int
    name: str
    inertia: _Array
    ipos: _Array
    iquat: _Array
    mass: _Array
    pos: _Array
    quat: _Array

class _MjModelCameraViews:
    id: int
    name: str

class _MjModelEqualityViews:
    id: int
    name: str

class _MjModelGeomViews:
    id: int
    name: str
    bodyid: _Array
    pos: _Array
    quat: _Array
    rbound: _Array
    rgba: _Array
    size: _Array
    type: _Array

class _MjModelHfieldViews:
    id: int
    name: str
    adr: _Array
    size: _Array

class _MjModelJointViews:
    id: int
    name: str
    damping: _Array
    dofadr: _Array
    qposadr: _Array
    stiffness: _Array
    type: _Array

class _MjModelKeyframeViews:
    id: int
    name: str
    qpos: _Array
    qvel: _Array

class _MjModelPairViews:
    id: int
    name: str
    dim: _Array
    friction: _Array
    geom1: _Array
    geom2: _Array

class _MjModelSensorViews:
    id: int
    name: str
    type: _Array

class _MjModelSiteViews:
    id: int
    name: str
    pos: _Array

class MjData:
    ncon: int  # contacts
    time: float  # s

    act: _Array
    actuator_force: _Array
    actuator_moment: _Array
    cam_xmat: _Array
    cam_xpos: _Array
    ctrl: _Array
    eq_active: _Array
    geom_xmat: _Array
    geom_xpos: _Array
    mocap_pos: _Array
    mocap_quat: _Array
    moment_colind: _Array
    moment_rowadr: _Array
    moment_rownnz: _Array
    qacc_smooth: _Array
    qfrc_actuator: _Array
    qfrc_applied: _Array
    qfrc_bias: _Array
    qfrc_gravcomp: _Array
    qfrc_passive: _Array
    qpos: _Array
    qvel: _Array
    sensordata: _Array
    site_xpos: _Array
    subtree_com: _Array
    xanchor: _Array
    xaxis: _Array
    xfrc_applied: _Array
    xipos: _Array
    xmat: _Array
    xpos: _Array
    xquat: _Array

    def __init__(self, model: MjModel, /) -> None: ...
    @property
    def contact(self) -> _MjContactList: ...

    # Objects by id or name; KeyError if there is none
    def actuator(self, name: SupportsInt | str, /) -> _MjDataActuatorViews: ...
    def body(self, name: SupportsInt | str, /) -> _MjDataBodyViews: ...
    def geom(self, name: SupportsInt | str, /) -> _MjDataGeomViews: ...
    def joint(self, name: SupportsInt | str, /) -> _MjDataJointViews: ...
    def site(self, name: SupportsInt | str, /) -> _MjDataSiteViews: ...

class MjContact:
    dim: int
    dist: float  # m, negative where geoms penetrate
    friction: _Array
    geom: _Array

class _MjContactList:
    dim: np.ndarray
    dist: np.ndarray
    geom: np.ndarray
    @overload
    def __getitem__(self, index: int, /) -> MjContact: ...
    @overload
    def __getitem__(self, index: slice, /) -> _MjContactList: ...

class _MjDataActuatorViews:
    id: int
    name: str
    force: _Array

class _MjDataBodyViews:
    id: int
    name: str
    xmat: _Array
    xpos: _Array

class _MjDataGeomViews:
    id: int
    name: str
    xpos: _Array

class _MjDataJointViews:
    id: int
    name: str
    qpos: _Array
    qvel: _Array

class _MjDataSiteViews:
    id: int
    name: str
    xmat: _Array
    xpos: _Array

class MjvCamera:
    azimuth: float  # degrees
    distance: float  # m
    elevation: float  # degrees
    fixedcamid: int
    lookat: _Array
    trackbodyid: int

    @property
    def type(self) -> int: ...
    @type.setter
    def type(self, value: SupportsInt) -> None: ...

class MjvGeom:
    label: str

class MjvOption:
    flags: _Array

    def __init__(self) -> None: ...

class MjvPerturb:
    active: int
    localmass: float  # kg
    refselpos: _Array
    scale: float
    select: int

    def __init__(self) -> None: ...

class MjvScene:
    ngeom: int
    flags: _Array

    @property
    def geoms(self) -> list[MjvGeom]: ...
