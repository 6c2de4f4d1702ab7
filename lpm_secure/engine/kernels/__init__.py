"""Compiled loops over agents and contacts, which know no model."""
