"""Federated calibration: institutions that may not pool their series fit one model together."""
