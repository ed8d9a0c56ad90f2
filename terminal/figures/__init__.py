"""The article's Figs 2, 3 and 4 from this project's own models, with what had to be assumed.

The article: Trinh and Sugiura, "Quantum Internet in the Sky", IEEE Commun. Mag.,
doi 10.1109/MCOM.003.2300835.
"""
