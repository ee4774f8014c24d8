"""A policy in a live simulation: the session, and what shows it in a browser or in MuJoCo's window."""
