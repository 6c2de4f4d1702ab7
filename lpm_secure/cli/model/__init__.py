"""Commands for who writes a model."""
