"""A policy that is a small network: an office whose people stay at home as often as it advises."""
