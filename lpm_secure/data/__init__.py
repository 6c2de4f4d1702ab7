"""Real data, read through a catalogue that checks every file; and a look-alike for where they cannot be had.

`catalogue` finds, fetches and checks files; `csv_table` and `rows` read them; the other modules each read one source.
"""
