"""What a run was allowed to learn, what it did learn, and who saw what: from its files alone."""
