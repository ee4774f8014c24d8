"""Parts of fine-tuning: its budget, the comparison of policies in simulation, its outer loop, and its files."""
