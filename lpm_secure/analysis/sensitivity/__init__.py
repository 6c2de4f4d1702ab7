"""How outputs answer to parameters: estimators held against differences, and sensitivities as a tornado."""
