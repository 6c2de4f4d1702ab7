"""Common factors of levels: of which outcomes there are scores by them, and these in integers."""
