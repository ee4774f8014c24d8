"""Experience of policies in batches of worlds, and the returns and advantages computed from it."""
