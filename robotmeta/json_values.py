"""JSON: valid in what is written; of what is read, strict parsing and one check of the types of all values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_MOST = 2**63  # whole numbers are below
_DEEPEST = 32
_DEEP = "its values are nested too deeply"
_WORDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", dict: "an object"}


def parse_object(text: str | bytes, *, finite: bool = True) -> dict[str, Any]:
    """Parses a JSON object.

    Args:
        text: The JSON.
        finite: Whether NaN and infinity, which are no JSON, are refused.

    Raises:
        ValueError: For anything else: text that is no JSON or no UTF-8, a key that occurs twice, a number that is out
            of range, values that are nested too deeply.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refused if finite else float,
            parse_float=_finite if finite else float,
            parse_int=_whole,
        )
        _check_depth(value, _DEEPEST)
    except RecursionError:
        raise ValueError(_DEEP) from None
    if not isinstance(value, dict):
        raise ValueError(f"it is not {_WORDS[dict]}")
    json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} occurs twice")
        found[key] = value
    return found


def _check_depth(value: Any, levels: int) -> None:
    if not levels:
        raise ValueError(_DEEP)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(inner, levels - 1)


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is out of range")
    return value


def _whole(text: str) -> int:
    value = int(text) if len(text) < 30 else _MOST
    if abs(value) >= _MOST:
        raise ValueError(f"{text[:20]} is out of range")
    return value


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Valid JSON, in which numbers that are not finite are null."""
    return json.dumps(_finite_values(data), indent=indent, allow_nan=False) + "\n"


def _finite_values(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _finite_values(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite_values(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def check_types(value: Any, wanted: Any, where: str = "it") -> None:
    """Checks a JSON value against a description of its types.

    Args:
        value: The value.
        wanted: A type (a ``float`` may be a whole number), ``[type]`` for a list of any length, ``(type, type)`` for
            a list of that length, ``{str: type}`` for an object with any keys, or ``{"key": type}`` for an object with
            at least these keys. A key that ends in ``?`` may be missing, and the value of such a key may be null.
        where: What errors call the value.

    Raises:
        ValueError: For another type, or a key that is missing.
    """
    if isinstance(wanted, type):
        _require(type(value) is wanted or (wanted is float and type(value) is int), value, _WORDS[wanted], where)
    elif isinstance(wanted, dict):
        _require(isinstance(value, dict), value, _WORDS[dict], where)
        _check_keys(value, wanted, where)
    else:
        _require(isinstance(value, list), value, "a list", where)
        kinds = list(wanted) if isinstance(wanted, tuple) else wanted * len(value)
        _require(len(kinds) == len(value), value, f"a list of {len(kinds)} values", where)
        for place, (found, kind) in enumerate(zip(value, kinds, strict=True)):
            check_types(found, kind, f"{where}[{place}]")


def _check_keys(value: Mapping[str, Any], wanted: Mapping[Any, Any], where: str) -> None:
    prefix = "" if where == "it" else f"{where}."
    if str in wanted:
        for key, found in value.items():
            check_types(found, wanted[str], f"{prefix}{key}")
        return
    for name, kind in wanted.items():
        key = name.removesuffix("?")
        if key not in value:
            if key == name:
                raise ValueError(f"{prefix}{key} is missing")
        elif value[key] is not None or key == name:
            check_types(value[key], kind, f"{prefix}{key}")


def _require(fits: bool, value: object, words: str, where: str) -> None:
    if not fits:
        shown = repr(value)
        raise ValueError(f"{where} must be {words}, not {shown if len(shown) <= 40 else f'{shown[:40]}...'}")
