"""Comparisons by a tree of small products, whose openings each aggregator proves to the other with the dealer."""
