"""Train with Stable-Baselines3 on a family's Gymnasium id: a baseline that does not adapt.

pip install stable-baselines3
python stable_baselines.py
"""

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

import robotmeta as rm

STEPS = 100_000
EPISODES = 20


def main() -> None:
    # The module before the colon registers the ids. A new task is drawn at each reset.
    worlds = make_vec_env("robotmeta:robotmeta/CheetahVelocity-v0", n_envs=4, env_kwargs={"sample_task": True}, seed=0)
    model = PPO("MlpPolicy", worlds, n_steps=256, device="cpu", seed=0)
    model.learn(STEPS)
    model.save("ppo-cheetah-velocity")

    family = rm.make("cheetah-velocity")
    for task in family.tasks("test", 3):  # held-out tasks, as rm.evaluate has them
        world = make_vec_env("robotmeta/CheetahVelocity-v0", env_kwargs={"task": task})
        mean, _ = evaluate_policy(model, world, n_eval_episodes=EPISODES)
        print(f"{task}: return {mean:.0f}")


if __name__ == "__main__":
    main()
