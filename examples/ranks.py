"""Train one policy in several processes. The result is that of one process, up to the rounding of sums.

torchrun --nproc-per-node 2 ranks.py
torchrun --nproc-per-node 2 --max-restarts 3 ranks.py     # goes on from the newest checkpoint if one dies
python ranks.py                                           # the same in one process
"""

import os

import robotmeta as rm

ITERATIONS = 60
META_BATCH = 48  # a multiple of the number of processes, each of which has the worlds of some of its tasks
TASKS = 10


def main() -> None:
    run = rm.meta_train(
        "cheetah-direction",
        iterations=ITERATIONS,
        hyper={"meta_batch": META_BATCH},
        threads=1,
        out="runs/ranks",
        continue_=True,
    )
    if int(os.environ.get("RANK", "0")) == 0:  # one of them evaluates
        print(rm.evaluate(run.policy, tasks=TASKS, episodes=2).verdict())


if __name__ == "__main__":
    main()
