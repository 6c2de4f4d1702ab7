"""The expected dynamics that a calibration fits."""
