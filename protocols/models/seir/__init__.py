"""The S-E-I-R family: transmission, progression, waning immunity, doses, and their relaxations."""
