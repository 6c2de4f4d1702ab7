"""Likelihoods of private series, and forecasts from them."""
