"""A step of a local chain: where states stand, how they move, and how derivatives go back through a move."""
