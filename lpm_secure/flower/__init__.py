"""Calibration as a Flower app: sealed shares travel as Flower messages, and only sums are put together."""
