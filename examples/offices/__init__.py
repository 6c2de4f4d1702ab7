"""A model of one's own in a city: who works at home, among colleagues and family."""
