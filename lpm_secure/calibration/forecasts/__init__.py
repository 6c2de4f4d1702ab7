"""Forecasts, baselines and scores."""
