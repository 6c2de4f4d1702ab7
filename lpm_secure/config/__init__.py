"""Configurations: TOML into frozen types, and from these to what a manifest says."""
