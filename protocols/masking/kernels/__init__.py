"""What a range proof computes over whole vectors, by numpy or compiled, with the same bytes."""
