"""Published values beside this project's own: what each is held against, and by which rule.

One file to a theme; `checks()` of each lists its `Check`s. `page` writes them down.
"""
