"""Where an environment names its observations and actions: keys of spaces, attributes and metadata."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium

from robotmeta.adapters.dm_env import DmEnv
from robotmeta.adapters.names import Names, declared
from robotmeta.adapters.spaces import ActionVector, ObservationVector
from robotmeta.adapters.timing import attribute, layers

_TRANSFORMERS: dict[str, type[gymnasium.Wrapper[Any, Any, Any, Any]]] = {
    "observation": gymnasium.ObservationWrapper,
    "action": gymnasium.ActionWrapper,
}


class Named(NamedTuple):
    """The names of a vector, and a doubt about them."""

    names: Names | None
    doubt: str | None = None


def names_of(env: gymnasium.Env[Any, Any], what: str, vector: ActionVector | ObservationVector) -> Named:
    """The names of an environment's observations or actions.

    The keys of a ``Dict`` with several entries go before all others, because they say which number is which. Then come
    ``observation_names`` or ``action_names``, as an attribute or in the metadata, of the outermost wrapper that has
    them. If a wrapper outside of that changes observations or actions, they may not be right any more, which is the
    doubt.

    Args:
        env: The environment.
        what: ``"observation"`` or ``"action"``.
        vector: Its observations or actions.

    Raises:
        UserError: For declared names that are not as many different strings as the vector has numbers.
    """
    if vector.names is not None and not vector.names.ordered:
        return Named(vector.names)
    name, changed = f"{what}_names", None
    for layer in layers(env):
        found = _own(layer, name)
        if found is not None:
            doubt = changed and (
                f"the names of {what}s are those inside of {type(changed).__name__}: if it changes their order, give "
                f"it {name} of its own"
            )
            return Named(declared(what, found, vector.size), doubt or None)
        if changed is None and isinstance(layer, _TRANSFORMERS[what]):
            changed = layer
    if what == "observation" and isinstance(env, DmEnv):
        return Named(env.entry_names)
    return Named(vector.names)


def _own(layer: Any, name: str) -> Any:
    """What a layer itself declares; a wrapper's metadata is otherwise that of the environment inside."""
    found = attribute(layer, name)
    if found is not None and not callable(found):
        return found
    inherits = isinstance(layer, gymnasium.Wrapper) and isinstance(type(layer).metadata, property)
    metadata = attribute(layer, "_metadata" if inherits else "metadata")
    return metadata.get(name) if isinstance(metadata, dict) else None
