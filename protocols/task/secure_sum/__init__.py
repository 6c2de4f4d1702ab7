"""Sums of vectors of institutions: what they may be, and how garbage in them is traced."""
