"""Torch: the device that the engine computes on, and contacts as tensors."""
