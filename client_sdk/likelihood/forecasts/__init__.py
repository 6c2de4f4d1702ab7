"""What an institution that takes part in a calibration forecasts of its own series, and takes home."""
