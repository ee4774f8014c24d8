"""Meta-gradients against central finite differences and closed forms, in double precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from robotmeta.errors import UserError
from robotmeta.metalearners.inner_loop import SURROGATES, Samples, adapt, task_mean
from robotmeta.metalearners.maml import conjugate_gradient
from robotmeta.policies import GaussianMLP
from robotmeta.policies.mlp import per_task

POLICY = GaussianMLP(2, 2, hidden=(3,), init_std=0.7)
TASKS, EPISODES, HORIZON = 2, 3, 4
STEP_SIZE = 0.3
TRACE = 0.9  # gamma * lambda

Parameters = dict[str, Tensor]


def flat_grad(
    value: Tensor, parameters: Sequence[Tensor], *, create_graph: bool = False, retain_graph: bool = False
) -> Tensor:
    """Gradient of a scalar as one vector."""
    gradients = torch.autograd.grad(
        value, parameters, create_graph=create_graph, retain_graph=retain_graph or create_graph
    )
    return torch.cat([g.reshape(-1) for g in gradients])


# -- a random problem --------------------------------------------------------------------------------------------------


def random_like(parameters: Mapping[str, Tensor], seed: int) -> Parameters:
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.randn(v.shape, generator=generator, dtype=torch.float64) for n, v in parameters.items()}


def initialization() -> Parameters:
    """Parameters without a task axis, away from the zeros and small layers of an untrained policy."""
    initial = POLICY.initialize(torch.Generator().manual_seed(0))
    return {n: (v.double() + 0.3 * random_like(initial, 1)[n]) for n, v in initial.items()}


def experience(parameters: Mapping[str, Tensor], seed: int, tasks: int = TASKS) -> Samples:
    """Random experience of a policy; one episode ends after its second step."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(tasks, EPISODES, HORIZON, *shape, generator=generator, dtype=torch.float64)

    mask = torch.ones(tasks, EPISODES, HORIZON, dtype=torch.float64)
    mask[0, 1, 2:] = 0.0
    observations = random(POLICY.observation_size)
    with torch.no_grad():
        behavior = POLICY(parameters, observations)
        actions = behavior.sample(random(POLICY.action_size))
    return Samples(observations, actions, random() * mask, mask, behavior, behavior.log_prob(actions), TRACE)


def outer_loss(adapted: Mapping[str, Tensor]) -> Tensor:
    """A smooth function of the adapted parameters of all tasks."""
    weights = random_like(adapted, seed=5)
    return torch.stack([(weights[n] * v.sin() + 0.5 * v.square()).sum() for n, v in adapted.items()]).sum()


def step_sizes() -> Parameters:
    """One positive step size a parameter, all different."""
    return {n: STEP_SIZE * (0.1 * v).exp() for n, v in random_like(initialization(), seed=6).items()}


