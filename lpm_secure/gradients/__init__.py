"""Derivatives of expected outputs of the discrete epidemic by its parameters, and how they are verified."""
