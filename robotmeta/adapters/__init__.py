"""Environments of other packages to adapt in, and our families as Gymnasium environments."""