def flat(parameters: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([value.reshape(-1) for value in parameters.values()])


def unflat(vector: Tensor, like: Mapping[str, Tensor]) -> Parameters:
    pieces = vector.split([value.numel() for value in like.values()])
    return {name: piece.view_as(value) for (name, value), piece in zip(like.items(), pieces, strict=True)}


def finite_differences(function: Callable[[Tensor], Tensor], at: Tensor, width: float = 1e-5) -> Tensor:
    """Central differences of a scalar or vector function: ``[input]`` or ``[output, input]``."""
    columns = [(function(at + width * e) - function(at - width * e)) / (2 * width) for e in torch.eye(len(at)).to(at)]
    return torch.stack(columns, dim=-1)


# -- the surrogates written out: likelihood ratios to a fixed sampling distribution ------------------------------------
#
# Where the package stops a gradient, the references below hold the log-probabilities of the sampling policy as numbers,
# so that they are ordinary functions of theta, which finite differences can differentiate.


def ratio_log_likelihood(log_probs: Tensor, sampled: Tensor, samples: Samples) -> Tensor:
    return task_mean(log_probs * samples.advantages, samples.mask)


def ratio_lvc(log_probs: Tensor, sampled: Tensor, samples: Samples) -> Tensor:
    return task_mean((log_probs - sampled).exp() * samples.advantages, samples.mask)


def ratio_dice(log_probs: Tensor, sampled: Tensor, samples: Samples) -> Tensor:
    """Loaded DiCE (Farquhar et al. 2019), step by step.

    ``v_t = c w_{t-1}``, ``w_t = v_t + log(pi / pi_0)(a_t)``, ``J = mean_t (exp w_t - exp v_t) A_t``.
    """
    w = torch.zeros_like(log_probs[..., 0])
    terms = []
    for t in range(log_probs.shape[-1]):
        v = samples.trace * w
        w = v + (log_probs[..., t] - sampled[..., t]) * samples.mask[..., t]
        terms.append((w.exp() - v.exp()) * samples.advantages[..., t])
    return task_mean(torch.stack(terms, dim=-1), samples.mask)


REFERENCES = {"log_likelihood": ratio_log_likelihood, "lvc": ratio_lvc, "dice": ratio_dice}


def test_every_surrogate_has_a_reference() -> None:
    assert set(SURROGATES) == set(REFERENCES)


def reference_meta_loss(
    surrogate: str, trial: list[Samples], theta: Mapping[str, Tensor], alpha: Mapping[str, Tensor]
) -> Tensor:
    """The outer loss after adaptation by the written-out surrogate.

    Experience stays what the policy at the base point gathered: its actions and their log-probabilities are numbers.
    """
    parameters = per_task(theta, TASKS)
    for samples in trial:
        inputs = {n: v.detach().requires_grad_() for n, v in parameters.items()}
        log_probs = POLICY(inputs, samples.observations).log_prob(samples.actions)
        objective = REFERENCES[surrogate](log_probs, samples.log_probs, samples).sum()
        gradients = torch.autograd.grad(objective, list(inputs.values()))
        parameters = {n: v + alpha[n] * g for (n, v), g in zip(parameters.items(), gradients, strict=True)}
    return outer_loss(parameters)


def meta_loss(
    surrogate: str,
    trial: list[Samples],
    theta: Mapping[str, Tensor],
    alpha: float | Mapping[str, Tensor],
    *,
    first_order: bool = False,
) -> Tensor:
    """The outer loss after adaptation by the package."""
    parameters = per_task(theta, TASKS)
    for samples in trial:
        parameters = adapt(
            POLICY, parameters, samples, alpha, surrogate=surrogate, differentiable=True, first_order=first_order
        )
    return outer_loss(parameters)


def differentiable(parameters: Mapping[str, Tensor]) -> Parameters:
    return {name: value.clone().requires_grad_() for name, value in parameters.items()}


def trial_of(surrogate: str, steps: int, alpha: Parameters) -> list[Samples]:
    """Fresh experience before each adaptation step, as in meta-training: the policy that acts is the adapted one."""
    parameters = per_task(initialization(), TASKS)
    trial = []
    for step in range(steps):
        trial.append(experience(parameters, seed=10 + step))
        parameters = adapt(POLICY, parameters, trial[-1], alpha, surrogate=surrogate)
    return trial


# -- meta-gradients ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("surrogate", SURROGATES)
def test_the_meta_gradient_is_the_derivative_through_every_adaptation_step(surrogate: str, steps: int) -> None:
    alpha = step_sizes()
    trial = trial_of(surrogate, steps, alpha)
    theta = differentiable(initialization())
    gradient = flat_grad(meta_loss(surrogate, trial, theta, alpha), list(theta.values()))
    expected = finite_differences(
        lambda vector: reference_meta_loss(surrogate, trial, unflat(vector, theta), alpha), flat(initialization())
    )
    torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_the_meta_gradient_stays_right_after_the_outer_loop_has_moved_on(surrogate: str) -> None:
    # Several outer steps reuse one batch: from the second on, theta is no longer the policy that sampled.
    alpha = step_sizes()
    trial = trial_of(surrogate, 1, alpha)
    moved = {n: v + 0.1 * random_like({n: v}, seed=9)[n] for n, v in initialization().items()}
    theta = differentiable(moved)
    gradient = flat_grad(meta_loss(surrogate, trial, theta, alpha), list(theta.values()))
    expected = finite_differences(
        lambda vector: reference_meta_loss(surrogate, trial, unflat(vector, theta), alpha), flat(moved)
    )
    torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("surrogate", SURROGATES)
def test_learned_step_sizes_get_the_derivative_of_the_outer_loss(surrogate: str, steps: int) -> None:
    alpha, theta = differentiable(step_sizes()), initialization()
    trial = trial_of(surrogate, steps, step_sizes())
    gradient = flat_grad(
        meta_loss(surrogate, trial, differentiable(theta), alpha), list(alpha.values()), retain_graph=True
    )
    expected = finite_differences(
        lambda vector: reference_meta_loss(surrogate, trial, theta, unflat(vector, alpha)), flat(step_sizes())
    )
    torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("surrogate", SURROGATES)
def test_first_order_drops_exactly_the_hessian(surrogate: str, steps: int) -> None:
    # theta' = theta + alpha g with g held constant: its Jacobian is the identity, and that of alpha is g.
    trial = trial_of(surrogate, steps, step_sizes())
    theta, alpha = differentiable(initialization()), differentiable(step_sizes())
    loss = meta_loss(surrogate, trial, theta, alpha, first_order=True)
    gradient = flat_grad(loss, [*theta.values(), *alpha.values()])

    inner: list[Parameters] = []
    parameters = per_task(initialization(), TASKS)
    for samples in trial:
        moved = adapt(POLICY, parameters, samples, step_sizes(), surrogate=surrogate)
        inner.append({n: (moved[n] - parameters[n]) / step_sizes()[n] for n in moved})
        parameters = moved
    ends = differentiable(parameters)
    outer = unflat(flat_grad(outer_loss(ends), list(ends.values())), ends)
    to_theta = {n: outer[n].sum(dim=0) for n in ends}
    to_alpha = {n: torch.stack([(outer[n] * g[n]).sum(dim=0) for g in inner]).sum(dim=0) for n in ends}
    torch.testing.assert_close(gradient, torch.cat([flat(to_theta), flat(to_alpha)]))


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_first_order_takes_the_same_step(surrogate: str) -> None:
    parameters = differentiable(per_task(initialization(), TASKS))
    samples = experience(parameters, seed=10)
    second, first = (
        adapt(POLICY, parameters, samples, 0.3, surrogate=surrogate, differentiable=True, first_order=order)
        for order in (False, True)
    )
    assert torch.equal(flat(second), flat(first))


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_what_is_deployed_is_what_was_differentiated(surrogate: str) -> None:
    parameters = per_task(initialization(), TASKS)
    samples = experience(parameters, seed=10)
    deployed = adapt(POLICY, parameters, samples, 0.3, surrogate=surrogate)
    trained = adapt(POLICY, differentiable(parameters), samples, 0.3, surrogate=surrogate, differentiable=True)
    assert torch.equal(flat(deployed), flat(trained))
    assert not any(value.requires_grad for value in deployed.values())


@pytest.mark.parametrize("differentiable_step", [False, True])
@pytest.mark.parametrize("surrogate", SURROGATES)
def test_zero_step_size_leaves_the_policy_unchanged(surrogate: str, differentiable_step: bool) -> None:
    parameters = differentiable(per_task(initialization(), TASKS))
    samples = experience(parameters, seed=10)
    zeros = {name: torch.zeros_like(value) for name, value in initialization().items()}
    for step in (0.0, zeros):
        adapted = adapt(POLICY, parameters, samples, step, surrogate=surrogate, differentiable=differentiable_step)
        assert all(torch.equal(adapted[name], parameters[name]) for name in parameters)


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_adapting_tasks_together_equals_adapting_each_alone(surrogate: str) -> None:
    tasks = 5
    parameters = {n: v + 0.1 * random_like({n: v}, seed=8)[n] for n, v in per_task(initialization(), tasks).items()}
    samples = experience(parameters, seed=10, tasks=tasks)
    together = adapt(POLICY, parameters, samples, step_sizes(), surrogate=surrogate)
    for i in range(tasks):
        one = slice(i, i + 1)
        alone = adapt(
            POLICY,
            {n: v[one] for n, v in parameters.items()},
            Samples(
                samples.observations[one],
                samples.actions[one],
                samples.advantages[one],
                samples.mask[one],
                type(samples.behavior)(samples.behavior.mean[one], samples.behavior.log_std[one]),
                samples.log_probs[one],
                samples.trace,
            ),
            step_sizes(),
            surrogate=surrogate,
        )
        for name, value in alone.items():
            torch.testing.assert_close(together[name][one], value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_padding_does_not_teach(surrogate: str) -> None:
    parameters = per_task(initialization(), TASKS)
    samples = experience(parameters, seed=10)
    padding = samples.mask == 0
    changed = samples._replace(
        observations=samples.observations.masked_fill(padding.unsqueeze(-1), 3.0),
        actions=samples.actions.masked_fill(padding.unsqueeze(-1), -2.0),
    )
    first, second = (adapt(POLICY, parameters, s, 0.3, surrogate=surrogate) for s in (samples, changed))
    assert torch.equal(flat(first), flat(second))


def test_an_unknown_surrogate_is_answered_with_those_that_exist() -> None:
    parameters = per_task(initialization(), TASKS)
    with pytest.raises(UserError, match=r"no surrogate 'dic'; nearest: dice"):
        adapt(POLICY, parameters, experience(parameters, seed=10), 0.1, surrogate="dic")


# -- the surrogates beside each other ----------------------------------------------------------------------------------


def derivatives(surrogate: str, samples: Samples) -> tuple[Tensor, Tensor, Tensor]:
    """Value, gradient and Hessian of a surrogate at the policy that sampled, summed over tasks."""
    theta = differentiable(initialization())
    log_probs = POLICY(per_task(theta, len(samples.mask)), samples.observations).log_prob(samples.actions)
    value = SURROGATES[surrogate](log_probs, samples).sum()
    inputs = list(theta.values())
    gradient = flat_grad(value, inputs, create_graph=True)
    hessian = torch.stack([flat_grad(g, inputs, retain_graph=True) for g in gradient])
    return value.detach(), gradient.detach(), hessian


def test_surrogates_share_the_first_derivative_and_differ_in_the_second() -> None:
    samples = experience(per_task(initialization(), TASKS), seed=10)
    found = {name: derivatives(name, samples) for name in SURROGATES}
    torch.testing.assert_close(found["lvc"][0], found["dice"][0])
    torch.testing.assert_close(found["lvc"][0], task_mean(samples.advantages, samples.mask).sum())
    for name in SURROGATES:
        torch.testing.assert_close(found[name][1], found["lvc"][1])
    for one, other in (("lvc", "dice"), ("lvc", "log_likelihood"), ("dice", "log_likelihood")):
        assert float((found[one][2] - found[other][2]).abs().max()) > 1e-2


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_the_hessian_is_that_of_the_written_out_surrogate(surrogate: str) -> None:
    samples = experience(per_task(initialization(), TASKS), seed=10)

    def gradient(vector: Tensor) -> Tensor:
        theta = differentiable(unflat(vector, initialization()))
        log_probs = POLICY(per_task(theta, TASKS), samples.observations).log_prob(samples.actions)
        value = REFERENCES[surrogate](log_probs, samples.log_probs, samples).sum()
        return flat_grad(value, list(theta.values()))

    expected = finite_differences(gradient, flat(initialization()))
    torch.testing.assert_close(derivatives(surrogate, samples)[2], expected, rtol=1e-6, atol=1e-7)


def test_lvc_adds_the_squared_score_to_the_hessian_of_the_log_likelihood() -> None:
    # d^2 pi/stop(pi) = d^2 log pi + (d log pi)(d log pi)^T
    samples = experience(per_task(initialization(), TASKS), seed=10)
    theta = differentiable(initialization())
    log_probs = POLICY(per_task(theta, TASKS), samples.observations).log_prob(samples.actions)
    weights = samples.advantages * samples.mask / samples.mask.sum(dim=(1, 2), keepdim=True)
    scores = torch.stack([flat_grad(p, list(theta.values()), retain_graph=True) for p in log_probs.reshape(-1)])
    squared = scores.T @ (weights.reshape(-1, 1) * scores)
    lvc, log_likelihood = (derivatives(name, samples)[2] for name in ("lvc", "log_likelihood"))
    torch.testing.assert_close(lvc, log_likelihood + squared)


def test_in_episodes_of_one_step_dice_is_lvc() -> None:
    samples = experience(per_task(initialization(), TASKS), seed=10)
    one_step = samples._replace(
        observations=samples.observations[:, :, :1],
        actions=samples.actions[:, :, :1],
        advantages=samples.advantages[:, :, :1],
        mask=samples.mask[:, :, :1],
        log_probs=samples.log_probs[:, :, :1],
    )
    torch.testing.assert_close(derivatives("dice", one_step), derivatives("lvc", one_step))


# -- closed forms ------------------------------------------------------------------------------------------------------
#
# Episodes of two steps, one number observed that says which step it is, mean action mu_t = theta_t, a fixed sigma:
#     r_0 = a_0 - a_0^2 / 2,    r_1 = a_0^2 a_1 - a_1^2
#     J = E[r_0 + gamma r_1] = mu_0 - (mu_0^2 + s^2) / 2 + gamma ((mu_0^2 + s^2) mu_1 - mu_1^2 - s^2)
# Gauss-Hermite quadrature lists actions with weights that make expectations of polynomials exact: no sampling error.

MEANS, SIGMA = (0.4, -0.7), 0.6
LINEAR = GaussianMLP(2, 1, hidden=())


def two_step_episodes(discount: float) -> Samples:
    """All pairs of quadrature nodes as the episodes of one task; advantages are returns times quadrature weights."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    x, w = torch.from_numpy(nodes), torch.from_numpy(weights / weights.sum())
    pairs = torch.cartesian_prod(x, x)  # [episode, 2]
    share = w.outer(w).reshape(-1)
    actions = torch.tensor(MEANS, dtype=torch.float64) + SIGMA * pairs
    first, second = actions.T
    late = first.square() * second - second.square()
    early = first - 0.5 * first.square()
    returns = torch.stack([early + discount * late, late], dim=-1)
    episodes = len(share)
    observations = torch.eye(2, dtype=torch.float64).expand(1, episodes, 2, 2)
    behavior = LINEAR(per_task(two_step_policy(), 1), observations)
    return Samples(
        observations=observations,
        actions=actions.view(1, episodes, 2, 1),
        # The surrogates average over all 2 * episodes steps; here they shall add up weighted episodes.
        advantages=(returns * share.unsqueeze(-1) * 2 * episodes).unsqueeze(0),
        mask=torch.ones(1, episodes, 2, dtype=torch.float64),
        behavior=behavior,
        log_probs=behavior.log_prob(actions.view(1, episodes, 2, 1)),
        trace=discount,
    )


def two_step_policy() -> Parameters:
    return {
        "weight_0": torch.tensor(MEANS, dtype=torch.float64).view(2, 1),
        "bias_0": torch.zeros(1, dtype=torch.float64),
        "log_std": torch.tensor([SIGMA], dtype=torch.float64).log(),
    }


def two_step_hessian(surrogate: str, discount: float) -> tuple[Tensor, Tensor]:
    """Gradient and Hessian with respect to ``(mu_0, mu_1)``."""
    samples = two_step_episodes(discount)
    theta = two_step_policy()
    mu = theta["weight_0"].clone().requires_grad_()
    log_probs = LINEAR(per_task({**theta, "weight_0": mu}, 1), samples.observations).log_prob(samples.actions)
    gradient = flat_grad(SURROGATES[surrogate](log_probs, samples).sum(), [mu], create_graph=True)
    return gradient.detach(), torch.stack([flat_grad(g, [mu], retain_graph=True) for g in gradient])


@pytest.mark.parametrize("discount", [1.0, 0.8])
@pytest.mark.parametrize("surrogate", SURROGATES)
def test_the_gradient_of_every_surrogate_is_that_of_the_expected_return(surrogate: str, discount: float) -> None:
    (m0, m1), variance = MEANS, SIGMA**2
    # Reward-to-go counts discounts from its own step, so what mu_1 does is not discounted.
    expected = [1.0 - m0 + discount * 2.0 * m0 * m1, m0**2 + variance - 2.0 * m1]
    torch.testing.assert_close(two_step_hessian(surrogate, discount)[0], torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("discount", [1.0, 0.8])
def test_the_hessian_of_dice_is_that_of_the_expected_return(discount: float) -> None:
    m0, m1 = MEANS
    coupling = discount * 2.0 * m0
    expected = torch.tensor([[-1.0 + discount * 2.0 * m1, coupling], [coupling, -2.0]], dtype=torch.float64)
    torch.testing.assert_close(two_step_hessian("dice", discount)[1], expected)


@pytest.mark.parametrize("discount", [1.0, 0.8])
def test_the_hessian_of_lvc_lacks_only_what_couples_the_steps(discount: float) -> None:
    m1 = MEANS[1]
    expected = torch.tensor([[-1.0 + discount * 2.0 * m1, 0.0], [0.0, -2.0]], dtype=torch.float64)
    torch.testing.assert_close(two_step_hessian("lvc", discount)[1], expected)


def test_the_hessian_of_the_log_likelihood_is_biased() -> None:
    m1 = MEANS[1]
    hessian = two_step_hessian("log_likelihood", 1.0)[1]
    assert abs(float(hessian[0, 0]) - (-1.0 + 2.0 * m1)) > 0.1
    assert abs(float(hessian[1, 1]) - -2.0) > 0.1


# -- the trust region --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 12])
def test_conjugate_gradient_solves_a_positive_definite_system(size: int) -> None:
    generator = torch.Generator().manual_seed(2)
    root = torch.randn(size, size, generator=generator, dtype=torch.float64)
    matrix = root @ root.T + torch.eye(size, dtype=torch.float64)
    target = torch.randn(size, generator=generator, dtype=torch.float64)
    solution = conjugate_gradient(lambda vector: matrix @ vector, target, iterations=4 * size)
    torch.testing.assert_close(matrix @ solution, target, atol=1e-4, rtol=0.0)


def test_conjugate_gradient_makes_progress_when_it_is_cut_short() -> None:
    matrix = torch.diag(torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64))
    target = torch.ones(3, dtype=torch.float64)
    exact = 1.0 / matrix.diagonal()
    errors = []
    for iterations in range(4):
        error = conjugate_gradient(lambda vector: matrix @ vector, target, iterations) - exact
        errors.append(float(error @ matrix @ error))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-20


def test_conjugate_gradient_of_nothing_is_nothing() -> None:
    assert torch.equal(conjugate_gradient(lambda vector: 2.0 * vector, torch.zeros(3), iterations=5), torch.zeros(3))


def divergence(theta: Mapping[str, Tensor], before: Samples, after: Samples) -> Tensor:
    """KL from the policy that gathered ``after`` to the one adapted on ``before``, as the outer loop of MAML has it."""
    adapted = adapt(POLICY, per_task(theta, TASKS), before, STEP_SIZE, differentiable=True)
    return task_mean(after.behavior.kl(POLICY(adapted, after.observations)), after.mask).mean()


def reference_divergence_gradient(theta: Tensor, before: Samples, after: Samples) -> Tensor:
    """Its gradient with lvc written out as a likelihood ratio to the policy that sampled."""
    inputs = differentiable(unflat(theta, initialization()))
    parameters = per_task(inputs, TASKS)
    log_probs = POLICY(parameters, before.observations).log_prob(before.actions)
    objective = ratio_lvc(log_probs, before.log_probs, before).sum()
    gradients = torch.autograd.grad(objective, list(parameters.values()), create_graph=True)
    adapted = {n: v + STEP_SIZE * g for (n, v), g in zip(parameters.items(), gradients, strict=True)}
    value = task_mean(after.behavior.kl(POLICY(adapted, after.observations)), after.mask).mean()
    return flat_grad(value, list(inputs.values()))


def test_the_divergence_hessian_vector_product_is_the_derivative_of_the_gradient() -> None:
    base = per_task(initialization(), TASKS)
    before = experience(base, seed=10)
    after = experience(adapt(POLICY, base, before, STEP_SIZE), seed=11)
    theta = differentiable(initialization())
    inputs = list(theta.values())
    value = divergence(theta, before, after)
    assert abs(float(value.detach())) < 1e-12  # the trust region starts at the policy that gathered the data
    gradient = flat_grad(value, inputs, create_graph=True)
    assert float(gradient.detach().abs().max()) < 1e-12
    vector = torch.randn(len(gradient), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    product = flat_grad(gradient @ vector, inputs)

    def along(width: Tensor) -> Tensor:
        return reference_divergence_gradient(flat(initialization()) + width * vector, before, after)

    expected = finite_differences(along, torch.zeros(1, dtype=torch.float64)).squeeze(-1)
    torch.testing.assert_close(product, expected, rtol=1e-5, atol=1e-7)
    assert float(vector @ product) > 0.0
