"""A city made from census tables: places, households, schools, workplaces, venues, mixing; each with its own draws.

`nyc` and `look_alike` begin; `compose` writes the columns that the parts yield; `comparison` holds them against the
tables.
"""
