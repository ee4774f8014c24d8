"""Export: a policy as one ONNX file that a robot's own software can run, one control step at a time."""

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

from robotmeta.envs.family import bounded
from robotmeta.errors import UserError
from robotmeta.experience.rollout import PolicyInput
from robotmeta.files import replaced
from robotmeta.policy import Policy
from robotmeta.policy_file import manifest

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True)
class Exported:
    """An exported policy: a function of one control step, vectors of float32 in and out.

    Attributes:
        file: The ONNX file. Its metadata has, as JSON under ``robotmeta``, what a policy file's manifest has (family,
            names and units of observations and actions, versions) and, under ``begin``, what to remember at first.
        inputs: How many numbers each input holds. A policy without memory takes the ``observation`` alone; others also
            ``start``, 1 in the first control step of an episode and else 0, and what they remember: ``last_action``,
            ``last_reward``, and what the last control step put out as ``next_...``.
        outputs: Likewise; the ``action`` is in [-1, 1].
    """

    file: Path
    inputs: dict[str, int]
    outputs: dict[str, int]


def export(policy: Policy, file: str | Path) -> Exported:
    """Writes a policy, adapted or not, as one ONNX file.

    It acts as :func:`robotmeta.evaluate` measures: by the mean of the action distribution. Learners that adapt as they
    act go on adapting on the robot; gradient-based ones stay as they are.

    Args:
        policy: The policy; :func:`robotmeta.adapt` makes those that fit one robot.
        file: Where to write it.

    Raises:
        UserError: Where the packages that it takes are not installed, or the file cannot be written.
    """
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
        onnx.helper.set_model_props(model, {"robotmeta": json.dumps({**manifest(policy), "begin": begin})})
        onnx.checker.check_model(model)
        partial.write_bytes(model.SerializeToString())
    return Exported(Path(file), _sizes(inputs), _sizes(outputs))


def _sizes(named: dict[str, Tensor]) -> dict[str, int]:
    return {name: len(value) for name, value in named.items()}


def _graph(step: nn.Module, inputs: dict[str, Tensor], outputs: list[str]) -> ModelProto:
    """The control step as ONNX, without the exporter's remarks about packages that nobody needs here."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            traced = torch.export.export(step, tuple(inputs.values()))
            program = torch.onnx.export(traced, input_names=list(inputs), output_names=outputs, verbose=False)
    finally:
        logging.disable(logging.NOTSET)
    assert program is not None  # it is where no file is given
    return program.model_proto


class _ControlStep(nn.Module):
    """One control step of one robot: vectors, without the axes of tasks and episodes."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.learner = copy.deepcopy(policy.learner).cpu()
        self.belief = {name: value.detach().cpu() for name, value in policy.begin(1).items()}
        sizes = self.learner.sizes
        self.observation, self.action, self.reward = (torch.zeros(n) for n in (sizes.observation, sizes.action, 1))
        after = self._act(self.belief, self.observation, self.action, self.reward, start=True)[1]
        # What acting changes is memory; all else that the policy believes stays as it is.
        self.remembered = [name for name, value in after.items() if value is not self.belief[name]]

    def inputs(self) -> dict[str, Tensor]:
        """Inputs by name, for an observation of zeros at the start of the first episode."""
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

        begun = outputs(self.action, self.reward, start=True)  # the belief keeps the last step of the episode before
        going_on = outputs(last_action, last_reward, start=False)
        return tuple(torch.where(start > 0.5, *either) for either in zip(begun, going_on, strict=True))

    def _act(
        self, belief: dict[str, Tensor], observation: Tensor, action: Tensor, reward: Tensor, *, start: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        policy_input = PolicyInput(observation.view(1, 1, -1), action.view(1, 1, -1), reward.view(1, 1), start)
        distribution, after = self.learner.act(belief, policy_input)
        return bounded(distribution.mean).flatten(), dict(after)
