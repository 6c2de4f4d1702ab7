"""Hospitals of New York City in the second wave of COVID-19: one of the catalogue's calibrations."""
