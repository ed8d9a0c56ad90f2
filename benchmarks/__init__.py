"""`python -m benchmarks` prints every speed figure of qsky beside a unit timed in the same run."""
