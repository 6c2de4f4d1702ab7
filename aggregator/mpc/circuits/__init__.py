"""Boolean circuits, evaluated 64 numbers at a time.

In `bit_planes` one machine word carries one bit of 64 numbers; `carry_tree` answers whether a public number is below a
secret one, with gates of four inputs and one opening a level.
"""
