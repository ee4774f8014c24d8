"""Whose friction counts: which contacts a model can have, and what MuJoCo takes their friction from.

A contact takes the friction of the geom with the higher priority; of geoms with the same priority, the larger one. An
explicit ``<pair>`` has friction of its own. The contact dimension decides which kinds of friction there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from robotmeta.errors import UserError

KINDS = ("friction", "torsional_friction", "rolling_friction")
"""Kinds of friction, by the column of ``geom_friction``."""

_DIMENSION = (3, 4, 6)  # of a contact, from which it has this kind of friction
_NEVER_TOUCH = (int(mujoco.mjtGeom.mjGEOM_PLANE), int(mujoco.mjtGeom.mjGEOM_HFIELD))  # one another
_NOWHERE = -1


@dataclass(frozen=True)
class Surfaces:
    """Geoms, then flexible bodies, and which of them can touch.

    Attributes:
        names: Their names.
        tree: Tree of bodies that each moves with; -1 if it does not move, ``[surface]``.
        priority: ``[surface]``.
        friction: ``[surface, 3]``.
        dimension: Dimension of the contact of two of them, ``[surface, surface]``.
        touch: Whether two of them can touch, ``[surface, surface]``.
        pair: The explicit pair of two of them; -1 if there is none, ``[surface, surface]``.
    """

    names: Sequence[str]
    tree: np.ndarray
    priority: np.ndarray
    friction: np.ndarray
    dimension: np.ndarray
    touch: np.ndarray
    pair: np.ndarray

    @classmethod
    def of(cls, model: mujoco.MjModel) -> Surfaces:
        """Reads them from a model."""
        count = model.ngeom
        names = [model.geom(i).name for i in range(count)]
        names += [f"flex {i}" for i in range(model.nflex)]
        priority = np.concatenate([model.geom_priority, model.flex_priority])
        condim = np.concatenate([model.geom_condim, model.flex_condim])
        behind = priority[:, None] - priority
        dimension = np.where(behind > 0, condim[:, None], np.maximum(condim[:, None], condim))
        dimension = np.where(behind < 0, condim, dimension)
        pair = np.full((len(names), len(names)), _NOWHERE)
        for number, (one, other) in enumerate(zip(model.pair_geom1, model.pair_geom2, strict=True)):
            pair[one, other] = pair[other, one] = number
        tree = np.concatenate([model.body_treeid[model.geom_bodyid], _trees(model)])
        friction = np.concatenate([model.geom_friction, model.flex_friction])
        return cls(names, tree, priority, friction, dimension, _touch(model), pair)


def _trees(model: mujoco.MjModel) -> np.ndarray:
    return model.ntree + np.arange(model.nflex)


def _touch(model: mujoco.MjModel) -> np.ndarray:
    """Applies MuJoCo's filters of contacts, those of ``<pair>`` left out."""
    types = np.concatenate([model.geom_contype, model.flex_contype])
    affinities = np.concatenate([model.geom_conaffinity, model.flex_conaffinity])
    touch = ((types[:, None] & affinities) | (types & affinities[:, None])) != 0
    touch[model.ngeom :, model.ngeom :] = False
    body = model.geom_bodyid
    weld = model.body_weldid[body]
    parent = model.body_weldid[model.body_parentid[weld]]
    moves = model.body_treeid[body] != _NOWHERE
    touch[: model.ngeom, : model.ngeom] &= (weld[:, None] != weld) & (moves[:, None] | moves)
    if not model.opt.disableflags & int(mujoco.mjtDisableBit.mjDSBL_FILTERPARENT):
        moving = (weld[:, None] != 0) & (weld != 0)
        related = (weld[:, None] == parent) | (parent[:, None] == weld)
        touch[: model.ngeom, : model.ngeom] &= ~(moving & related)
    for signature in model.exclude_signature.tolist():
        one, other = body == signature >> 16, body == signature & 0xFFFF
        touch[: model.ngeom, : model.ngeom] &= ~((one[:, None] & other) | (other[:, None] & one))
    ground = np.isin(model.geom_type, _NEVER_TOUCH)
    touch[: model.ngeom, : model.ngeom] &= ~(ground[:, None] & ground)
    return touch


# -- checks ------------------------------------------------------------------------------------------------------------


def check_friction(
    geoms: Sequence[str],
    quantity: str,
    lowest: np.ndarray,
    text: str,
    model: mujoco.MjModel,
    robot: str,
    varied_pairs: Collection[str] = (),
    *,
    alone: bool = True,
) -> None:
    """Checks that the friction of some geoms is that of their contacts, over all of its values.

    Contacts with what does not belong to the same robot or object count. If there are none, those within it count.

    Args:
        geoms: Names of the geoms that vary together.
        quantity: One of :data:`KINDS`.
        lowest: The lowest friction of each, ``[geom]``.
        text: The target, as errors call it.
        model: The nominal model, with all objects named.
        robot: Name of the model in errors.
        varied_pairs: Names of explicit pairs whose friction varies too.
        alone: Whether nothing else varies with these geoms, so that one of them must be able to touch something.

    Raises:
        UserError: If the simulation would stay the same, over all values or over some.
    """
    _check_options(text, model, robot)
    surfaces = Surfaces.of(model)
    mine = {model.geom(name).id: low for name, low in zip(geoms, lowest, strict=True)}
    own = {model.pair(name).id for name in varied_pairs}
    contacts = [c for c in _contacts(surfaces, mine, KINDS.index(quantity)) if c.pair not in own or c.pair == _NOWHERE]
    relevant = [c for c in contacts if c.hidden is not None and not c.inside]
    if not relevant and not any(c.hidden is None for c in contacts):
        relevant = [c for c in contacts if c.hidden is not None]
    if relevant:
        first = min(relevant, key=lambda c: surfaces.tree[c.other] >= 0)  # the ground before anything that moves
        raise UserError(f"{text} may have no effect: {_reason(first, quantity, text, surfaces, model, robot)}")
    if not contacts and alone:
        raise UserError(f"{text} has no effect: {_no_contact(surfaces, list(mine), quantity, robot)}")


