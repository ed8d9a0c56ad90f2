"""Recording, replay and what a machine needs to read a recording."""
