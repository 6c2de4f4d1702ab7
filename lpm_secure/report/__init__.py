"""What a run of any kind leaves for people and programs: figures, tables, a page, and lines for a terminal."""
