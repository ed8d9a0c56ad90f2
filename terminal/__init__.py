"""The flight software. `terminal.main` lists every loop; `terminal.messages` every message."""
