"""Scores of forecasts that are quantiles, and what they say over many origins."""
