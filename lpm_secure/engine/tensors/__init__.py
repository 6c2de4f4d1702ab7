"""Agents on torch tensors, CPU or CUDA: the substeps that clients run on numpy, on other arrays."""
