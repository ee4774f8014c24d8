"""Quadrupeds with 12 joints: model, real robots by name, and families."""
