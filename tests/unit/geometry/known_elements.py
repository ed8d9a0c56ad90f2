"""Two-line elements used in several tests, and where the SGP4 report's data lie."""

from pathlib import Path

import sgp4

SGP4_FOLDER = Path(sgp4.__file__).parent

MICIUS = (
    "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993",
    "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063",
)
# From the verification set of AIAA 2006-6753: a geostationary satellite, and one that decays.
GEOSTATIONARY = (
    "1 28626U 05008A   06176.46683397 -.00000205  00000-0  10000-3 0  2190",
    "2 28626   0.0019 286.9433 0000335  13.7918  55.6504  1.00270176  4891",
)
DECAYING = (
    "1 28872U 05037B   05333.02012661  .25992681  00000-0  24476-3 0  1534",
    "2 28872  96.4736 157.9986 0303955 244.0492 110.6523 16.46015938 10708",
)
