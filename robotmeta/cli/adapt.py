"""``robotmeta adapt``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from rich.table import Column, Table

import robotmeta as rm
from robotmeta.cli.shared import (
    OPTIONAL,
    FamilyName,
    File,
    PolicySource,
    Simulator,
    TaskValues,
    check_targets,
    console,
    default,
    first_names,
    load,
    returns,
    task_of,
    write_json,
)
from robotmeta.errors import UserError

if TYPE_CHECKING:
    from robotmeta.envs import Estimate


def adapt(
    policy: PolicySource,
    task: TaskValues = (),
    env: Annotated[str | None, OPTIONAL] = None,
    horizon: Annotated[int | None, default("the environment's time limit")] = None,
    episodes: int = 3,
    evaluation_episodes: int = 10,
    seed: int = 0,
    simulator: Simulator = None,
    family: FamilyName = None,
    trust: bool = False,
    out: File = None,
    json: File = None,
) -> None:
    """Adapt a policy to one robot it has never seen, and measure what that gains.

    Example: robotmeta adapt runs/demo --task direction=backward --episodes 3 --out adapted.safetensors

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the policy's file calls it.
        trust: Import and call the function that the policy's file names as its family.
        task: Parameters of the task, or robot=NAME where the family names robots. The other parameters are nominal.
        env: Instead of a task, a Gymnasium id, dm_control:DOMAIN-TASK, MODULE:FACTORY or FILE.py:FACTORY.
        horizon: Control steps an episode of --env.
        episodes: Adaptation episodes in all.
        evaluation_episodes: Episodes that measure the return before and after adaptation.
        seed: Fixes initial states and exploration.
        simulator: Physics backend, such as mujoco; auto chooses one that runs the family.
        out: Write the adapted policy here.
        json: Write the result here.
    """
    check_targets(out, json)
    if horizon is not None and env is None:
        raise UserError("--horizon is for --env; a family has its own")
    if env is not None and task:
        raise UserError("give either --task or --env, not both")
    loaded = load(policy, family, trust)
    space = loaded.family.space
    if env is not None:
        target, what, named = rm.wrap(env, horizon=horizon), {"env": env}, env
    else:
        target = task_of(loaded, task)
        what = next(iter(target))
        named = ", ".join(f"{p.name} = {p.text(what[p.name])}" for p in space)
    result = rm.adapt(
        loaded,
        target,
        episodes=episodes,
        seed=seed,
        evaluation_episodes=evaluation_episodes,
        simulator=simulator,
    )
    if out is not None:
        rm.save_policy(result.policy, out)
    answer = {"return_before": result.return_before, "return_after": result.return_after, "episodes": episodes}
    answer["inferred"] = result.inferred and {name: e._asdict() for name, e in result.inferred.items()}
    write_json(json, {"family": loaded.family.name, "task": what, **answer})
    console.print(f"{loaded.family.name}, {named}\n{returns(result, episodes)}")
    if result.inferred is not None:
        _show_inferred(result.inferred, what, space)
    if out is not None:
        console.print(f"Adapted policy: {out}")


def _show_inferred(inferred: Mapping[str, Estimate], task: Mapping[str, Any], space: rm.ParameterSpace) -> None:
    """Prints the inferred parameters, surest first, beside their true values where those are known."""
    sure = [name for name, e in inferred.items() if e.sure]
    unsure = [p.name for p in space if p.name not in sure]
    if sure:
        actual = [Column("true value")] if sure[0] in task else []
        table = Table("parameter", "inferred", "plausible", *actual, title="Inferred parameters")
        for name in sure:
            e, p = inferred[name], space[name]
            plausible = " or ".join(map(p.text, e.kinds)) or f"{p.text(e.low, unit=False)} to {p.text(e.high)}"
            table.add_row(name, p.text(e.value), plausible, *([p.text(task[name])] if actual else []))
        console.print(table)
    if unsure:
        console.print(f"Not known after these episodes: {first_names(unsure)}.")
