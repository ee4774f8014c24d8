"""Videos, plots, reports and exported policies."""
