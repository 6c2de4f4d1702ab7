"""Configurations that run as they are, and models of one's own."""
