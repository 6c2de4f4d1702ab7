"""Calibration of a run by the derivatives of its private agents: parameters by name, against told observations."""
