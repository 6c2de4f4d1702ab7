"""What estimators are given: agents, contacts, parameters, outputs, seeds."""
