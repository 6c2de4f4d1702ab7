"""Deterministic compartments, susceptible to removed, by place and group: the expected course of one series."""
