"""Videos, plots, pages and exported policies."""
