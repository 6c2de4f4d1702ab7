"""A model that hears a public number: an office that closes while many are ill."""
