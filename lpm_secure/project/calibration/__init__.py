"""A project of a calibration: its file, its manifest, and the kits of its institutions and its centre."""
