"""Many seeds of configurations: each run in the clear, in this process or in several."""
