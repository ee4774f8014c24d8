"""What a world looks like: its parts as plain data for viewers, and MuJoCo's own window."""
