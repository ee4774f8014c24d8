"""Evaluation of policies on held-out tasks, next to controls."""
