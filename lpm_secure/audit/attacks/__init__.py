"""Attacks on this build: one aggregator of an active run tells every lie that a change of one of its messages makes."""
