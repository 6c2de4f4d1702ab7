"""Real data, read through a catalogue that checks every file; and a look-alike for where they cannot be had.

`catalogue` finds, fetches and checks files; `rows` reads text; the other modules each read one source.
"""
