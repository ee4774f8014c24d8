"""Adaptation of a policy to a task or a robot it was not trained on."""
