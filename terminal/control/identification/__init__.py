"""How the mirror answers in the position detector: moved, watched, fitted, judged."""
