"""The visible parts of worlds as triangles, and the viewpoints on them."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from robotmeta.envs import FAMILIES, make
from robotmeta.envs.live_world import LiveWorld
from robotmeta.envs.rendering import Camera
from robotmeta.envs.scene.nodes import SceneNode, scene_nodes
from robotmeta.envs.scene.viewpoint import viewpoint
from robotmeta.envs.scene.window import pulled

SHAPES = """<mujoco><asset>
  <mesh name="wedge" vertex="0 0 0  1 0 0  0 1 0  1 1 0  0 0 1  1 0 1"/>
  <texture name="red" type="2d" builtin="flat" rgb1="1 .2 .2" width="4" height="4"/>
  <material name="red" texture="red" rgba="1 1 1 .5"/>
  <hfield name="hill" nrow="9" ncol="11" size="2 1 .5 .1"/>
</asset><worldbody>
  <geom name="floor" type="plane" size="0 0 1"/>
  <geom name="hill" type="hfield" hfield="hill" pos="9 0 0"/>
  <body name="robot" pos="0 0 1"><freejoint/>
    <geom name="ball" size=".3"/>
    <geom name="capsule" type="capsule" size=".1 .4" pos="1 0 0" euler="90 0 0"/>
    <geom name="cylinder" type="cylinder" size=".2 .3" pos="2 0 0"/>
    <geom name="ellipsoid" type="ellipsoid" size=".1 .2 .3" pos="3 0 0"/>
    <geom name="box" type="box" size=".1 .2 .3" pos="4 0 0"/>
    <geom name="mesh" type="mesh" mesh="wedge" pos="5 0 0" material="red"/>
    <geom name="hidden" size="1" group="4"/><geom name="clear" size="1" rgba="1 0 0 0"/>
    <site name="mark" size=".05" rgba="0 1 0 1"/>
    <camera name="follows" mode="trackcom" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
  </body>
  <camera name="still" pos="0 -3 2" xyaxes="1 0 0 0 .5 1"/>
</worldbody></mujoco>"""


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(SHAPES)


@pytest.fixture(scope="module")
def nodes(model) -> dict[str, SceneNode]:
    return {node.name.split()[2]: node for node in scene_nodes(model) if not node.name.endswith("dark")}


def volume(node: SceneNode) -> float:
    """Enclosed by triangles whose vertices are counterclockwise as seen from outside."""
    assert node.surface is not None
    first, second, third = (node.surface.vertices[node.surface.faces[:, i]].astype(float) for i in range(3))
    return float((first * np.cross(second, third)).sum() / 6)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ball", 4 / 3 * np.pi * 0.027),
        ("capsule", np.pi * (4 / 3 * 0.001 + 0.01 * 0.8)),
        ("cylinder", np.pi * 0.04 * 0.6),
        ("ellipsoid", 4 / 3 * np.pi * 0.006),
        ("box", 8 * 0.006),
        ("mesh", 0.5),
    ],
)
def test_triangles_enclose_the_volume_of_a_shape(nodes, name, expected):
    assert volume(nodes[name]) == pytest.approx(expected, rel=0.03)


def test_what_the_viewer_hides_is_hidden(nodes):
    assert set(nodes) == {"floor", "hill", "ball", "capsule", "cylinder", "ellipsoid", "box", "mesh", "mark"}
    assert nodes["mark"].kind == "site"
    assert nodes["floor"].kind == "plane"
    assert nodes["floor"].body == 0
    assert nodes["ball"].body == 1


def test_a_colour_is_that_of_the_material_and_its_texture(nodes):
    assert nodes["mesh"].rgba == pytest.approx([1.0, 0.2, 0.2, 0.5], abs=0.01)


def test_edges_are_sharp_and_round_shapes_smooth(nodes):
    assert len(nodes["box"].surface.vertices) == 24
    ball = nodes["ball"].surface.vertices
    assert len(np.unique(ball.round(6), axis=0)) >= 0.85 * len(ball)


def test_the_tiles_of_uneven_ground_have_its_heights():
    world = LiveWorld(make("cheetah-terrain"), make("cheetah-terrain").task(terrain="waves", difficulty=0.5))
    model, _ = world.state()
    tiles = [node.surface for node in world.nodes() if node.kind == "ground" and node.surface is not None]
    assert len(tiles) == 2
    faces = sum(len(surface.faces) for surface in tiles)
    assert faces == 2 * (model.hfield_nrow[0] - 1) * (model.hfield_ncol[0] - 1)
    highest = max(surface.vertices[:, 2].max() for surface in tiles)
    assert highest == pytest.approx(model.hfield_data[1:-1].max() * model.hfield_size[0, 2], rel=0.05)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_can_be_shown(name):
    family = make(name)
    world = LiveWorld(family, family.tasks("test", 1))
    world.env.reset(torch.Generator().manual_seed(0))
    if not world.solid:
        assert world.nodes() == []
        assert world.picture(32, 32).shape == (32, 32, 3)
        return
    nodes, view = world.nodes(), world.viewpoint()
    poses = world.poses(view)
    assert len({node.name for node in nodes}) == len(nodes)
    assert {node.kind for node in nodes} & {"plane", "ground"}
    assert max(node.body for node in nodes) < len(poses.positions)
    for node in nodes:
        assert all(np.isfinite(array).all() for array in (node.position, node.rotation, node.rgba))
        if node.surface is not None:
            assert 0 <= node.surface.faces.min() <= node.surface.faces.max() < len(node.surface.vertices)
    assert np.linalg.norm(view.target - view.position) > 0.2
    assert np.isfinite(poses.positions).all()


def test_nodes_of_an_unchanged_part_look_alike():
    family = make("quadruped")
    world = LiveWorld(family, family.task(payload_mass=1.0))
    before = {node.name: node.digest for node in world.nodes()}
    assert world.nodes() is world.nodes()
    world.env.reset(torch.Generator().manual_seed(0))
    world.change(family.task(payload_mass=2.0))
    after = {node.name: node.digest for node in world.nodes()}
    changed = [name for name in after if after[name] != before[name]]
    assert len(changed) == 1
    assert "payload" in changed[0]


def test_a_viewpoint_is_that_of_the_camera_and_follows_what_it_tracks(model):
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    moving = viewpoint(model, data, Camera("follows"))
    assert moving.body == 1
    assert moving.target == pytest.approx(data.subtree_com[1])
    still = viewpoint(model, data, Camera("still"))
    assert still.body is None
    assert still.position == pytest.approx([0, -3, 2])
    assert (still.centre(data) == 0.0).all()
    free = viewpoint(model, data, Camera(body="robot", distance=2.0, elevation=-30.0))
    assert np.linalg.norm(free.target - free.position) == pytest.approx(2.0)
    assert free.position[2] == pytest.approx(free.target[2] + 1.0)


def test_the_mouse_in_mujocos_window_pulls_at_a_body(model):
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    perturb = mujoco.MjvPerturb()
    assert not pulled(model, data, perturb).any()
    perturb.select, perturb.active, perturb.scale = 1, int(mujoco.mjtPertBit.mjPERT_TRANSLATE), 1.0
    perturb.refselpos[:] = data.xipos[1] + [0.0, 0.0, 1.0]
    perturb.localmass = 1.0
    forces = pulled(model, data, perturb)
    assert forces[1, 2] > 0.0
    assert not forces[0].any()
