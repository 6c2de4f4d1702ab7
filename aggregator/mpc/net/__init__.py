"""Connections between operators: TLS, frames, a mesh that opens shares."""
