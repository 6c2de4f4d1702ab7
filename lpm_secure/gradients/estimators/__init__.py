"""Estimators of the derivative of expected outputs."""
