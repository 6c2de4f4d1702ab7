"""A run between real parties: one file that says all of it, its manifest, and a kit for each party."""
