from pathlib import Path

from robotmeta import TaskFamily
from robotmeta.envs import Choice, goal, scale


def family() -> TaskFamily:
    return TaskFamily.from_mjcf(
        Path(__file__).with_name("crawler.xml"),
        vary={
            "direction": goal(Choice((-1.0, 1.0)), labels={1.0: "forward", -1.0: "backward"}),
            "torso.mass": scale(0.5, 2.0, ood=(2.0, 3.0)),
            "floor.friction": scale(0.5, 1.5),
            "*.strength": scale(0.7, 1.2),
        },
        reward=lambda step: step.task["direction"] * step.after["qvel"][..., 0] - 0.02 * step.action.square().sum(-1),
        horizon=100,
        summary="A box with one arm crawls forward or backward; the direction is hidden.",
    )
