"""Uneven ground: kinds of terrain and pools of them."""
