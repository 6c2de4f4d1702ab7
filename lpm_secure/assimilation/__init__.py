"""A calibration that follows new periods, without a refit."""
