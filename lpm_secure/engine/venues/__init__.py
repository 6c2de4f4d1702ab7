"""Agents of any model that meet in venues: households, schools, workplaces, and what mixes in them."""
