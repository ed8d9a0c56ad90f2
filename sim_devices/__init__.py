"""The world, and one emulator for each driver: it answers with the same bytes."""
