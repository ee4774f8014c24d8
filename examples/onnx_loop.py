"""Export a policy, and run it with ONNX Runtime alone, as on a robot. It adapts as it acts.

pip install 'robotmeta[export]' onnxruntime
python onnx_loop.py
"""

import json
import time

import gymnasium
import numpy as np
import onnxruntime

import robotmeta as rm

EPISODES = 2
WAIT = True  # for the end of each control step; a simulated robot need not


def main() -> None:
    policy = rm.load("pretrained:cheetah-direction")
    rm.export(policy, "policy.onnx")

    # From here on there is neither torch nor MuJoCo, but for the simulated robot.
    session = onnxruntime.InferenceSession("policy.onnx")
    about = json.loads(session.get_modelmeta().custom_metadata_map["robotmeta"])
    memory = {name: np.array(value, np.float32) for name, value in about["begin"].items()}
    robot = gymnasium.make("robotmeta/CheetahDirection-v0", task={"direction": "backward"})
    for episode in range(EPISODES):
        observation, _ = robot.reset(seed=episode)
        total, start, done = 0.0, 1.0, False
        while not done:
            began = time.perf_counter()
            inputs = {"observation": observation.astype(np.float32), "start": np.array([start], np.float32), **memory}
            action, hidden = session.run(["action", "next_hidden"], inputs)
            observation, reward, terminated, truncated, _ = robot.step(action)
            memory = {"last_action": action, "last_reward": np.array([reward], np.float32), "hidden": hidden}
            total, start, done = total + float(reward), 0.0, terminated or truncated
            if WAIT:
                time.sleep(max(0.0, began + about["dt"] - time.perf_counter()))
        print(f"episode {episode}: return {total:.0f}")


if __name__ == "__main__":
    main()
