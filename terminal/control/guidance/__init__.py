"""Where the gimbal may look, and how it gets there."""
