"""Beam, background and polarisation models. Pure functions."""
