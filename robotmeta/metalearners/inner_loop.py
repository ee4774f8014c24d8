"""The inner loop: policy-gradient adaptation of all tasks at once, the same in meta-training and deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from robotmeta.errors import unknown
from robotmeta.experience.trees import tree_map
from robotmeta.policies import DiagonalGaussian, GaussianMLP


class Samples(NamedTuple):
    """Experience for the inner and outer losses; leading axes ``[task, episode, time]``."""

    observations: Tensor
    """Normalized observations, ``[task, episode, time, observation]``."""
    actions: Tensor
    """``[task, episode, time, action]``."""
    advantages: Tensor
    """``[task, episode, time]``."""
    mask: Tensor
    """1.0 for steps that happened, ``[task, episode, time]``."""
    behavior: DiagonalGaussian
    """Distribution of the actions when they were sampled, ``[task, episode, time, action]``."""
    log_probs: Tensor
    """Log-probabilities under ``behavior``, ``[task, episode, time]``."""
    trace: float
    """gamma * lambda of the advantages."""

    def tasks(self, rows: slice) -> Samples:
        """The samples of some of the tasks."""
        return Samples(
            self.observations[rows],
            self.actions[rows],
            self.advantages[rows],
            self.mask[rows],
            tree_map(lambda value: value[rows], self.behavior),
            self.log_probs[rows],
            self.trace,
        )


def task_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the steps of each task that happened: ``[task, episode, time] -> [task]``."""
    return (values * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2)).clamp(min=1.0)


def log_likelihood(log_probs: Tensor, samples: Samples) -> Tensor:
    """``J = mean_t log pi(a_t) A_t`` (Finn et al. 2017). Its second derivative is biased."""
    return task_mean(log_probs * samples.advantages, samples.mask)


def lvc(log_probs: Tensor, samples: Samples) -> Tensor:
    """Low variance curvature, ``J = mean_t pi(a_t) / pi_0(a_t) A_t`` (Rothfuss et al. 2019, equation 9).

    ``pi_0`` is the policy that sampled the actions. In the first gradient step of the outer loop it equals the
    published ``stop(pi(a_t))``. In later steps it corrects for the distribution of the data.
    """
    return task_mean((log_probs - samples.log_probs).exp() * samples.advantages, samples.mask)


def dice(log_probs: Tensor, samples: Samples) -> Tensor:
    """DiCE with advantages (Foerster et al. 2018; Loaded DiCE, Farquhar et al. 2019).

    ``J = mean_t (exp(w_t) - exp(v_t) + 1) A_t`` with the discounted dependencies ``w_t = sum_{s<=t} c^(t-s) l_s`` and
    ``v_t = w_t - l_t``, where ``l_s = log pi(a_s) / pi_0(a_s)`` and ``c = gamma lambda``. Its value and its first
    derivative are those of :func:`lvc`. Its second derivative also contains the terms that couple steps of an episode.
    """
    advantages, mask, c = samples.advantages, samples.mask, samples.trace
    ratios = (log_probs - samples.log_probs) * mask
    t = torch.arange(advantages.shape[-1], device=advantages.device)
    lag = (t.unsqueeze(0) - t.unsqueeze(1)).to(advantages.dtype)  # [s, t] = t - s
    decay = torch.where(lag >= 0, torch.as_tensor(c, dtype=lag.dtype) ** lag.clamp(min=0), 0.0)
    w = ratios @ decay
    v = w - ratios
    return task_mean((w.exp() - v.exp() + 1.0) * advantages, mask)


Surrogate = Callable[[Tensor, Samples], Tensor]
SURROGATES: dict[str, Surrogate] = {"lvc": lvc, "log_likelihood": log_likelihood, "dice": dice}


def adapt(
    policy: GaussianMLP,
    parameters: Mapping[str, Tensor],
    samples: Samples,
    step_size: float | Mapping[str, Tensor],
    *,
    surrogate: str = "lvc",
    differentiable: bool = False,
    first_order: bool = False,
    distribution: DiagonalGaussian | None = None,
) -> dict[str, Tensor]:
    """One adaptation step of every task: ``theta' = theta + alpha * grad J(theta)``.

    For several steps, call it again with rollouts of the adapted policy.

    Args:
        policy: The network.
        parameters: With a leading task axis, ``[task, ...]``.
        samples: Experience of the policy with these parameters.
        step_size: alpha, a number or one tensor for each parameter that broadcasts against it without its task axis.
        surrogate: Name of J: ``lvc``, ``log_likelihood`` or ``dice``.
        differentiable: Keep the graph, so that an outer loss can be differentiated with respect to ``parameters``
            and ``step_size``.
        first_order: Treat the gradient as a constant in that graph (FOMAML).
        distribution: The policy's action distributions at the samples, as a differentiable function of
            ``parameters``, if already computed. Only with ``differentiable``.

    Returns:
        Adapted parameters ``[task, ...]``.

    Raises:
        UserError: For an unknown surrogate.
    """
    if surrogate not in SURROGATES:
        raise unknown("surrogate", surrogate, SURROGATES)
    with torch.enable_grad():
        if not differentiable:
            parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        if distribution is None:
            distribution = policy(parameters, samples.observations)
        log_probs = distribution.log_prob(samples.actions)
        objective = SURROGATES[surrogate](log_probs, samples).sum()  # tasks share no parameters: one backward pass
        gradients = torch.autograd.grad(
            objective, list(parameters.values()), create_graph=differentiable and not first_order
        )
        adapted = {
            name: value + (step_size[name] if isinstance(step_size, Mapping) else step_size) * gradient
            for (name, value), gradient in zip(parameters.items(), gradients, strict=True)
        }
    return adapted if differentiable else {name: value.detach() for name, value in adapted.items()}
