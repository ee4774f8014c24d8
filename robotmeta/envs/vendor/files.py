"""Reads a vendor's MJCF file: where it is, and which of its meshes and textures exist."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import mujoco

from robotmeta.envs.own_robot.loading import loader
from robotmeta.envs.vendor.plain import inertia_from_geoms
from robotmeta.errors import UserError


def read(source: str | Path) -> tuple[mujoco.MjSpec, str]:
    """Reads an MJCF file.

    Args:
        source: A file, or ``package:path`` for a file in an installed package. The package is not imported.

    Returns:
        The model's specification, in which all objects have names, and the name of the file.

    Raises:
        UserError: For a file that does not exist or cannot be read, or a package that is not installed.
    """
    load, name = loader(_path(source))
    return load(), name


def _path(source: str | Path) -> Path:
    package, colon, inside = str(source).partition(":")
    if not colon or not package.isidentifier() or len(package) == 1 or Path(source).exists():
        if str(source).lstrip().startswith("<"):
            raise UserError("robot must be an MJCF file or package:path, not the text of a model")
        return Path(source)
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    folders = [] if found is None else found.submodule_search_locations or []
    if not folders:
        raise UserError(f"robot {source}: no package '{package}' is installed")
    for folder in folders:
        if (Path(folder) / inside).is_file():
            return Path(folder) / inside
    raise UserError(f"robot {source}: package '{package}' has no file {inside or 'of that name'}")


def without_missing_files(spec: mujoco.MjSpec, name: str) -> list[str]:
    """Removes meshes and textures whose files do not exist, and the geoms that show these meshes.

    Returns:
        What was removed, in one sentence, if anything was.

    Raises:
        UserError: If the mass of a body follows from a mesh that is missing.
    """
    meshes = [mesh for mesh in spec.meshes if mesh.file and not _exists(spec, spec.meshdir, mesh.file)]
    textures = [t for t in spec.textures if any(not _exists(spec, spec.texturedir, file) for file in _files(t))]
    missing = {mesh.name or Path(mesh.file).stem for mesh in meshes}
    lost = [geom for geom in spec.geoms if geom.meshname in missing]
    for geom in lost:
        if inertia_from_geoms(spec, geom.parent) and geom.mass != 0.0 and geom.density != 0.0:
            raise UserError(
                f"{name}: the mass of body '{geom.parent.name}' follows from the mesh '{geom.meshname}', whose file is "
                "missing"
            )
    touching = sorted({geom.parent.name for geom in lost if geom.contype or geom.conaffinity})
    for geom in lost:
        spec.delete(geom)
    gone = {texture.name for texture in textures}
    for material in spec.materials:
        for role in range(len(material.textures)):
            if material.textures[role] in gone:
                material.textures[role] = ""
    for item in [*meshes, *textures]:
        spec.delete(item)
    notes = []
    if meshes or textures:
        what = ", ".join(_counted(n, kind) for n, kind in ((len(meshes), "mesh"), (len(textures), "texture")) if n)
        notes.append(f"Missing files: {what}; the robot is simulated without them.")
    if touching:
        notes.append(f"Meshes that touch others are missing: {', '.join(touching)} pass through the floor there.")
    return notes


def _files(texture: mujoco.MjsTexture) -> list[str]:
    """The files of a texture: one, or one a side of a cube."""
    return [file for file in (texture.file, *texture.cubefiles) if file]


def _counted(number: int, kind: str) -> str:
    plural = "es" if kind.endswith("sh") else "s"
    return f"{number} {kind}{'' if number == 1 else plural}"


def _exists(spec: mujoco.MjSpec, folder: str, file: str) -> bool:
    base = Path(spec.modelfiledir)
    return any(path.is_file() for path in (base / folder / file, base / file, base / folder / Path(file).name))
