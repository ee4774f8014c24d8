"""MuJoCo's enums, with the members used here."""

from typing import ClassVar, type_check_only

@type_check_only
class _Enum:
    """What MuJoCo's enums share: members convert to int but are not int."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...

class mjtBias(_Enum):
    mjBIAS_AFFINE: ClassVar[mjtBias]
    mjBIAS_MUSCLE: ClassVar[mjtBias]
    mjBIAS_NONE: ClassVar[mjtBias]
    mjBIAS_SO3: ClassVar[mjtBias]

    def __init__(self, value: int) -> None: ...

class mjtBuiltin(_Enum):
    mjBUILTIN_CHECKER: ClassVar[mjtBuiltin]
    mjBUILTIN_GRADIENT: ClassVar[mjtBuiltin]

class mjtCamLight(_Enum):
    mjCAMLIGHT_TRACK: ClassVar[mjtCamLight]
    mjCAMLIGHT_TRACKCOM: ClassVar[mjtCamLight]

class mjtCamera(_Enum):
    mjCAMERA_FIXED: ClassVar[mjtCamera]
    mjCAMERA_TRACKING: ClassVar[mjtCamera]

class mjtCone(_Enum):
    mjCONE_PYRAMIDAL: ClassVar[mjtCone]

class mjtConDataField(_Enum):
    mjCONDATA_FORCE: ClassVar[mjtConDataField]
    mjCONDATA_FOUND: ClassVar[mjtConDataField]

class mjtDisableBit(_Enum):
    mjDSBL_ACTUATION: ClassVar[mjtDisableBit]
    mjDSBL_CLAMPCTRL: ClassVar[mjtDisableBit]
    mjDSBL_CONSTRAINT: ClassVar[mjtDisableBit]
    mjDSBL_CONTACT: ClassVar[mjtDisableBit]
    mjDSBL_EQUALITY: ClassVar[mjtDisableBit]
    mjDSBL_FILTERPARENT: ClassVar[mjtDisableBit]
    mjDSBL_GRAVITY: ClassVar[mjtDisableBit]
    mjDSBL_LIMIT: ClassVar[mjtDisableBit]

class mjtDyn(_Enum):
    mjDYN_INTEGRATOR: ClassVar[mjtDyn]
    mjDYN_NONE: ClassVar[mjtDyn]

    def __init__(self, value: int) -> None: ...

class mjtEnableBit(_Enum):
    mjENBL_OVERRIDE: ClassVar[mjtEnableBit]

class mjtEq(_Enum):
    mjEQ_CONNECT: ClassVar[mjtEq]
    mjEQ_JOINT: ClassVar[mjtEq]
    mjEQ_WELD: ClassVar[mjtEq]

class mjtFontScale(_Enum):
    mjFONTSCALE_100: ClassVar[mjtFontScale]

class mjtGain(_Enum):
    mjGAIN_AFFINE: ClassVar[mjtGain]
    mjGAIN_DCMOTOR: ClassVar[mjtGain]
    mjGAIN_FIXED: ClassVar[mjtGain]
    mjGAIN_MUSCLE: ClassVar[mjtGain]
    mjGAIN_PID: ClassVar[mjtGain]
    mjGAIN_SO3: ClassVar[mjtGain]

    def __init__(self, value: int) -> None: ...

class mjtGeom(_Enum):
    mjGEOM_ARROW: ClassVar[mjtGeom]
    mjGEOM_BOX: ClassVar[mjtGeom]
    mjGEOM_CAPSULE: ClassVar[mjtGeom]
    mjGEOM_MESH: ClassVar[mjtGeom]
    mjGEOM_CYLINDER: ClassVar[mjtGeom]
    mjGEOM_ELLIPSOID: ClassVar[mjtGeom]
    mjGEOM_HFIELD: ClassVar[mjtGeom]
    mjGEOM_PLANE: ClassVar[mjtGeom]
    mjGEOM_SPHERE: ClassVar[mjtGeom]

class mjtGridPos(_Enum):
    mjGRID_BOTTOMLEFT: ClassVar[mjtGridPos]
    mjGRID_TOPLEFT: ClassVar[mjtGridPos]

class mjtInertiaFromGeom(_Enum):
    mjINERTIAFROMGEOM_AUTO: ClassVar[mjtInertiaFromGeom]
    mjINERTIAFROMGEOM_TRUE: ClassVar[mjtInertiaFromGeom]

class mjtIntegrator(_Enum):
    mjINT_EULER: ClassVar[mjtIntegrator]
    mjINT_IMPLICITFAST: ClassVar[mjtIntegrator]
    mjINT_RK4: ClassVar[mjtIntegrator]

class mjtJoint(_Enum):
    mjJNT_BALL: ClassVar[mjtJoint]
    mjJNT_FREE: ClassVar[mjtJoint]
    mjJNT_HINGE: ClassVar[mjtJoint]
    mjJNT_SLIDE: ClassVar[mjtJoint]

    def __init__(self, value: int) -> None: ...

class mjtLightType(_Enum):
    mjLIGHT_DIRECTIONAL: ClassVar[mjtLightType]

class mjtLimited(_Enum):
    mjLIMITED_FALSE: ClassVar[mjtLimited]
    mjLIMITED_TRUE: ClassVar[mjtLimited]

class mjtMark(_Enum):
    mjMARK_NONE: ClassVar[mjtMark]

class mjtObj(_Enum):
    mjOBJ_ACTUATOR: ClassVar[mjtObj]
    mjOBJ_BODY: ClassVar[mjtObj]
    mjOBJ_CAMERA: ClassVar[mjtObj]
    mjOBJ_GEOM: ClassVar[mjtObj]
    mjOBJ_JOINT: ClassVar[mjtObj]
    mjOBJ_PAIR: ClassVar[mjtObj]
    mjOBJ_SENSOR: ClassVar[mjtObj]
    mjOBJ_SITE: ClassVar[mjtObj]
    mjOBJ_TENDON: ClassVar[mjtObj]
    mjOBJ_XBODY: ClassVar[mjtObj]

class mjtOrientation(_Enum):
    mjORIENTATION_QUAT: ClassVar[mjtOrientation]

class mjtPertBit(_Enum):
    mjPERT_TRANSLATE: ClassVar[mjtPertBit]

class mjtRndFlag(_Enum):
    mjRND_REFLECTION: ClassVar[mjtRndFlag]
    mjRND_SHADOW: ClassVar[mjtRndFlag]

class mjtSensor(_Enum):
    mjSENS_CONTACT: ClassVar[mjtSensor]
    mjSENS_FRAMEANGVEL: ClassVar[mjtSensor]
    mjSENS_FRAMELINVEL: ClassVar[mjtSensor]
    mjSENS_FRAMEPOS: ClassVar[mjtSensor]
    mjSENS_GYRO: ClassVar[mjtSensor]
    mjSENS_RANGEFINDER: ClassVar[mjtSensor]
    mjSENS_TOUCH: ClassVar[mjtSensor]

    def __init__(self, value: int) -> None: ...

class mjtSolver(_Enum):
    mjSOL_CG: ClassVar[mjtSolver]
    mjSOL_NEWTON: ClassVar[mjtSolver]

class mjtStage(_Enum):
    mjSTAGE_NONE: ClassVar[mjtStage]
    mjSTAGE_VEL: ClassVar[mjtStage]

class mjtState(_Enum):
    mjSTATE_CTRL: ClassVar[mjtState]
    mjSTATE_MOCAP_POS: ClassVar[mjtState]
    mjSTATE_MOCAP_QUAT: ClassVar[mjtState]

class mjtTexture(_Enum):
    mjTEXTURE_2D: ClassVar[mjtTexture]
    mjTEXTURE_SKYBOX: ClassVar[mjtTexture]

class mjtTextureRole(_Enum):
    mjTEXROLE_RGB: ClassVar[mjtTextureRole]

class mjtTrn(_Enum):
    mjTRN_BODY: ClassVar[mjtTrn]
    mjTRN_JOINT: ClassVar[mjtTrn]
    mjTRN_JOINTINPARENT: ClassVar[mjtTrn]
    mjTRN_SITE: ClassVar[mjtTrn]
    mjTRN_SLIDERCRANK: ClassVar[mjtTrn]
    mjTRN_TENDON: ClassVar[mjtTrn]

    def __init__(self, value: int) -> None: ...

class mjtVisFlag(_Enum):
    mjVIS_PERTFORCE: ClassVar[mjtVisFlag]
    mjVIS_TRANSPARENT: ClassVar[mjtVisFlag]

class mjtWarning(_Enum):
    mjWARN_BADQACC: ClassVar[mjtWarning]
    mjWARN_BADQPOS: ClassVar[mjtWarning]

class mjtWrap(_Enum):
    mjWRAP_CYLINDER: ClassVar[mjtWrap]
    mjWRAP_JOINT: ClassVar[mjtWrap]
    mjWRAP_SITE: ClassVar[mjtWrap]
    mjWRAP_SPHERE: ClassVar[mjtWrap]