def decides(lowest: Mapping[int, float], quantity: str, model: mujoco.MjModel) -> bool:
    """Whether the friction of some geoms is that of a possible contact, over all of its values.

    Args:
        lowest: The lowest friction of each geom, by its number.
        quantity: One of :data:`KINDS`.
        model: The model.
    """
    return any(contact.hidden is None for contact in _contacts(Surfaces.of(model), lowest, KINDS.index(quantity)))


@dataclass(frozen=True)
class _Contact:
    """A possible contact of a geom that varies.

    Attributes:
        geom: The geom.
        other: What it touches.
        pair: The explicit pair of the two, or -1.
        inside: Whether both move with the same tree of bodies.
        hidden: Friction that is taken in place of the geom's, over some or all of its values; None if the geom's is.
    """

    geom: int
    other: int
    pair: int
    inside: bool
    hidden: float | None


def _contacts(surfaces: Surfaces, mine: Mapping[int, float], column: int) -> Iterator[_Contact]:
    for geom, low in mine.items():
        tree = surfaces.tree[geom]
        possible = (surfaces.touch[geom] & (surfaces.dimension[geom] >= _DIMENSION[column])) | (
            (surfaces.pair[geom] != _NOWHERE) & ((surfaces.tree != _NOWHERE) | (tree != _NOWHERE))
        )
        for other in np.flatnonzero(possible).tolist():
            pair, inside = int(surfaces.pair[geom, other]), bool(tree == surfaces.tree[other])
            theirs = float(surfaces.friction[other, column])
            behind = surfaces.priority[other] - surfaces.priority[geom]
            counts = other in mine or behind < 0 or (behind == 0 and low >= theirs)
            yield _Contact(geom, other, pair, inside, None if counts and pair == _NOWHERE else theirs)


def _check_options(text: str, model: mujoco.MjModel, robot: str) -> None:
    if model.opt.disableflags & int(mujoco.mjtDisableBit.mjDSBL_CONTACT):
        raise UserError(f'{text} has no effect: {robot} has no contacts; remove contact="disable" from its flags')
    if model.opt.enableflags & int(mujoco.mjtEnableBit.mjENBL_OVERRIDE):
        raise UserError(
            f"{text} has no effect: {robot} gives all contacts the friction o_friction; remove "
            'override="enable" from its flags'
        )


def _reason(contact: _Contact, quantity: str, text: str, surfaces: Surfaces, model: mujoco.MjModel, robot: str) -> str:
    one, other, word = surfaces.names[contact.geom], surfaces.names[contact.other], quantity.replace("_", " ")
    if contact.pair != _NOWHERE:
        name = model.pair(contact.pair).name
        return f"the contact of '{one}' and '{other}' is a <pair> with {word} of its own; vary 'pair:{name}.{quantity}'"
    priority = int(surfaces.priority[contact.other])
    if priority > surfaces.priority[contact.geom]:
        rule = f"the {word} of the higher priority counts, and '{other}'"
    else:
        rule = f"MuJoCo takes the larger {word} of two geoms in contact, and '{other}'"
    return f"{rule} has {contact.hidden:g}; vary '*.{quantity}', or give '{one}' priority=\"{priority + 1}\" in {robot}"


def _no_contact(surfaces: Surfaces, geoms: list[int], quantity: str, robot: str) -> str:
    word, needed = quantity.replace("_", " "), _DIMENSION[KINDS.index(quantity)]
    name = surfaces.names[geoms[0]]
    touching = surfaces.touch[geoms]
    if touching.any():
        largest = int(surfaces.dimension[geoms][touching].max())
        return (
            f"the contacts of '{name}' have condim {largest}, which is without {word}; "
            f'give it condim="{needed}" in {robot}'
        )
    return f"nothing in {robot} can touch '{name}': look at contype, conaffinity and excludes"


def pairs_with(quantity: str, pairs: Sequence[str], model: mujoco.MjModel) -> list[str]:
    """Returns those of some explicit pairs that have a kind of friction, by their contact dimension."""
    return [name for name in pairs if model.pair(name).dim[0] >= _DIMENSION[KINDS.index(quantity)]]


def check_pair_friction(pairs: Sequence[str], quantity: str, text: str, model: mujoco.MjModel, robot: str) -> None:
    """Checks that the friction of explicit pairs has an effect.

    Raises:
        UserError: If no pair has this kind of friction by its contact dimension, or if no geom of theirs moves.
    """
    _check_options(text, model, robot)
    able = pairs_with(quantity, pairs, model)
    if not able:
        word, dimension = quantity.replace("_", " "), model.pair(pairs[0]).dim[0]
        raise UserError(
            f"{text} has no effect: pair '{pairs[0]}' has condim {dimension}, which is without {word}; "
            f'give it condim="{_DIMENSION[KINDS.index(quantity)]}" in {robot}'
        )
    geoms = [number for name in able for number in (model.pair(name).geom1[0], model.pair(name).geom2[0])]
    if (model.body_treeid[model.geom_bodyid[geoms]] == _NOWHERE).all():
        raise UserError(f"{text} has no effect: neither geom of pair '{able[0]}' moves in {robot}")
