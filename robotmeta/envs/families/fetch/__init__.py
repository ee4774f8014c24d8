"""The Fetch arm of gymnasium-robotics."""
