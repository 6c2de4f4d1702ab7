"""A client in a simulation: its rounds (`client`, `exchange`), its own part of hazards and of a score (`own_*`)."""
