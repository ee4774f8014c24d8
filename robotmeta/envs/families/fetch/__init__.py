"""The Fetch arm of gymnasium-robotics: model and families."""
