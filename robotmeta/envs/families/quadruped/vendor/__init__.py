"""Vendors' quadrupeds with the interface of the family ``quadruped``."""
