"""Federated calibration: hospitals that may not pool their data fit one model of the city together."""
