"""Legged robots that follow commands: what they are told, what an episode remembers, rewards and measures."""
