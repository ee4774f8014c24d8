"""Task families from a user's own robots."""
