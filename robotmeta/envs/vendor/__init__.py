"""Reads the MJCF file of a vendor's robot into the interface of a task family."""
