"""Commands that run a configuration."""
