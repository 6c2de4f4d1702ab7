"""What the house asks of its own code, beyond style and types: `python -m tests.checks`."""
