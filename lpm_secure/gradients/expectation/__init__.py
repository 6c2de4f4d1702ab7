"""Estimators that draw nothing: derivatives of expected dynamics, in which agents are in states with a probability."""
