"""A gripper on a gantry: model and families."""
