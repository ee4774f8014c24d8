"""Robots of the DeepMind Control Suite."""
