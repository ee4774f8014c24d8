"""What legged robots share: their world, motion in natural units, load, faults, sensors and commands."""
