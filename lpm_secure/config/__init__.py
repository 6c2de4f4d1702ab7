"""Configurations: TOML into frozen types, and from these to what a manifest says.

`simulation` is a whole run, of which `model`, `synthetic`, `gradient` and `releases` are parts; `laws` and `day_law`
make integer laws of days; `gradient_spec` goes to the manifest's.
"""
