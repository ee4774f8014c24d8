"""Whether a policy can act in an environment that is not of its family."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from robotmeta.adaptation.names import matched
from robotmeta.envs import BatchEnv, TaskFamily
from robotmeta.errors import EnvironmentWarning, UserError
from robotmeta.policy import Policy

if TYPE_CHECKING:
    from robotmeta.adapters.timing import ControlStep


def fitted(policy: Policy, env: BatchEnv) -> BatchEnv:
    """The environment with the observations and actions of the policy, in its order.

    What could not be checked, and what differs without being wrong, such as the control step, is a warning.

    Args:
        policy: The policy that will act in it.
        env: An environment with one task and one episode, such as :func:`robotmeta.wrap` makes.

    Raises:
        UserError: If observations or actions do not fit, if there are several worlds, or if the policy observes the
            task's parameters or images.
    """
    family = policy.family
    if policy.config.hyperparameters.oracle:
        raise UserError(
            "this policy is an oracle: it observes the task's parameters, which only its own family provides"
        )
    images = [name for name, group in (family.observation_groups or {}).items() if not group.is_vector]
    if images:
        raise UserError(f"this policy observes {', '.join(images)}; environments are observed as one vector of numbers")
    if (env.num_tasks, env.num_episodes) != (1, 1):
        raise UserError(
            f"target must have one task and one episode, not {env.num_tasks} tasks and {env.num_episodes} episodes"
        )
    fitting, notes = matched(env, family)
    for note in (*notes, *_differences(policy, env)):
        warnings.warn(note, EnvironmentWarning, stacklevel=3)
    return fitting


def control_step(policy: Policy, env: BatchEnv) -> float:
    """Duration of a control step of the environment, s; that of the policy's family if it does not tell."""
    step = getattr(env, "control_step", None)
    return policy.family.dt if step is None else step.seconds


def check_replay(policy: Policy, env: BatchEnv) -> None:
    """Raises UserError if a fit cannot replay the environment's actions, because its control step is another one."""
    step, dt = getattr(env, "control_step", None), policy.family.dt
    if step is None or not _differs(step, dt):
        return
    times = dt / step.seconds
    whole = round(times) > 1 and abs(times - round(times)) < 0.01
    hint = f": let a step of the environment repeat its action {times:.0f} times" if whole else ""
    raise UserError(
        f"a fit replays actions in control steps of {dt:g} s, as the policy was trained; the environment's are "
        f"{step.seconds:g} s ({step.source}){hint}"
    )


def check_log_step(log: Path, dt: float, family: TaskFamily) -> None:
    """Raises UserError if recorded actions are not those of the family's control steps."""
    if not abs(dt - family.dt) <= 0.01 * family.dt:
        raise UserError(f"{log}: its control step is {dt:g} s, that of family '{family.name}' is {family.dt:g} s")


def _differs(step: ControlStep, dt: float) -> bool:
    return abs(step.seconds - dt) > step.tolerance * dt


def _differences(policy: Policy, env: BatchEnv) -> list[str]:
    differences: list[str] = [*getattr(env, "remarks", ())]
    step, dt = getattr(env, "control_step", None), policy.family.dt
    if step is not None and _differs(step, dt):
        differences.append(
            f"the environment's control step is {step.seconds:g} s ({step.source}), the policy's is {dt:g} s: it acts "
            f"{'more' if step.seconds < dt else 'less'} often than it was trained to"
        )
    return differences
