"""The scenes of the Fetch families: the arm, the table and the object.

The models are those of the installed gymnasium-robotics package. Everything that touches something in the package's
scenes is here too, so that the physics of a nominal task is the same, bit for bit.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
import torch
from torch import Tensor

from robotmeta.envs.devices import per_device
from robotmeta.envs.family import Columns, State
from robotmeta.envs.models import quiet_mujoco
from robotmeta.errors import UserError

SUBSTEPS = 20  # of 2 ms in a control step
STRIDE = 0.05  # metres, the motion of the gripper's target for an action of 1
SIZE, MASS = 0.05, 2.0  # metres and kg of the nominal object
START = "start"  # name of the keyframe in which episodes start

# The order of the joints: base 3, torso, head 2, arm 7, right finger, left finger, then the object's free joint.
ARM, FINGERS, OBJECT = slice(6, 13), slice(13, 15), slice(15, 22)
_DOWN = per_device(
    torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
)  # the gripper's orientation, a quaternion of any norm

# -- scenes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scene:
    """One of the package's four scenes, with the package's numbers.

    Attributes:
        file: Model file.
        base: x of the robot's base, m.
        height: Initial height of the gripper above that for pushing, m.
        object: Position of the object before the first episode, m; None without an object.
        spread: Largest initial distance of the object from the gripper along x and along y, m.
        flatness: Half the object's height divided by its size.
        grips: Whether the fingers move.
        unrest: Noise on the arm's joints at the start, rad; the package has none.
        ajar: Whether blocked fingers are open by 2 mm in the first step, as in the package; else they are shut.
    """

    file: str
    base: float
    height: float = 0.0
    object: tuple[float, float, float] | None = None
    spread: float = 0.15
    flatness: float = 0.5
    grips: bool = False
    unrest: float = 0.0
    ajar: bool = False


REACH = Scene("reach.xml", 0.4049, 0.2, unrest=0.02)
PUSH = Scene("push.xml", 0.405, 0.0, (1.25, 0.53, 0.4))
SLIDE = Scene("slide.xml", 0.05, -0.02, (1.7, 1.1, 0.41), spread=0.1, flatness=0.4)
PICK = Scene("pick_and_place.xml", 0.405, 0.2, (1.25, 0.53, 0.4), grips=True)


@dataclass(frozen=True)
class Point:
    """A site of the model.

    Attributes:
        site: Its index.
        root: The root body of its kinematic tree.
        dofs: The degrees of freedom that move it, on a device.
    """

    site: int
    root: int
    dofs: Callable[[torch.device], Tensor]

    @staticmethod
    def of(model: mujoco.MjModel, name: str) -> Point:
        """Finds the site of that name."""
        site = model.site(name).id
        body = model.body_weldid[model.site_bodyid[site]]  # the body with the last joint before the site
        dofs = [int(model.body_dofadr[body] + model.body_dofnum[body]) - 1]
        while model.dof_parentid[dofs[0]] >= 0:
            dofs.insert(0, int(model.dof_parentid[dofs[0]]))
        return Point(site, int(model.body_rootid[body]), per_device(torch.tensor(dofs)))

    def position(self, state: State) -> Tensor:
        """Position, m ``[task, episode, 3]``."""
        return state["site_xpos"][..., self.site, :]

    def orientation(self, state: State) -> Tensor:
        """Rotation matrix, row by row, ``[task, episode, 9]``."""
        return state["site_xmat"][..., self.site, :]

    def velocity(self, state: State) -> tuple[Tensor, Tensor]:
        """Linear velocity, m/s, and angular velocity, rad/s, ``[task, episode, 3]`` each.

        They are the site's Jacobian times ``qvel``. Where derived fields lag, the Jacobian lags too; ``qvel`` does not.
        """
        dofs = self.dofs(state["qvel"].device)
        motion = state["cdof"][..., dofs, :]  # [task, episode, dof, 6], about the tree's centre of mass
        turning, moving = torch.einsum("...d,...dk->...k", state["qvel"][..., dofs], motion).split(3, dim=-1)
        arm = self.position(state) - state["subtree_com"][..., self.root, :]
        return moving + torch.linalg.cross(turning, arm), turning


FIELDS = ("xpos", "xquat", "site_xpos", "site_xmat", "cdof", "subtree_com")
"""``MjData`` fields that :func:`drive` and :class:`Point` read."""


@dataclass(frozen=True)
class Ready:
    """A scene in the state in which the package's episodes start.

    Attributes:
        qpos: Positions.
        qvel: Velocities. The arm is not quite at rest.
        gripper: Position of the gripper, x, y and z in metres.
        rest: Height of the centre of an object of nominal size on the table, m; 0 without an object.
        hand: The body that follows the target.
        grip: The point between the fingertips.
        object: The centre of the object.
    """

    qpos: np.ndarray
    qvel: np.ndarray
    gripper: tuple[float, float, float]
    rest: float
    hand: int
    grip: Point
    object: Point | None


@functools.cache
def ready(scene: Scene) -> Ready:
    """Moves the gripper to its initial position, as the package does when it makes an environment."""
    model = _load(scene).compile()
    data = mujoco.MjData(model)
    data.qpos[:3] = scene.base, 0.48, 0.0
    if scene.object is not None:
        data.qpos[OBJECT] = *scene.object, 1.0, 0.0, 0.0, 0.0
    mujoco.mj_forward(model, data)
    grip = Point.of(model, "robot0:grip")
    data.mocap_pos[0] = np.array([-0.498, 0.005, -0.431 + scene.height]) + data.site_xpos[grip.site]
    data.mocap_quat[0] = _DOWN(torch.device("cpu"))
    mujoco.mj_step(model, data, nstep=10 * SUBSTEPS)
    gripper = tuple(data.site_xpos[grip.site].tolist())
    if not (scene.grips or scene.ajar):
        data.qpos[FINGERS] = 0.0
    thing, rest = None, 0.0
    if scene.object is not None:
        thing = Point.of(model, "object0")
        rest = float(data.site_xpos[thing.site, 2])
        data.qpos[OBJECT][:2] = gripper[0], gripper[1] + 0.12  # beside the gripper; each episode moves it
    hand = model.body("robot0:gripper_link").id
    return Ready(data.qpos.copy(), data.qvel.copy(), gripper, rest, hand, grip, thing)


def build(scene: Scene, goal: np.ndarray) -> mujoco.MjSpec:
    """Builds the scene, with the initial state as a keyframe and a red dot named ``goal`` at the goal, m ``[3]``.

    Raises:
        UserError: If gymnasium-robotics is not installed.
    """
    spec = _load(scene)
    spec.site("goal").pos = goal
    spec.add_key(name=START, qpos=ready(scene).qpos, qvel=ready(scene).qvel)
    return spec


def _load(scene: Scene) -> mujoco.MjSpec:
    """The package's scene without the parts that touch nothing and are not needed in pictures."""
    with quiet_mujoco():
        spec = mujoco.MjSpec.from_file(str(_assets() / scene.file))
    spec.memory = 1 << 20  # bytes of scratch for each world; the default is 15 MB
    out_of_reach = [spec.geom(f"robot0:{name}_link") for name in ("estop", "laser")]  # these have the finest meshes
    for part in (*out_of_reach, *spec.body("robot0:mocap").geoms, spec.site("target0")):
        spec.delete(part)
    spec.worldbody.add_site(name="goal", size=(0.02,) * 3, rgba=(0.9, 0.1, 0.1, 1.0))
    if scene.object is not None:
        spec.site("object0").rgba = 0.0, 0.0, 0.0, 0.0  # a dot that is visible through small objects
    used = {geom.meshname for geom in spec.geoms}
    for unused in (*(m for m in spec.meshes if m.name not in used), *(t for t in spec.textures if t.name)):
        spec.delete(unused)
    spec.body("table0").geoms[0].name = "table0"  # not all files name it
    spec.equalities[0].data[:7] = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0  # moves the hand to the target itself
    spec.worldbody.add_camera(name="front", pos=(2.4, -0.3, 1.35), xyaxes=(1.05, 1.1, 0.0, -0.88, 0.84, 2.31))
    return spec


