"""Where a disturbance will stand some samples from now: learned from itself while it runs."""
