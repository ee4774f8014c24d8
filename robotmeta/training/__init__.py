"""Meta-training: the loop, its run folder and its log."""
