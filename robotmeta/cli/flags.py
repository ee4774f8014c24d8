"""The hyper-parameters of a learner as typed flags."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import inspect
import itertools
import textwrap
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import tyro

from robotmeta.errors import UserError

if TYPE_CHECKING:
    from robotmeta.metalearners import LearnerConfig


@dataclass(frozen=True)
class Hyperparameter:
    """A hyper-parameter as the command line shows it."""

    name: str
    type: Any
    default: Any
    description: str
    by_family: bool
    """Whether a family may have a default of its own."""

    @property
    def flag(self) -> str:
        """What is typed; a bool has a second flag, with ``--no-``."""
        return _flag(self.name)

    @property
    def type_name(self) -> str:
        """Such as ``float`` or ``tuple[int, ...]``."""
        return self.type.__name__ if inspect.isclass(self.type) else str(self.type)

    @property
    def default_text(self) -> str:
        """The default as it is typed."""
        text = " ".join(map(str, self.default)) if isinstance(self.default, tuple) else str(self.default)
        return f"{text}, or the family's" if self.by_family else text


def hyperparameters_of(learner: str) -> list[Hyperparameter]:
    """The hyper-parameters of a learner, described by the docstrings of its ``Config``.

    Raises:
        UserError: For an unknown learner.
    """
    from robotmeta.metalearners import learner_class

    config = learner_class(learner).Config
    hints, descriptions = typing.get_type_hints(config), _docstrings(config)
    return [
        Hyperparameter(f.name, hints[f.name], f.default, descriptions.get(f.name, ""), f.name in config.family_defaults)
        for f in dataclasses.fields(config)
    ]


def flags_of(learner: str) -> Any:
    """A type whose fields tyro turns into flags. It holds the values of the flags that were typed, and no defaults.

    Raises:
        UserError: For an unknown learner.
    """
    fields = {
        h.name: Annotated[h.type, tyro.conf.arg(help=h.description, help_behavior_hint=f"(default: {h.default_text})")]
        for h in hyperparameters_of(learner)
    }
    return TypedDict(learner, fields, total=False)  # pyright: ignore[reportArgumentType, reportGeneralTypeIssues]


def check_flags(arguments: Sequence[str], learner: str) -> None:
    """Raises UserError where a hyper-parameter of another learner was typed."""
    from robotmeta.metalearners import LEARNERS

    names = {name: {field.name for field in dataclasses.fields(LEARNERS[name].Config)} for name in LEARNERS}
    for argument in arguments:
        name = argument.partition("=")[0].removeprefix("--").removeprefix("no-").replace("-", "_")
        others = [other for other in LEARNERS if name in names[other]]
        if argument.startswith("--") and others and learner not in others:
            raise UserError(f"{_flag(name)} is no option of learner {learner}; it is one of {', '.join(others)}")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _docstrings(config: type[LearnerConfig]) -> dict[str, str]:
    """The string under each field, by name, in one line."""
    found: dict[str, str] = {}
    for cls in reversed(config.__mro__[:-1]):
        with contextlib.suppress(OSError):  # no source, as for a class that was typed at a prompt
            (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
            assert isinstance(definition, ast.ClassDef)
            for field, text in itertools.pairwise(definition.body):
                match field, text:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(description))):
                        found[name] = " ".join(description.split())
    return found
