"""A model of two interventions: contacts that are reduced from a step on, and a vaccine."""
