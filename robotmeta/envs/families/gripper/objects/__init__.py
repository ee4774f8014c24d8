"""Grasping of objects that are composed of primitives, beside a neighbour, near the edge of a table."""
