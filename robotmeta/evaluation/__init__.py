"""Evaluation on held-out tasks beside controls."""
