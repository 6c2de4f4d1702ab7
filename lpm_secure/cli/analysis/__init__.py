"""Commands that calibrate, differentiate and estimate risk."""
