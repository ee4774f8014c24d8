"""A user's own robot as a task family."""
