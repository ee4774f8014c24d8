"""``robotmeta view``."""

from __future__ import annotations

from typing import Annotated

import robotmeta as rm
from robotmeta.cli.shared import (
    FamilyName,
    Forward,
    PolicySource,
    RobotFile,
    TaskValues,
    console,
    default,
    load,
    pairs,
    task_values,
)
from robotmeta.errors import UserError


def view(
    policy: PolicySource,
    task: TaskValues = (),
    split: Annotated[str | None, default("test")] = None,
    robot: RobotFile = None,
    robot_forward: Forward = None,
    episodes: int = 3,
    seed: int = 0,
    window: bool = False,
    browser: bool = False,
    port: int = 8080,
    host: str = "localhost",
    family: FamilyName = None,
    trust: bool = False,
) -> None:
    """Watch a policy adapt in a live simulation, change the task while it acts, and push the robot.

    The simulation is in MuJoCo's window where there is a screen, else on a page for the browser. Ctrl-C ends it.

    Example: robotmeta view pretrained:quadruped --browser

    Example: robotmeta view pretrained:grasp --task shape=capsule latency=110 --browser --port 9000

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        task: Parameters of the first task, or robot=NAME where the family names robots. The other parameters are
            nominal.
        split: Start with the first task of this split, test or ood, instead.
        robot: Act in the model of a vendor's robot. --task then gives conditions, such as payload_mass=2.
        robot_forward: Axis of the robot's model that points forward, such as x or -y.
        episodes: Adaptation episodes, in which the policy explores. Afterwards it acts by its mean.
        seed: Fixes initial states and exploration.
        window: Open MuJoCo's window.
        browser: Show it in the browser, and print the address. It needs the extra view.
        port: Port of the page.
        host: Address of the page; 0.0.0.0 shows it to other computers too.
        family: Act in this family, NAME, FILE.py:FUNCTION or MODULE:FUNCTION, whatever the policy's file calls it.
        trust: Import and call the function that the policy's file names as its family.
    """
    if window and browser:
        raise UserError("give --window or --browser, not both")
    if split is not None and (task or robot is not None):
        raise UserError("--split is for a task that is drawn: give it without --task and --robot")
    if robot is None and robot_forward is not None:
        raise UserError("--robot-forward is for --robot")
    loaded = load(policy, family, trust)
    rm.view(
        loaded,
        _first(loaded, task, split, robot, robot_forward),
        episodes=episodes,
        seed=seed,
        window=True if window else False if browser else None,
        port=port,
        host=host,
        on_address=lambda address: console.print(f"In the browser: {address} (Ctrl-C ends)"),
    )


def _first(
    policy: rm.Policy, items: tuple[str, ...], split: str | None, robot: str | None, forward: str | None
) -> rm.Tasks | rm.VendorRobot:
    """The task or the robot that the view starts with."""
    if robot is not None:
        from robotmeta.cli.vendor import read

        return read(robot, policy.family.name, forward).under(**pairs(items))
    if items:
        return policy.family.task(**task_values(policy.family, items))
    return policy.family.tasks(split or "test", 1)
