"""Controllers, centroid, scan patterns. Pure functions."""
