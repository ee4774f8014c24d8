"""What a fit knows of each parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from robotmeta.adaptation.fitting.coordinates import KNOWN, Coordinates, is_constant
from robotmeta.adaptation.fitting.result import FittedParameter
from robotmeta.adaptation.fitting.search import Z90, Found
from robotmeta.adaptation.posterior import TaskPosterior
from robotmeta.envs import ParameterSpace, TaskFamily, Tasks


def fitted_parameters(
    family: TaskFamily, coordinates: Coordinates, given: Mapping[str, float], found: Found
) -> dict[str, FittedParameter]:
    """What a search says of each parameter.

    Args:
        family: The family whose parameters were searched.
        coordinates: What was searched.
        given: Parameters that were known.
        found: What the search found.
    """
    std = np.sqrt(np.diag(found.covariance))
    below = found.mean < coordinates.nominal
    low, high = np.where(below, found.spread, std), np.where(below, std, found.spread)
    ends = np.stack([found.mean, found.mean - Z90 * low, found.mean + Z90 * high])
    kinds = {name: np.full(3, value) for name, value in found.kinds.items()}
    rows = coordinates.tasks(np.clip(ends, coordinates.low, coordinates.high), kinds)
    places = {parameter.name: place for place, parameter in enumerate(coordinates.numbers)}
    fitted = {}
    for column, parameter in enumerate(family.space):
        name = parameter.name
        if name in given:
            fitted[name] = FittedParameter(given[name], given[name], given[name], True)
        elif name in places:
            value, low, high = rows.values[:, column].tolist()
            known = bool(std[places[name]] < KNOWN or found.differs[places[name]])
            if not known and is_constant(parameter):
                value = low = high = parameter.nominal
            fitted[name] = FittedParameter(value, low, high, known)
        else:
            fitted[name] = _kind(coordinates.kinds[name], found.frequencies[name])
    for parameter in family.space:  # what details a fault tells nothing where there is none
        of = parameter.qualifies
        if of is not None and parameter.name not in given and fitted[of].value == family.space[of].nominal:
            fitted[parameter.name] = replace(fitted[parameter.name], known=False)
    return fitted


def with_constants(
    space: ParameterSpace, posterior: TaskPosterior, parameters: Mapping[str, FittedParameter]
) -> TaskPosterior:
    """The posterior in which constants of training are nominal where the episodes do not tell otherwise."""
    values = posterior.tasks.values.copy()
    for column, parameter in enumerate(space):
        if is_constant(parameter) and not parameters[parameter.name].known:
            values[:, column] = parameter.nominal
    return TaskPosterior(Tasks(space.names, values), posterior.weights)


def _kind(values: list[float], shares: np.ndarray) -> FittedParameter:
    order = np.argsort(-shares, kind="stable")
    likely = {values[i]: float(shares[i]) for i in order if shares[i] >= 0.01}
    plausible = [value for value, share in likely.items() if share >= 0.05]
    return FittedParameter(next(iter(likely)), min(plausible), max(plausible), len(plausible) == 1, likely)
