"""From camera frames to a confirmed beacon."""
