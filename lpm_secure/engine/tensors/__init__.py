"""Agents on torch tensors, on any device."""
