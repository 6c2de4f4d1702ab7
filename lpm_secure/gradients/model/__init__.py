"""Any model as a problem: its parameters by name, its people, its series."""
