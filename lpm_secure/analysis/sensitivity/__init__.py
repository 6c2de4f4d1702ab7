"""Sensitivities of outputs to parameters, and the verification of estimators."""
