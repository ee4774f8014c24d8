"""Quadrupeds with 12 joints, fifteen real robots among them."""
