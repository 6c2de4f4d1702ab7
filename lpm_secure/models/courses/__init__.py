"""Models of series: the expected course of what institutions count, as a calibration asks for it."""