def _assets() -> Path:
    package = importlib.util.find_spec("gymnasium_robotics")  # an import would register hundreds of environments
    if package is None or not package.submodule_search_locations:
        raise UserError("the Fetch families need the models of gymnasium-robotics: pip install gymnasium-robotics")
    return Path(package.submodule_search_locations[0]) / "envs" / "assets" / "fetch"


def height_at_rest(scene: Scene, size: Tensor) -> Tensor:
    """Height of the centre of an object of that size on the table, both in metres and of the same shape."""
    return ready(scene).rest + scene.flatness * (size - SIZE)


# -- actions -----------------------------------------------------------------------------------------------------------


def drive(scene: Scene, state: State, action: Tensor, task: Columns) -> State:
    """Sets the targets of the hand and of the fingers, relative to their current positions.

    Args:
        scene: The scene.
        state: The state, with :data:`FIELDS`.
        action: Motion of the target in strides, then of the fingers, ``[task, episode, 4]``.
        task: The task row. With ``heading`` (deg) and ``gain``, the motion is rotated to the left and scaled.
    """
    hand, move = ready(scene).hand, (STRIDE * action[..., :3]).double()
    if "heading" in task:
        move = _turned(move, task["heading"].deg2rad(), task["gain"])
    qpos = state["qpos"]
    inputs: dict[str, Tensor] = {
        "mocap_pos": (state["xpos"][..., hand, :] + move).unsqueeze(-2),
        "mocap_quat": (state["xquat"][..., hand, :] + _DOWN(move.device)).unsqueeze(-2),
    }
    if scene.grips:
        inputs["ctrl"] = qpos[..., FINGERS].flip(-1) + action[..., 3:]  # the left finger's servo comes first
    else:
        inputs["qpos"] = qpos.clone()
        inputs["qpos"][..., FINGERS] = blocked(scene, qpos)
    return inputs


def blocked(scene: Scene, qpos: Tensor) -> Tensor:
    """Fingers that yielded a little, put back before each control step, m ``[..., 2]``."""
    fingers = qpos[..., FINGERS]
    if not scene.ajar:
        return torch.zeros_like(fingers)
    untouched = fingers == fingers.new_tensor(ready(scene).qpos[FINGERS])  # before the first step
    return torch.where(untouched.all(dim=-1, keepdim=True), fingers, 0.0)


def _turned(move: Tensor, heading: Tensor, gain: Tensor) -> Tensor:
    x, y, z = move.unbind(dim=-1)
    cos, sin = heading.cos(), heading.sin()
    return gain.unsqueeze(-1) * torch.stack([cos * x - sin * y, sin * x + cos * y, z], dim=-1)
