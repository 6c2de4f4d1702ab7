"""Commands of data and populations."""
