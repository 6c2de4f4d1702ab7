"""Sums of institutions' vectors: one interface, several transports."""
