"""Quadrupeds that follow commands: forward speed, sideways speed and yaw rate."""
