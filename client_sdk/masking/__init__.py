"""A client of the masked backend: the same masked words to both aggregators, and answers that show tampering."""
