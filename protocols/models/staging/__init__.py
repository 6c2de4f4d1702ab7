"""The staged disease by age: parameters, transmission, progression."""
