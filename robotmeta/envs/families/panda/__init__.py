"""A 7-joint arm: model and family."""
