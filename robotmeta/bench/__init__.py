"""Speed of collection and of meta-updates, as ratios measured in one run."""
