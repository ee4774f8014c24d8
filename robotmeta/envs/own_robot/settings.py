"""Settings of a file by which the compiler derives some values from others.

Their results for the nominal model are kept, and the settings are switched off. Otherwise a heavier link would change
the damping of a servo, and a longer one the mass of the other links, although no row of a task says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import mujoco
import numpy as np

_ALWAYS = mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_TRUE
_AUTO = mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_AUTO
_MUSCLE = int(mujoco.mjtGain.mjGAIN_MUSCLE)
_PEAK, _PEAK_PER_ACCELERATION = 2, 3  # parameters of a muscle; the first is negative where the second decides
_LEAST = 1e-15  # MuJoCo's mjMINVAL

Setting = tuple[str, str]
"""A setting of a file, and the name of the object that has it."""


def settle(spec: mujoco.MjSpec, nominal: mujoco.MjModel, *, edited: bool) -> list[Setting]:
    """Writes derived values of the nominal model into its spec, and switches off what derived them.

    Args:
        spec: The spec, which is changed.
        nominal: The model that it compiles to.
        edited: Whether tasks edit the structure. Otherwise the compiler's settings for masses have no say, because
            masses change after compiling.

    Returns:
        What was switched off.
    """
    total = list(_total_mass(spec, nominal))
    found = [*_springs(spec, nominal), *_damping_ratios(spec, nominal), *_muscles(spec, nominal)]
    return [*found, *total, *_masses(spec, nominal)] if edited else found


def in_words(settings: Sequence[Setting]) -> str:
    """Returns settings as a sentence names them. Of many objects with the same setting, it names the first three."""
    owners: dict[str, list[str]] = {}
    for setting, owner in settings:
        owners.setdefault(setting, []).append(owner if owner == "compiler" else f"'{owner}'")
    named = [(s, names if len(names) < 5 else [*names[:3], f"{len(names) - 3} more"]) for s, names in owners.items()]
    return " and ".join(f"the {s if ' of ' in s else f'{s} of the'} {', '.join(names)}" for s, names in named)


# -- joints and actuators ----------------------------------------------------------------------------------------------


def _springs(spec: mujoco.MjSpec, nominal: mujoco.MjModel) -> Iterator[Setting]:
    for joint in spec.joints:
        if np.any(joint.springdamper > 0.0):
            compiled = nominal.joint(joint.name)
            joint.stiffness[0], joint.damping[0] = compiled.stiffness[0], compiled.damping[0]
            joint.springdamper = np.zeros(2)
            yield "springdamper of joint", joint.name


def _damping_ratios(spec: mujoco.MjSpec, nominal: mujoco.MjModel) -> Iterator[Setting]:
    for actuator in spec.actuators:
        compiled = nominal.actuator(actuator.name).biasprm
        if actuator.biasprm[2] > 0.0 > compiled[2]:
            actuator.biasprm = compiled.copy()
            yield "dampratio of actuator", actuator.name


def _muscles(spec: mujoco.MjSpec, nominal: mujoco.MjModel) -> Iterator[Setting]:
    for actuator in spec.actuators:
        if int(actuator.gaintype) == _MUSCLE and actuator.gainprm[_PEAK] < 0.0:
            output = nominal.actuator_outadr[nominal.actuator(actuator.name).id]
            acceleration = max(float(nominal.actuator_acc0[output]), _LEAST)
            for parameters in (actuator.gainprm, actuator.biasprm):
                parameters[_PEAK] = parameters[_PEAK_PER_ACCELERATION] / acceleration
            yield "scale of muscle", actuator.name


# -- masses ------------------------------------------------------------------------------------------------------------


def _total_mass(spec: mujoco.MjSpec, nominal: mujoco.MjModel) -> Iterator[Setting]:
    if spec.compiler.settotalmass > 0.0:  # deprecated, as MuJoCo would say at each compile
        spec.compiler.settotalmass = -1.0
        _scale_masses(spec, float(nominal.body_mass.sum()))
        yield "settotalmass", "compiler"


def _masses(spec: mujoco.MjSpec, nominal: mujoco.MjModel) -> Iterator[Setting]:
    compiler = spec.compiler
    if compiler.inertiafromgeom == _ALWAYS:  # an edit could not give a body with geoms a mass of its own
        compiler.inertiafromgeom = _AUTO
        for body in spec.bodies[1:]:
            if body.geoms:
                body.explicitinertial, body.ipos = False, np.full(3, np.nan)
    for name, off in (("boundmass", 0.0), ("boundinertia", 0.0), ("balanceinertia", False)):
        if getattr(compiler, name):
            setattr(compiler, name, off)
            _keep_inertias(spec, nominal)
            yield name, "compiler"


def _scale_masses(spec: mujoco.MjSpec, total: float) -> None:
    factor = total / float(spec.copy().compile().body_mass.sum())
    for body in spec.bodies[1:]:
        body.mass *= factor
        body.inertia *= factor
        body.fullinertia *= factor
    for geom in spec.geoms:
        geom.mass *= factor
        geom.density *= factor


def _keep_inertias(spec: mujoco.MjSpec, nominal: mujoco.MjModel) -> None:
    """Gives each body whose inertia is not that of its geoms the one that it has in the nominal model."""
    kept = {nominal.body(number).name for number in range(nominal.nbody)}  # the compiler may have fused some
    bodies = [body for body in spec.bodies[1:] if body.name in kept]
    for body in bodies:
        if body.explicitinertial:
            _explicit(body, nominal)
    unbound = spec.copy().compile()
    for body in bodies:
        number = nominal.body(body.name).id
        same_mass = np.isclose(nominal.body_mass[number], unbound.body_mass[number], rtol=1e-9)
        if not (same_mass and np.allclose(nominal.body_inertia[number], unbound.body_inertia[number], rtol=1e-9)):
            _explicit(body, nominal)


def _explicit(body: Any, nominal: mujoco.MjModel) -> None:
    compiled = nominal.body(body.name)
    body.explicitinertial = True
    body.mass = float(compiled.mass[0])
    body.inertia, body.ipos, body.iquat = compiled.inertia.copy(), compiled.ipos.copy(), compiled.iquat.copy()
    body.fullinertia = np.full(6, np.nan)
