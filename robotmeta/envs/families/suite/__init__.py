"""Families over robots of the DeepMind Control Suite."""
