"""Export of a policy to one ONNX file, which the software of a robot can run one control step at a time."""

from __future__ import annotations

import copy
import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from robotmeta.argument_types import check_arguments
from robotmeta.envs.family import bounded
from robotmeta.errors import UserError
from robotmeta.experience.rollout import PolicyInput
from robotmeta.files import replaced
from robotmeta.manifest import manifest
from robotmeta.policy import Policy

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True)
class Exported:
    """An exported policy: a function of one control step, with vectors of float32 as inputs and outputs.

    Attributes:
        file: The ONNX file. Its metadata contains, as JSON under ``robotmeta``, the manifest of a policy file (family,
            names and units of observations and actions, versions), ``dt`` (duration of a control step, s), ``horizon``
            (control steps per episode in meta-training) and, under ``begin``, the initial value of each input that is
            memory.
        inputs: Size of each input. A policy without memory has one input, ``observation``. Other policies also have
            ``start``, which is 1 in the first control step of an episode and else 0, ``last_action``, ``last_reward``,
            and their memory, which the last control step returned as ``next_NAME``.
        outputs: Size of each output. The ``action`` is in [-1, 1].
    """

    file: Path
    inputs: dict[str, int]
    outputs: dict[str, int]


@check_arguments
def export(policy: Policy, file: str | Path) -> Exported:
    """Writes a policy, adapted or not, to one ONNX file.

    The exported policy acts by the mean of the action distribution, as in :func:`robotmeta.evaluate`. Learners that
    adapt as they act continue to adapt on the robot. Gradient-based learners do not change any more.

    Args:
        policy: The policy, for example one that :func:`robotmeta.adapt` returned.
        file: The ONNX file.

    Raises:
        UserError: If a required package is not installed, the file cannot be written, or the default dtype of torch is
            not float32, in which robots would have to send their observations.
    """
    if torch.get_default_dtype() != torch.float32:
        kind = torch.get_default_dtype()
        raise UserError(
            f"export writes float32, the default dtype of torch is {kind}: set it back, and load the policy"
        )
    try:
        import onnx
        import onnxscript  # noqa: F401  # torch's exporter imports it
    except ImportError as error:
        raise UserError(f"export needs the package {error.name}: pip install 'robotmeta[export]'") from None

    step = _ControlStep(policy).eval()
    inputs = step.inputs()
    outputs = dict(zip(("action", *(f"next_{name}" for name in step.remembered)), step(*inputs.values()), strict=True))
    with replaced(Path(file)) as partial:
        model = _graph(step, inputs, list(outputs))
        begin = {name: inputs[name].tolist() for name in inputs if name not in ("observation", "start")}
        timing = {"dt": policy.family.dt, "horizon": policy.family.horizon}
        onnx.helper.set_model_props(model, {"robotmeta": json.dumps({**manifest(policy), **timing, "begin": begin})})
        onnx.checker.check_model(model)
        partial.write_bytes(model.SerializeToString())
    return Exported(Path(file), _sizes(inputs), _sizes(outputs))


def _sizes(named: dict[str, Tensor]) -> dict[str, int]:
    return {name: len(value) for name, value in named.items()}


def _graph(step: nn.Module, inputs: dict[str, Tensor], outputs: list[str]) -> ModelProto:
    """The control step as ONNX. The exporter's warnings about optional packages are suppressed."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            traced = torch.export.export(step, tuple(inputs.values()))
            program = torch.onnx.export(traced, input_names=list(inputs), output_names=outputs, verbose=False)
    finally:
        logging.disable(logging.NOTSET)
    assert program is not None  # None only if a file is given
    return program.model_proto


class _ControlStep(nn.Module):
    """One control step of one robot: vectors without task and episode axes."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.learner = copy.deepcopy(policy.learner).cpu()
        self.belief = {name: value.detach().cpu() for name, value in policy.begin(1).items()}
        sizes = self.learner.sizes
        self.observation, self.action, self.reward = (torch.zeros(n) for n in (sizes.observation, sizes.action, 1))
        after = self._act(self.belief, self.observation, self.action, self.reward, start=True)[1]
        # Entries of the belief that acting changes are memory. The others are constants of the exported policy.
        self.remembered = [name for name, value in after.items() if value is not self.belief[name]]

    def inputs(self) -> dict[str, Tensor]:
        """Inputs by name, with an observation of zeros, at the start of the first episode."""
        if not self.remembered:
            return {"observation": self.observation}
        return {
            "observation": self.observation,
            "start": torch.ones(1),
            "last_action": self.belief.get("action", self.action).flatten(),
            "last_reward": self.belief.get("reward", self.reward).flatten(),
            **{name: self.belief[name].flatten() for name in self.remembered},
        }

    def forward(self, observation: Tensor, *memory: Tensor) -> tuple[Tensor, ...]:
        if not self.remembered:
            return (self._act(self.belief, observation, self.action, self.reward, start=True)[0],)
        start, last_action, last_reward, *remembered = memory
        known = {"action": last_action, "reward": last_reward, **dict(zip(self.remembered, remembered, strict=True))}
        belief = {n: known[n].view_as(v) if n in known else v for n, v in self.belief.items()}

        def outputs(action: Tensor, reward: Tensor, *, start: bool) -> list[Tensor]:
            acted, after = self._act(belief, observation, action, reward, start=start)
            return [acted, *(after[name].flatten() for name in self.remembered)]

        begun = outputs(
            self.action, self.reward, start=True
        )  # the belief contains the last step of the previous episode
        going_on = outputs(last_action, last_reward, start=False)
        return tuple(torch.where(start > 0.5, *either) for either in zip(begun, going_on, strict=True))

    def _act(
        self, belief: dict[str, Tensor], observation: Tensor, action: Tensor, reward: Tensor, *, start: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        policy_input = PolicyInput(observation.view(1, 1, -1), action.view(1, 1, -1), reward.view(1, 1), start)
        distribution, after = self.learner.act(belief, policy_input)
        return bounded(distribution.mean).flatten(), dict(after)
