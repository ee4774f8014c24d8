"""Adaptation of a policy to one robot in a few episodes."""
