"""Speed of collection and of meta-updates, as ratios that are measured in one run."""
