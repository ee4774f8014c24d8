"""Meta-training: the outer loop, the folder of a run, checkpoints and logs."""
