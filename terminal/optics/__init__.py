"""Beam and background light: what reaches the receiver. Pure functions."""
