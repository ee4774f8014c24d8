"""Bipeds: humanoids that follow commands."""
