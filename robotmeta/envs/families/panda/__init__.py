"""The Franka Emika Panda, an arm with 7 joints."""
