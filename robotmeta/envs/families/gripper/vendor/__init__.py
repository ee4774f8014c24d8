"""Vendors' arms with the interface of the gripper's families ``reach`` and ``grasp``."""
