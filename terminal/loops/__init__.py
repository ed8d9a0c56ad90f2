"""One file a loop: what it reads, how its step is built, what it writes. No maths here."""
